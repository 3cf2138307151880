//! Answers to `who` for tests.

use crate::model::{
    Address, CENSUS_SCHEMA, CensusTarget, HeapNote, HeapSnapshot, HeapSubject, ObjectDetail,
    OutsideReferences, PointersIn, PythonTarget, Reference, RetainerGroup, RetainerReport,
    RootKind, SkippedPart, Tool, Via,
};

/// What a snapshot says.
pub fn snapshot() -> HeapSnapshot {
    HeapSnapshot {
        at: 1_763_691_300.0,
        seconds: 2.14,
        paused_seconds: None,
        snapshots: 1,
        interpreters: 1,
        tracked_objects: 812_345,
        objects: 1_234_567,
        bytes: 100_000_000,
        skipped: Vec::new(),
        notes: Vec::new(),
    }
}

/// The process of all samples.
pub fn target() -> CensusTarget {
    CensusTarget {
        pid: 4711,
        comm: "panel".into(),
        python: PythonTarget { version: "3.11.7".into(), layout_source: "table".into() },
    }
}

/// leakspy itself.
pub fn tool() -> Tool {
    Tool { name: "leakspy".into(), version: "0.1.0".into() }
}

/// A certain reference.
pub fn reference(via: Via, class: &str, detail: Option<ObjectDetail>) -> Reference {
    Reference {
        via,
        times: 1,
        certain: true,
        address: Address(0x7f21_c40a_5d90),
        class: class.into(),
        detail,
    }
}

fn attribute(name: &str) -> Via {
    Via::Attribute { name: Some(name.into()) }
}

fn value(key: &str) -> Via {
    Via::Value { key: key.into() }
}

const fn items(count: u64) -> Option<ObjectDetail> {
    Some(ObjectDetail::Items { count })
}

/// The answer to a question about Bokeh's documents.
pub fn documents() -> RetainerReport {
    RetainerReport {
        schema: CENSUS_SCHEMA,
        tool: tool(),
        target: target(),
        snapshot: snapshot(),
        asked: "Document".into(),
        subject: HeapSubject::Type { class: "bokeh.document.document.Document".into() },
        count: 69,
        bytes: 12 << 10,
        groups: vec![registry(), callback(), frame(), native(), garbage()],
        more_groups: 2,
    }
}

/// A class that remembers all of its instances.
pub fn registry() -> RetainerGroup {
    RetainerGroup {
        count: 57,
        bytes: 10_032,
        root: RootKind::Module,
        root_name: "module holoviews.streams".into(),
        outside: None,
        path: vec![
            reference(
                attribute("Stream"),
                "type",
                Some(ObjectDetail::Name { name: "holoviews.streams.Stream".into() }),
            ),
            reference(attribute("registry"), "weakref.WeakKeyDictionary", items(412)),
            reference(attribute("data"), "dict", items(412)),
            reference(value("'subscribers'"), "list", items(57)),
            reference(
                Via::Item { index: 12 },
                "function",
                Some(ObjectDetail::Code {
                    function: "update_plot".into(),
                    file: "app.py".into(),
                    line: Some(88),
                }),
            ),
            reference(
                Via::ClosureCell { index: 0, name: Some("draw".into()) },
                "bokeh.document.document.Document",
                None,
            ),
        ],
    }
}

fn callback() -> RetainerGroup {
    let mut group = registry();
    (group.count, group.bytes) = (5, 880);
    group.path.truncate(3);
    group.path.push(reference(
        value("'plots'"),
        "holoviews.plotting.bokeh.element.ElementPlot",
        None,
    ));
    group.path.push(reference(attribute("document"), "bokeh.document.document.Document", None));
    group
}

fn frame() -> RetainerGroup {
    RetainerGroup {
        count: 3,
        bytes: 528,
        root: RootKind::Frame,
        root_name: "thread 4719, frame run (server.py:88)".into(),
        outside: None,
        path: vec![reference(
            Via::Local { name: "doc".into() },
            "bokeh.document.document.Document",
            None,
        )],
    }
}

