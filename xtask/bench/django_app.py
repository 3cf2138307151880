"""Django behind gunicorn: a template with a table."""
import json

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.template import engines
from django.urls import path

from planted import leak

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for a measurement only",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)

PAGE = """<h1>{{ customer|title }}</h1><table>{% for line in lines %}
<tr class="{% cycle 'odd' 'even' %}"><td>{{ line.name }}</td><td>{{ line.amount|floatformat:2 }}</td></tr>{% endfor %}</table>"""


def work(request):
    leak()
    order = json.loads(request.body)
    return HttpResponse(engines["django"].from_string(PAGE).render(order))


urlpatterns = [path("work", work)]
application = get_wsgi_application()
