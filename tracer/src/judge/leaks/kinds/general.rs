//! Kinds that many programs make for themselves. Names alone tell them, so they come last.

use super::Row;
use super::Sign::{Along, From, In};
use crate::model::KnownKind;

pub const ROWS: &[Row] = &[
    Row {
        kind: KnownKind {
            code: "wrapped-again",
            says: "a function is wrapped again and again, and each wrapper refers to the one before",
            so: "wrap the original function each time, not what wraps it already",
            unless: None,
        },
        signs: &[
            In(&["closure cell * × *: function*"]),
            In(&[".__wrapped__ × *: function*"]),
            In(&[".func × *: functools.partial"]),
        ],
        example: &[
            "module app",
            ".HANDLER: function (with_header.<locals>.wrapped (app.py:7))",
            ".__wrapped__ × 143: function (with_header.<locals>.wrapped (app.py:7))",
        ],
    },
    Row {
        kind: KnownKind {
            code: "callback-registry",
            says: "callbacks are registered and not taken out, and each keeps the object that it is a method of",
            so: "take the callback out when its object is done, or register it weakly (weakref.WeakMethod)",
            unless: Some("these objects are still in use"),
        },
        signs: &[
            From(&["*", "[]: method"]),
            From(&["*", "a member: method"]),
            From(&["*", "[]: functools.partial", "*: method"]),
            From(&["*", "a member: functools.partial", "*: method"]),
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
    },
    Row {
        kind: KnownKind {
            code: "callbacks-in-c",
            says: "C code keeps methods to call back later; atexit.register() does so, as do libraries with callbacks",
            so: "atexit.unregister() what is done, or take the callback back from the library that has it",
            unless: Some("these objects are still in use"),
        },
        signs: &[Along(&["C code*: method", ".__self__: *"])],
        example: &["C code, or what was not found: method", ".__self__: app.Job"],
    },
    Row {
        kind: KnownKind {
            code: "chain",
            says: "each object refers to the one before, so that the newest holds all of them",
            so: "let each forget the one before, or cut the chain where it is long enough",
            unless: None,
        },
        signs: &[In(&["* × *: *"])],
        example: &["module app", ".STATE: app.State", ".previous × 400: app.State"],
    },
];
