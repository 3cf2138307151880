//! Kinds that many programs make for themselves. Names alone tell them, so they come last.

use super::Row;
use super::Sign::{From, In};
use crate::model::KnownKind;

pub const ROWS: &[Row] = &[Row {
    kind: KnownKind {
        code: "callback-registry",
        says: "callbacks are registered and not taken out, and each keeps the object that it is a method of",
        so: "take the callback out when its object is done, or register it weakly (weakref.WeakMethod)",
    },
    signs: &[
        From(&["*", "[]: method"]),
        From(&["*", "a member: method"]),
        In(&[".*callbacks: *"]),
        In(&[".*callbacks: *", "[]: *"]),
        In(&[".*listeners: *"]),
        In(&[".*listeners: *", "[]: *"]),
        In(&[".*observers: *"]),
        In(&[".*observers: *", "[]: *"]),
        In(&[".*subscribers: *"]),
        In(&[".*subscribers: *", "[]: *"]),
        In(&[".*watchers: *"]),
        In(&[".*watchers: *", "[]: *"]),
        In(&[".*receivers: *"]),
        In(&[".*notifiers: *", "…"]),
    ],
    example: &[
        "module vaex.dataframe",
        ".main_executor: vaex.execution.ExecutorLocal",
        ".signal_progress: vaex.events.Signal",
        ".callbacks: list (400 items)",
        "[266]: method",
        ".__self__: __main__.Job",
    ],
}];
