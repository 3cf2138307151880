//! Stacks joined with the objects that own their blocks, and types over time, against a workload
//! that knows both.

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::recording::Tables;
use leakspy_tests::tracer::{Recording, run};
use leakspy_tests::workload::{Truth, Workload};
use serde_json::Value;

/// Objects of each kind.
const MANY: u64 = 50;
/// Marks in the workload, the type that owns the blocks of the line, and blocks of one object.
const KINDS: &[(&str, &str, u64)] = &[
    ("list", "list", 1),
    ("bytes", "bytes", 1),
    ("bytearray", "bytearray", 1),
    ("dict", "dict", 1),
    ("set", "set", 1),
    // 576 items from the middle of the first block on.
    ("deque", "collections.deque", 10),
    ("array.array", "array.array", 1),
];

/// Every block of a known line has its owner, and the path leads from the place that holds it.
fn owners_are_named(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "owned")?;
    let recording = Recording::start(target.pid(), &[])?;
    target.go()?;
    let truth = target.truth()?;
    let finished = recording.stop()?;
    finished.report()?.lost_nothing_but(&[])?;
    let tables = Tables::open(&finished.file())?;
    for kind in KINDS {
        of_kind(&tables, &truth, kind).with_context(|| format!("owners of {}", kind.0))?;
    }
    let (looked_for, owned, _) = owned(&tables, truth.number("nobody")?)?;
    // The interpreter's own list of arenas may grow at this line, too: it is nobody's.
    let well = owned == 0 && (MANY..=MANY + 1).contains(&looked_for);
    ensure!(well, "nobody: {owned} of {looked_for} have an owner");
    target.quit()
}

fn of_kind(tables: &Tables, truth: &Truth, kind: &(&str, &str, u64)) -> Result<()> {
    let &(name, class, each) = kind;
    let (looked_for, owned, owners) = owned(tables, truth.number(name)?)?;
    let blocks = |of: &str| {
        let all = owners.iter().filter(|(name, _)| name == of);
        all.map(|(_, blocks)| blocks).sum::<u64>()
    };
    // The interpreter's own list of arenas is nobody's, and grows at whatever line needs an arena.
    ensure!(looked_for - owned <= 1, "{owned} of {looked_for} blocks have an owner");
    // A deque may take a block that another one gave back.
    let missing = (MANY * each).checked_sub(blocks(class));
    ensure!(missing.is_some_and(|missing| missing <= 1), "{owners:?} of {} {class}", MANY * each);
    let path = tables.owner_path(class, "owned.py", truth.number(name)?)?;
    let begins = path.iter().map(String::as_str).take(2).collect::<Vec<_>>();
    ensure!(
        matches!(begins[..], ["module __main__", held] if held.starts_with(".HELD: dict")),
        "{path:?}"
    );
    let through = path.iter().any(|step| step.contains("Holder"));
    ensure!(through == (name == "bytearray"), "{path:?}");
    Ok(())
}

/// Types of owners with their blocks.
type Owners = Vec<(String, u64)>;

/// Blocks at a line that were looked for, those with an owner, and the owners.
fn owned(tables: &Tables, line: u64) -> Result<(u64, u64, Owners)> {
    let (mut looked_for, mut owned, mut owners) = (0, 0, Vec::new());
    for site in tables.all_sites_at("owned.py", line)? {
        let (all, some) = tables.owned(site)?.unwrap_or_default();
        (looked_for, owned) = (looked_for + all, owned + some);
        owners.extend(tables.owners(site)?);
    }
    Ok((looked_for, owned, owners))
}

leakspy_tests::on_every_interpreter!(owners_are_named);

/// Sessions that stay are among the types of the verdict, with their number and with what holds
/// them.
#[test]
fn types_are_counted_over_time() -> Result<()> {
    let mut target = Workload::python(&Interpreter::find("3.11")?, "owned")?;
    let recording = Recording::start(target.pid(), &["--census", "1s"])?;
    target.command("go 9")?;
    let sessions = target.truth()?.number("sessions")?;
    let finished = recording.stop()?;
    target.quit()?;
    let file = finished.file().display().to_string();
    let ending = run(&["leaks", &file, "-f", "json"])?;
    let report: Value =
        serde_json::from_str(&ending.stdout.join("\n")).with_context(|| ending.to_string())?;
    let types = report["types"].as_array().context("no types")?;
    let of_sessions = |found: &&Value| found["name"] == "__main__.Session";
    let found = types.iter().find(of_sessions).with_context(|| format!("{types:#?}"))?;
    ensure!(found["last_count"].as_u64() == Some(sessions), "{sessions} sessions: {found:#}");
    // What it is called depends on how many snapshots there was time for; that it grows does not.
    let verdict = found["verdict"].as_str();
    ensure!(matches!(verdict, Some("leak" | "undetermined")), "{found:#}");
    let retainer = found["holder"].as_array().context("no holder")?;
    let words: Vec<&str> = retainer.iter().filter_map(Value::as_str).collect();
    let right = words[0] == "module __main__" && words[1].starts_with(".HELD: dict");
    ensure!(right, "{words:?}");
    Ok(())
}

/// Who wants no look at objects gets none.
#[test]
fn off_is_off() -> Result<()> {
    let mut target = Workload::python(&Interpreter::find("3.11")?, "owned")?;
    let recording = Recording::start(target.pid(), &["--census", "off"])?;
    target.go()?;
    let finished = recording.stop()?;
    target.quit()?;
    let tables = Tables::open(&finished.file())?;
    for table in ["owned", "owner", "census", "type_history"] {
        let rows = tables.number(&format!("SELECT CAST(count(*) AS REAL) FROM {table}"))?;
        ensure!(rows == 0.0, "{table} has {rows} rows");
    }
    Ok(())
}
