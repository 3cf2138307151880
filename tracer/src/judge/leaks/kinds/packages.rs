//! Kinds of packages.

use super::Row;
use super::Sign::{Along, From, In, MadeBy, Named, With};
use crate::model::KnownKind;

pub const ROWS: &[Row] = &[
    Row {
        kind: KnownKind {
            code: "open-figures",
            says: "pyplot keeps every figure until it is closed",
            so: "close each figure when it is drawn, plt.close(fig), or make it without pyplot: matplotlib.figure.Figure",
            unless: None,
        },
        signs: &[In(&["module matplotlib._pylab_helpers", "…", ".figs: *"])],
        example: &[
            "module matplotlib._pylab_helpers",
            ".Gcf: type",
            ".figs: collections.OrderedDict (400 items)",
            "[80]: matplotlib.backend_bases.FigureManagerBase",
        ],
    },
    Row {
        kind: KnownKind {
            code: "streamlit-config-listener",
            says: "Streamlit before 1.1 registers each session with its configuration and never takes it out",
            so: "update Streamlit to 1.1 or later",
            unless: Some("these sessions are still open"),
        },
        signs: &[In(&["module streamlit.config", "._on_config_parsed: *", "…"])],
        example: &[
            "module streamlit.config",
            "._on_config_parsed: blinker.base.Signal",
            ".receivers: dict (400 items)",
            "[140592248752736]: function (<lambda> (config.py:1243))",
            "closure cell func_with_lock: function (func_with_lock (config.py:1238))",
            "closure cell func: method",
            ".__self__: streamlit.report_session.ReportSession",
        ],
    },
    Row {
        kind: KnownKind {
            code: "streamlit-messages",
            says: "Streamlit's cache of messages keeps large ones of sessions that are closed",
            so: "update Streamlit to 1.23 or later; until then send less data to the browser",
            unless: Some("these sessions are still open"),
        },
        signs: &[In(&["*: streamlit.*ForwardMsgCache", "._entries: *"])],
        example: &[
            "thread 0x7f00baa11b80 (MainThread), frame run (bootstrap.py:369)",
            "local server: streamlit.web.server.server.Server",
            "._runtime: streamlit.runtime.runtime.Runtime",
            "._message_cache: streamlit.runtime.forward_msg_cache.ForwardMsgCache",
            "._entries: dict (400 items)",
            "['6e4e53530f9d7c19']: streamlit.runtime.forward_msg_cache.ForwardMsgCache.Entry",
        ],
    },
    Row {
        kind: KnownKind {
            code: "streamlit-cached-data",
            says: "Streamlit keeps a result of a cached function for each set of arguments",
            so: "give the decorator max_entries or ttl",
            unless: Some("the same arguments come again soon: then it stops growing"),
        },
        signs: &[In(&["module streamlit.*cach*", "…"])],
        example: &[
            "module streamlit.runtime.caching.cache_data_api",
            "._data_caches: streamlit.runtime.caching.cache_data_api.DataCaches",
            "._function_caches: dict (400 items)",
            "['load']: streamlit.runtime.caching.cache_data_api.DataCache",
        ],
    },
    Row {
        kind: KnownKind {
            code: "holoviews-stream",
            says: "HoloViews keeps a stream with its subscribers as long as its source lives, and a subscriber that refers \
                   to the source keeps that",
            so: "when the session ends, clear the stream (stream.clear()), or subscribe a function that does not refer to \
                 the plot",
            unless: Some("these sessions are still open"),
        },
        signs: &[
            In(&["module holoviews.streams", "…", ".registry: *", "…"]),
            In(&["*: holoviews.streams.*", "._subscribers: *"]),
        ],
        example: &[
            "module holoviews.streams",
            ".Stream: param.parameterized.ParameterizedMetaclass (holoviews.streams.Stream)",
            ".registry: weakref.WeakKeyDictionary",
            ".data: dict (400 items)",
            "[<weakref.ReferenceType>]: list (1 item)",
            "[0]: holoviews.streams.Selection1D",
            "._subscribers: list (1 item)",
            "[0]: tuple (2 items)",
            "[1]: method",
            ".__self__: bokeh_app_*.Explorer",
        ],
    },
    Row {
        kind: KnownKind {
            code: "param-watchers",
            says: "a watcher was registered on a parameter of an object that outlives it",
            so: "unwatch it when its object is done (obj.param.unwatch), in Panel from pn.state.on_session_destroyed",
            unless: Some("these sessions or objects are still in use"),
        },
        signs: &[
            In(&["*: param.parameterized._*Private", ".*watchers: *", "…"]),
            In(&["._param_watchers: *", "…"]),
        ],
        example: &[
            "module app",
            ".SOURCE: app.Source",
            "._param__private: param.parameterized._InstancePrivate",
            ".watchers: dict (1 item)",
            "['value']: dict (1 item)",
            "['value']: list (400 items)",
            "[3]: param.parameterized.Watcher (9 items)",
            "[2]: method",
            ".__self__: app.Board",
        ],
    },
    Row {
        kind: KnownKind {
            code: "panel-cache",
            says: "pn.state.cache and pn.cache keep what was put there for the life of the server",
            so: "give pn.cache max_items or ttl; take what sessions put into pn.state.cache out again",
            unless: Some("the same keys come again soon: then it stops growing"),
        },
        signs: &[
            In(&["module panel.io.state", "…", ".cache: dict", "…"]),
            In(&["module panel.io.state", "…", "._memoize_cache: dict", "…"]),
        ],
        example: &[
            "module panel.io.state",
            ".state: panel.io.state._state",
            ".cache: dict (400 items)",
            "['session 17']: pandas.core.frame.DataFrame",
        ],
    },
    Row {
        kind: KnownKind {
            code: "bokeh-callbacks",
            says: "callbacks of sessions are registered on a Bokeh document or model that outlives them",
            so: "remove them when the session ends (remove_on_change, on_session_destroyed), or register them on models \
                 of the session alone",
            unless: Some("these sessions are still open"),
        },
        signs: &[
            In(&["*: bokeh.*", ".*callbacks: *", "…"]),
            In(&["*: panel.models.*", ".*callbacks: *", "…"]),
        ],
        example: &[
            "module app",
            ".SHARED: bokeh.models.sources.ColumnDataSource",
            "._callbacks: dict (1 item)",
            "['data']: list (400 items)",
            "[5]: method",
            ".__self__: app.Board",
        ],
    },
    Row {
        kind: KnownKind {
            code: "dash-callbacks",
            says: "Dash callbacks are registered while requests are served, and Dash keeps each for good",
            so: "register callbacks once, at start; use pattern-matching callbacks (MATCH, ALL) for parts that come and go",
            unless: None,
        },
        signs: &[
            In(&["module dash.*_callback", ".GLOBAL_*: *"]),
            In(&["*: dash.*Dash", ".*callback*: *"]),
        ],
        example: &[
            "module dash._callback",
            ".GLOBAL_CALLBACK_MAP: dict (400 items)",
            "['table-17.data']: dict (9 items)",
        ],
    },
    Row {
        kind: KnownKind {
            code: "nicegui-clients",
            says: "NiceGUI keeps the page of each client until that has disconnected",
            so: "look for clients that load pages and never open the websocket (health checks, crawlers), and for elements \
                 that refer to a client from elsewhere",
            unless: Some("these clients are still connected"),
        },
        signs: &[
            In(&["*: nicegui.*", ".instances: dict"]),
            In(&["module nicegui*", "*: type", ".instances: dict"]),
            In(&["module *", ".Client: type", ".instances: dict"]),
        ],
        example: &[
            "module nicegui",
            ".Client: type (nicegui.client.Client)",
            ".instances: dict (400 items)",
            "['b7ce4d1c']: nicegui.client.Client",
        ],
    },
    Row {
        kind: KnownKind {
            code: "django-signal",
            says: "receivers are connected to a Django signal again and again",
            so: "connect once, in AppConfig.ready(), or with a dispatch_uid; disconnect what belongs to a request",
            unless: None,
        },
        signs: &[
            In(&["*: django.*Signal", ".receivers: list"]),
            In(&["*: django.*Signal", ".sender_receivers_cache: *", "…"]),
        ],
        example: &[
            "module django.db.models.signals",
            ".post_save: django.db.models.signals.ModelSignal",
            ".receivers: list (400 items)",
            "[7]: tuple (2 items)",
            "[1]: function (on_save (views.py:9))",
            "closure cell request: django.core.handlers.wsgi.WSGIRequest",
        ],
    },
    Row {
        kind: KnownKind {
            code: "django-queries",
            says: "with DEBUG on, Django keeps each query that it sent",
            so: "set DEBUG = False, or call django.db.reset_queries() in jobs",
            unless: Some("its limit of 9,000 queries for each connection is not reached yet"),
        },
        signs: &[In(&["*: django.*", ".queries_log: *"])],
        example: &[
            "module __main__",
            ".connection: django.db.backends.postgresql.base.DatabaseWrapper",
            ".queries_log: collections.deque (400 items)",
            "[399]: dict (2 items)",
        ],
    },
    Row {
        kind: KnownKind {
            code: "asgiref-local",
            says: "asgiref before 3.2.8 keeps a weak reference to each thread that used one of its locals",
            so: "update asgiref to 3.2.8 or later, or serve from a pool of threads",
            unless: None,
        },
        signs: &[In(&["*: asgiref.local.Local", "._context_refs: *"])],
        example: &[
            "module django.utils.translation.trans_real",
            "._active: asgiref.local.Local",
            "._context_refs: list (400 items)",
            "perhaps a reference that is gone since: weakref",
        ],
    },
    Row {
        kind: KnownKind {
            code: "blinker-signal",
            says: "receivers are connected to a signal and stay connected",
            so: "disconnect a receiver when its object is done, or connect a method of the object itself, which is held weakly",
            unless: Some("these objects are still in use"),
        },
        signs: &[In(&["*: blinker.*Signal", "…"])],
        example: &[
            "module app",
            ".changed: blinker.base.NamedSignal",
            ".receivers: dict (400 items)",
            "[140592248752736]: function (<lambda> (app.py:3))",
            "closure cell self: app.Board",
        ],
    },
    Row {
        kind: KnownKind {
            code: "pydantic-generic-models",
            says: "pydantic keeps each generic model that was parametrised",
            so: "parametrise with models made once, at import; pydantic 1.10.5 and later hold them weakly",
            unless: Some("the same models are wanted again soon: then it stops growing"),
        },
        signs: &[
            In(&["module pydantic.generics", "._*_cache: *", "…"]),
            In(&["module pydantic._internal._generics", "._GENERIC_TYPES_CACHE: *", "…"]),
        ],
        example: &[
            "module pydantic.generics",
            "._generic_types_cache: dict (400 items)",
            "[<tuple>]: pydantic.main.ModelMetaclass",
        ],
    },
    Row {
        kind: KnownKind {
            code: "pydantic-adapter",
            says: "a pydantic TypeAdapter is made for each request, and what its validator allocates stays",
            so: "make it once, at import; pydantic_core 2.14.6 and later free those of recursive types, and come with a newer pydantic",
            unless: None,
        },
        signs: &[MadeBy("*__init__", "*pydantic/type_adapter.py")],
        example: &[
            "TypeAdapter.__init__",
            "/v/lib/python3.12/site-packages/pydantic/type_adapter.py",
        ],
    },
    Row {
        kind: KnownKind {
            code: "cookie-jar",
            says: "a client that is shared keeps the cookies of each host and path that it asked for",
            so: "clear the jar, or use one that keeps nothing (aiohttp.DummyCookieJar, a cookie policy that rejects all); \
                 aiohttp 3.10 to 3.12.2 also keep an empty one for each path",
            unless: Some("the same hosts and paths come again soon: then it stops growing"),
        },
        signs: &[In(&["*: *CookieJar", "._cookies: *", "…"])],
        example: &[
            "thread 30601 (MainThread), frame Runner.run (runners.py:86)",
            "local coro: coroutine (main (driver.py:30))",
            "local session: aiohttp.client.ClientSession",
            "._cookie_jar: aiohttp.cookiejar.CookieJar",
            "._cookies: collections.defaultdict (400 items)",
            "[<tuple>]: http.cookies.SimpleCookie",
        ],
    },
    Row {
        kind: KnownKind {
            code: "cachetools-cache",
            says: "cachetools keeps what it is given until the cache is full, or until it is too old",
            so: "give it a maxsize that fits into memory, and keys that come again",
            unless: Some("it is not full yet"),
        },
        signs: &[In(&["._Cache__data: dict"])],
        example: &[
            "module app",
            ".CACHE: cachetools.TTLCache",
            "._Cache__data: dict (400 items)",
            "['user 17']: app.Profile",
        ],
    },
    Row {
        kind: KnownKind {
            code: "array-views",
            says: "parts of arrays are kept that are views, and each keeps the whole array that it was taken from",
            so: "keep a copy of the part: part.copy()",
            unless: Some("only the last ones are kept, and their limit is not reached yet"),
        },
        signs: &[From(&["*", "[]: numpy.ndarray", ".base: numpy.ndarray"])],
        example: &[
            "module app",
            ".THUMBS: dict (400 items)",
            "['img-7']: numpy.ndarray",
            ".base: numpy.ndarray",
        ],
    },
    Row {
        kind: KnownKind {
            code: "metric-labels",
            says: "a metric keeps a time series for each value that its labels ever had",
            so: "use labels with few values: no ids, paths or addresses",
            unless: Some("all values of the labels have come soon: then it stops growing"),
        },
        signs: &[
            In(&["*: prometheus_client.*", "._metrics: *"]),
            In(&["*: opentelemetry.*", ".*attributes*: *", "…"]),
            In(&["*: opentelemetry.*", ".*aggregation*: *", "…"]),
        ],
        example: &[
            "module app",
            ".REQUESTS: prometheus_client.metrics.Counter",
            "._metrics: dict (400 items)",
            "[<tuple>]: prometheus_client.metrics.Counter",
        ],
    },
    Row {
        kind: KnownKind {
            code: "telemetry-per-request",
            says: "meters, tracers, metrics or exporters are made for each request and stay registered",
            so: "make them once, at import, and use them from there",
            unless: None,
        },
        signs: &[
            In(&["*: prometheus_client.registry.CollectorRegistry", "*: *"]),
            In(&["*: opentelemetry.*", ".*instrument*: *", "…"]),
            In(&["*: opentelemetry.*", ".*meter*: *", "…"]),
            In(&["*: opentelemetry.*", ".*processors: *", "…"]),
            With("opentelemetry.*Provider"),
        ],
        example: &[
            "module prometheus_client.registry",
            ".REGISTRY: prometheus_client.registry.CollectorRegistry",
            "._names_to_collectors: dict (400 items)",
            "['job_17_total']: prometheus_client.metrics.Counter",
        ],
    },
    Row {
        kind: KnownKind {
            code: "flask-hooks",
            says: "hooks are registered on the Flask application while requests are served",
            so: "register them once, at import; for one request use flask.after_this_request",
            unless: None,
        },
        signs: &[In(&["*: flask.*Flask", ".*_funcs: *", "…"])],
        example: &[
            "module app",
            ".app: flask.app.Flask",
            ".teardown_request_funcs: collections.defaultdict (1 item)",
            "[None]: list (400 items)",
            "[8]: function (done (app.py:7))",
            "closure cell job: app.Job",
        ],
    },
    Row {
        kind: KnownKind {
            code: "routes-per-request",
            says: "routes are added to the application while requests are served",
            so: "add routes once, at start, with parameters in their path",
            unless: None,
        },
        signs: &[In(&["*: starlette.*", ".routes: list"]), In(&["*: fastapi.*", ".routes: list"])],
        example: &[
            "module app",
            ".router: fastapi.routing.APIRouter",
            ".routes: list (400 items)",
            "[8]: fastapi.routing.APIRoute",
        ],
    },
    Row {
        kind: KnownKind {
            code: "sqlalchemy-listeners",
            says: "event listeners are registered with SQLAlchemy for each request",
            so: "listen once, on a class or a sessionmaker; else event.remove() when it is done",
            unless: None,
        },
        signs: &[
            In(&["module sqlalchemy.event.registry", "…"]),
            In(&["*: sqlalchemy.event.*", "…"]),
        ],
        example: &[
            "module sqlalchemy.event.registry",
            "._key_to_collection: collections.defaultdict (400 items)",
            "[<tuple>]: dict (1 item)",
        ],
    },
    Row {
        kind: KnownKind {
            code: "module-hooks",
            says: "hooks are registered on a model of PyTorch and never removed",
            so: "keep the handle that register_forward_hook returns and call its remove()",
            unless: None,
        },
        signs: &[In(&["._*_hooks: collections.OrderedDict"])],
        example: &[
            "module app",
            ".MODEL: torch.nn.modules.linear.Linear",
            "._forward_hooks: collections.OrderedDict (400 items)",
            "[17]: function (hook (app.py:7))",
            "closure cell seen: app.Request",
        ],
    },
    Row {
        kind: KnownKind {
            code: "mock-calls",
            says: "a mock records each call, with its arguments",
            so: "use a plain object in what runs for long, or call reset_mock()",
            unless: None,
        },
        signs: &[In(&["*: unittest.mock.*", "…"]), In(&["*: mock.mock.*", "…"])],
        example: &[
            "module app",
            ".client: unittest.mock.MagicMock",
            "._mock_mock_calls: unittest.mock._CallList (400 items)",
            "[7]: unittest.mock._Call (3 items)",
        ],
    },
    Row {
        kind: KnownKind {
            code: "scoped-sessions",
            says: "SQLAlchemy keeps the session of each scope that scoped_session was called in",
            so: "call Session.remove() when the request is done",
            unless: Some("the threads or requests of these scopes still run"),
        },
        signs: &[In(&["*: sqlalchemy.*ScopedRegistry", ".registry: *"])],
        example: &[
            "module app",
            ".Session: sqlalchemy.orm.scoping.scoped_session",
            ".registry: sqlalchemy.util._collections.ScopedRegistry",
            ".registry: dict (400 items)",
            "[17]: sqlalchemy.orm.session.Session",
        ],
    },
    Row {
        kind: KnownKind {
            code: "jobs-scheduled",
            says: "jobs are scheduled while requests are served, and stay until they are removed",
            so: "schedule each job once, with an id and replace_existing=True, and remove what is done (remove_job)",
            unless: Some("these jobs are still to run"),
        },
        signs: &[
            In(&["*: apscheduler.*", "._jobs*: *", "…"]),
            In(&["*: apscheduler.*", "._pending_jobs: *"]),
            In(&["*: schedule.Scheduler", ".jobs: list"]),
        ],
        example: &[
            "module app",
            ".SCHEDULER: apscheduler.schedulers.background.BackgroundScheduler",
            "._jobstores: dict (1 item)",
            "['default']: apscheduler.jobstores.memory.MemoryJobStore",
            "._jobs: list (400 items)",
            "[46]: tuple (2 items)",
            "[0]: apscheduler.job.Job",
        ],
    },
    Row {
        kind: KnownKind {
            code: "log-sinks",
            says: "sinks are added to loguru's logger and never removed",
            so: "add each once, at start; else keep the number that logger.add returns, and logger.remove() it when the job is \
                 done",
            unless: None,
        },
        signs: &[In(&["*: loguru._logger.Core", "*: dict"])],
        example: &[
            "module loguru",
            ".logger: loguru._logger.Logger",
            "._core: loguru._logger.Core",
            ".handlers: dict (400 items)",
            "[17]: loguru._handler.Handler",
        ],
    },
    Row {
        kind: KnownKind {
            code: "dependency-overrides",
            says: "FastAPI's dependency_overrides gets an entry for each request",
            so: "override at start or in tests, and take the entry out again; make what differs by request a dependency",
            unless: None,
        },
        signs: &[In(&[".dependency_overrides: dict"])],
        example: &[
            "module app",
            ".app: fastapi.applications.FastAPI",
            ".dependency_overrides: dict (400 items)",
            "[<object>]: function (current (app.py:12))",
        ],
    },
    Row {
        kind: KnownKind {
            code: "pool-grows",
            says: "connections, or what else a pool has, are taken out of it and not given back, or it has no limit",
            so: "give each back when its work is done (with, try and finally), and give the pool a limit; make one pool for \
                 the process",
            unless: Some("these are still in use, and given back later"),
        },
        signs: &[
            In(&["*: *Pool", "._in_use*: *"]),
            In(&["*: *Pool", "._available*: *"]),
            In(&["*: *Pool", "._used: *"]),
            In(&["*: *Pool", "._connections: *"]),
            In(&["*: *Pool", "._resource: *", ".queue: *"]),
            In(&["*: *Pool", ".pool: *", ".queue: *"]),
            In(&["*: *Pool", "._pool: *"]),
            In(&["*: *Pool", "._pool: *", ".queue: *"]),
        ],
        example: &[
            "module app",
            ".POOL: redis.connection.ConnectionPool",
            "._in_use_connections: set (400 items)",
            "a member: redis.connection.Connection",
        ],
    },
    Row {
        kind: KnownKind {
            code: "client-per-request",
            says: "an engine, a client or a session of a library is made for each request, and stays",
            so: "make one for the process and share it, or close each when it is done (dispose() of an engine)",
            unless: Some("these clients are still in use"),
        },
        signs: &[
            With("sqlalchemy.*Engine"),
            With("httpx.*Client"),
            With("aiohttp.client.ClientSession"),
            With("requests.sessions.Session"),
            With("urllib3.poolmanager.PoolManager"),
            With("boto*.session.Session"),
            With("botocore.client.*"),
            With("redis.*Redis"),
            With("pymongo.*MongoClient"),
            With("grpc.*Channel"),
            With("openai.*OpenAI"),
            With("kafka.producer.*KafkaProducer"),
            With("*.*ConnectionPool"),
            Along(&["module sqlalchemy.*", "…", "*: sqlalchemy.engine.base.Engine"]),
        ],
        example: &["sqlalchemy.engine.base.Engine"],
    },
    Row {
        kind: KnownKind {
            code: "frame-chunks",
            says: "the pieces of memory that CPython takes for the frames of a greenlet or thread are not given back",
            so: "with greenlets, update greenlet: 2.0.0 loses one for each on CPython 3.11, 2.0.1 does not; else look for \
                 threads that do not end",
            unless: Some("these greenlets or threads still run"),
        },
        signs: &[Named("push_chunk")],
        example: &["push_chunk"],
    },
];
