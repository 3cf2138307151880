//! Sessions of known servers: which are still served, and what retains the others.

use std::collections::HashSet;

use super::attribute::attribute;
use super::edge::{self, EdgeLabel};
use super::module;
use super::objects::Heap;
use super::retainers::Retainers;
use super::roots::Named;
use super::view::View;
use crate::model::{Address, SessionCount};

/// How objects that are served are found: from instances of a type, or from `class` and the name of one, over
/// attributes, `*` for all values of a dict or items of a list.
type Served = (&'static str, &'static [&'static str]);

/// What a kind of session is, and how those that are served are found.
struct Row {
    /// The type of the session.
    class: &'static str,
    served: &'static [Served],
}

/// Prefix of the modules in which Bokeh runs an application, one for each session
/// (`bokeh/application/handlers/code_runner.py`).
const MODULES: &str = "bokeh_app_";
/// Attribute paths of servers, as of Bokeh 0.12 to 3 (`bokeh/server/contexts.py`) and Streamlit
/// 0.63 to 1 (`streamlit/server/server.py`, `streamlit/runtime/websocket_session_manager.py`).
const BOKEH: &str = "bokeh.server.contexts.ApplicationContext";
/// Modules are in `Document._modules`, since 2.4 in a manager of their own
/// (`bokeh/document/modules.py`).
const MODULES_SERVED: &[Served] = &[
    (BOKEH, &["_sessions", "*", "_document", "modules", "_modules", "*"]),
    (BOKEH, &["_sessions", "*", "_document", "_modules", "*"]),
];
const STREAMLIT: &str = "streamlit.runtime.websocket_session_manager.WebsocketSessionManager";
const OLD_STREAMLIT: &str = "streamlit.server.server.Server";
const ROWS: &[Row] = &[
    Row { class: "bokeh.server.session.ServerSession", served: &[(BOKEH, &["_sessions", "*"])] },
    Row {
        class: "bokeh.document.document.Document",
        served: &[(BOKEH, &["_sessions", "*", "_document"])],
    },
    Row {
        class: "streamlit.runtime.app_session.AppSession",
        served: &[(STREAMLIT, &["_active_session_info_by_id", "*", "session"])],
    },
    Row {
        class: "streamlit.runtime.state.session_state.SessionState",
        served: &[(STREAMLIT, &["_active_session_info_by_id", "*", "session", "_session_state"])],
    },
    Row {
        class: "streamlit.report_session.ReportSession",
        served: &[(OLD_STREAMLIT, &["_session_info_by_id", "*", "session"])],
    },
    Row {
        class: "streamlit.app_session.AppSession",
        served: &[(OLD_STREAMLIT, &["_session_info_by_id", "*", "session"])],
    },
    // `nicegui/client.py`: a client that was deleted is taken out.
    Row {
        class: "nicegui.client.Client",
        served: &[("class nicegui.client.Client", &["instances", "*"])],
    },
    // `gradio/state_holder.py`
    Row {
        class: "gradio.state_holder.SessionState",
        served: &[("gradio.state_holder.StateHolder", &["session_data", "*"])],
    },
    Row {
        class: "streamlit.state.session_state.SessionState",
        served: &[(OLD_STREAMLIT, &["_session_info_by_id", "*", "session", "_session_state"])],
    },
];
/// Most kinds of paths that are reported for a kind of session.
const GROUPS: usize = 3;

/// Counts the sessions of a heap that was read with its graph.
pub fn sessions(
    view: &View<'_>,
    heap: &mut Heap,
    roots: Vec<Named>,
    code_type: Address,
) -> Vec<SessionCount> {
    let mut sizes = Vec::new();
    let kinds: Vec<(String, Vec<u32>, Option<HashSet<u32>>)> = kinds(view, heap);
    for (_, objects, _) in &kinds {
        sizes.push(heap.bytes_of(view, objects));
    }
    let rooted = held(heap, &roots);
    let retained: Vec<u64> = kinds
        .iter()
        .map(|(_, objects, open)| {
            let closed = closed(objects, open.as_ref());
            let retained = heap.graph.only_through(heap.objects.len(), &closed, &rooted);
            heap.bytes_of(view, &retained).iter().fold(0, |sum: u64, of| sum.saturating_add(of.1))
        })
        .collect();
    let held = Retainers::new(view, heap, roots, code_type);
    let rows = kinds.into_iter().zip(sizes).zip(retained);
    rows.map(|(((name, objects, open), sizes), retained)| {
        let is_closed = |number: &u32| open.as_ref().is_none_or(|open| !open.contains(number));
        let closed: Vec<_> = sizes.into_iter().filter(|(number, _)| is_closed(number)).collect();
        SessionCount {
            name,
            alive: u64::try_from(objects.len()).unwrap_or(u64::MAX),
            open: open.as_ref().map(|open| u64::try_from(open.len()).unwrap_or(u64::MAX)),
            retained_bytes: Some(retained),
            retainers: held.groups(&closed, GROUPS).0,
        }
    })
    .collect()
}

/// Every kind that there is, with its objects, and those that are served where that is known.
fn kinds(view: &View<'_>, heap: &Heap) -> Vec<(String, Vec<u32>, Option<HashSet<u32>>)> {
    let mut kinds = Vec::new();
    for row in ROWS {
        let objects = instances(heap, row.class);
        if !objects.is_empty() {
            let open = served(view, heap, row.served, &objects);
            kinds.push((row.class.to_owned(), objects, open));
        }
    }
    let modules = module::all(heap).filter(|(_, module)| {
        module::name(view, module.address).is_some_and(|name| name.starts_with(MODULES))
    });
    let modules: Vec<u32> = modules.map(|(number, _)| number).collect();
    if !modules.is_empty() {
        let open = served(view, heap, MODULES_SERVED, &modules);
        kinds.push((format!("modules {MODULES}*"), modules, open));
    }
    kinds
}

fn instances(heap: &Heap, name: &str) -> Vec<u32> {
    let is: Vec<bool> = heap.classes.all().iter().map(|class| class.name == name).collect();
    let objects = (0..).zip(heap.objects.iter());
    objects.filter(|(_, object)| is[object.class.0 as usize]).map(|(number, _)| number).collect()
}

/// The objects of classes of that name.
fn classes(heap: &Heap, name: &str) -> Vec<u32> {
    let found = heap.classes.all().iter().filter(|class| class.name == name);
    found.filter_map(|class| heap.objects.number(class.address)).collect()
}

/// Those of `objects` that a server has in its tables; `None` without a server.
fn served(
    view: &View<'_>,
    heap: &Heap,
    served: &[Served],
    objects: &[u32],
) -> Option<HashSet<u32>> {
    let mut any = false;
    let mut found = HashSet::new();
    for (server, path) in served {
        let servers = match server.strip_prefix("class ") {
            Some(name) => classes(heap, name),
            None => instances(heap, server),
        };
        for number in servers {
            any = true;
            let mut at = vec![heap.objects.object(number).address];
            for step in *path {
                at = at.iter().flat_map(|&object| follow(view, heap, object, step)).collect();
            }
            found.extend(at.into_iter().filter_map(|object| heap.objects.number(object)));
        }
    }
    any.then(|| objects.iter().copied().filter(|number| found.contains(number)).collect())
}

fn follow(view: &View<'_>, heap: &Heap, object: Address, step: &str) -> Vec<Address> {
    let mut found = Vec::new();
    match step {
        "*" => values(view, heap, object, &mut found),
        name => found.extend(attribute(view, heap, object, name)),
    }
    found
}

/// The values of a dict, the items of a list.
fn values(view: &View<'_>, heap: &Heap, object: Address, found: &mut Vec<Address>) {
    let Some(number) = heap.objects.number(object) else { return };
    let class = heap.classes.get(heap.objects.object(number).class);
    edge::edges(view, object, class, &mut |edge| {
        if matches!(edge.label, EdgeLabel::Item(_) | EdgeLabel::Value { .. }) {
            found.push(edge.to);
        }
    });
}

fn closed(objects: &[u32], open: Option<&HashSet<u32>>) -> Vec<u32> {
    let is_closed = |number: &&u32| open.is_none_or(|open| !open.contains(number));
    objects.iter().filter(is_closed).copied().collect()
}

fn held(heap: &Heap, roots: &[Named]) -> Vec<u32> {
    let edges = roots.iter().flat_map(|root| &root.edges);
    edges.filter_map(|edge| heap.objects.number(edge.to)).collect()
}