fn native() -> RetainerGroup {
    let maybe = Reference {
        certain: false,
        ..reference(Via::CField { offset: 24 }, "bokeh.document.document.Document", None)
    };
    RetainerGroup {
        count: 2,
        bytes: 352,
        root: RootKind::Native,
        root_name: "uvloop.loop.Handle at 0x7f21c40a1000".into(),
        outside: Some(OutsideReferences {
            address: Address(0x7f21_c40a_1000),
            counted: 2,
            found: 1,
            pointers: Some(vec![PointersIn { mapping: "[heap]".into(), words: 2 }]),
        }),
        path: vec![maybe],
    }
}

fn garbage() -> RetainerGroup {
    RetainerGroup {
        count: 1,
        bytes: 176,
        root: RootKind::Garbage,
        root_name: "bokeh.document.document.Document at 0x7f21c40a5d90".into(),
        outside: None,
        path: vec![
            reference(attribute("_models"), "bokeh.document.models.DocumentModelManager", None),
            reference(attribute("_document"), "bokeh.document.document.Document", None),
        ],
    }
}

/// A single object at the end of a path that is far too long for a page.
pub fn long() -> RetainerReport {
    let mut retainers = documents();
    retainers.asked = "0x7f21c40a5d90".into();
    retainers.subject =
        HeapSubject::Object { address: "0x7f21c40a5d90".into(), class: "list".into() };
    (retainers.count, retainers.bytes, retainers.more_groups) = (1, 88, 0);
    let mut group = registry();
    (group.count, group.bytes) = (1, 88);
    group.path =
        (0..100).map(|step| reference(Via::Item { index: step }, "list", items(1))).collect();
    retainers.groups = vec![group];
    retainers.snapshot.paused_seconds = Some(1.93);
    retainers
}

/// Nothing keeps what nobody found.
pub fn nothing() -> RetainerReport {
    let mut retainers = documents();
    (retainers.count, retainers.bytes, retainers.more_groups) = (0, 0, 0);
    retainers.groups.clear();
    retainers.snapshot.skipped = vec![(SkippedPart::TornLists, 2)];
    retainers.snapshot.notes = vec![HeapNote::TypesIncomplete];
    retainers
}

/// Names as an enemy would choose them.
pub fn hostile() -> RetainerReport {
    let names = [
        "\u{1b}]0;owned\u{7}\u{1b}[2J",
        "<script>alert(\"x\")</script>",
        "a\"]; b [label=\"\\N\\",
        "line\nbreak\r\ttab",
        "user\u{202e}nimda\u{200b}",
        "日本語のとても長い名前",
    ];
    let mut retainers = documents();
    retainers.target.comm = names[0].into();
    retainers.target.python.version = names[1].into();
    (retainers.asked, retainers.subject) =
        (names[2].into(), HeapSubject::Type { class: names[1].into() });
    (retainers.count, retainers.bytes, retainers.more_groups) = (u64::MAX, u64::MAX, u64::MAX);
    let long = "x".repeat(10_000);
    let names_and_long = names.iter().copied().chain([long.as_str()]);
    let path = names_and_long.map(|name| Reference {
        via: attribute(name),
        times: 1,
        certain: false,
        address: Address(u64::MAX),
        class: name.to_owned(),
        detail: Some(ObjectDetail::Name { name: name.to_owned() }),
    });
    let path: Vec<Reference> = path.collect();
    retainers.groups = [RootKind::Module, RootKind::Native, RootKind::Garbage]
        .into_iter()
        .zip([names[0], names[1], &long])
        .map(|(root, name)| RetainerGroup {
            count: u64::MAX,
            bytes: u64::MAX,
            root,
            root_name: name.to_owned(),
            outside: None,
            path: path.clone(),
        })
        .collect();
    retainers.snapshot.skipped = vec![(SkippedPart::Pools, u64::MAX)];
    retainers
}
