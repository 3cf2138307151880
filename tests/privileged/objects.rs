//! Single objects: size and references of one of every kind are what the interpreter itself says.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use leakspy_tests::heap::{Object, Objects};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::workload::Workload;
use serde::Deserialize;

leakspy_tests::on_every_interpreter!(sizes_and_references);

/// Address, address of the type, its name, `sys.getsizeof`, addresses of `gc.get_referents`.
#[derive(Debug, Deserialize)]
struct Row(u64, u64, String, u64, Vec<u64>);

/// References that objects own and `tp_traverse` does not visit: they lead to what cannot be in a
/// cycle, or to the type of an instance (visited since 3.9).
const NOT_VISITED: [&str; 23] = [
    "Class",
    "co_",
    "__name__",
    "__qualname__",
    "__doc__",
    "__slots__",
    "gi_code",
    "__module__",
    "f_code",
    "f_func",
    "ht_module",
    "__base__",
    "tp_subclasses",
    "exc_",
    "Key",
    "dtype",
    "cr_origin",
    "__dict__",
    "tp_cache",
    "__mro__",
    "__bases__",
    "Word",
    "Stack",
];

fn sizes_and_references(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "zoo")?;
    target.go()?;
    let mut facts = target.facts()?;
    let rows: Vec<Row> = serde_json::from_value(facts["zoo"].take())?;
    ensure!(rows.len() > 100, "a small zoo: {}", rows.len());
    let objects = Objects::of(target.pid())?;
    let mut wrong = Vec::new();
    for (index, Row(address, class, name, size, referents)) in rows.iter().enumerate() {
        let object = objects.read(*address, *class).with_context(|| format!("{index} {name}"))?;
        let mut complain = |what: String| wrong.push(format!("{index} {name}: {what}"));
        if object.class != *name {
            complain(format!("is called {}", object.class));
        }
        if object.bytes != Some(*size) {
            complain(format!("{:?} bytes, really {size}", object.bytes));
        }
        if object.left_out > 0 {
            complain(format!("{} references left out", object.left_out));
        }
        // Its numbers are in no cycle.
        if name != "range" {
            references(&object, referents, &mut complain);
        }
    }
    ensure!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    target.quit()
}

/// Every true referent must be reported, as often as it is; whatever else is reported must be of a
/// kind that is not visited.
fn references(object: &Object, referents: &[u64], complain: &mut dyn FnMut(String)) {
    let mut told: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for edge in &object.edges {
        told.entry(edge.to.0).or_default().push(format!("{:?}", edge.label));
    }
    for referent in referents {
        let labels = told.entry(*referent).or_default();
        // A label that is always visited serves first.
        labels.sort_by_key(|label| is_not_visited(label));
        if labels.is_empty() {
            complain(format!("does not tell {referent:#x}"));
        } else {
            labels.remove(0);
        }
    }
    for (to, labels) in told {
        for label in labels.iter().filter(|label| !is_not_visited(label)) {
            complain(format!("tells {to:#x} too often: {label}"));
        }
    }
}

fn is_not_visited(label: &str) -> bool {
    NOT_VISITED.iter().any(|known| label.contains(known))
}
