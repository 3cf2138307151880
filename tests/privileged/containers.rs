//! Containers that grow: which they are, how long they got, and which line made each of them grow,
//! against a workload that knows.

use anyhow::{Context, Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::recording::{Container, Tables};
use leakspy_tests::tracer::Recording;
use leakspy_tests::workload::Workload;

/// Marks in the workload, and names in it.
const KINDS: [(&str, &str); 11] = [
    ("list", ".a_list"),
    ("dict", ".a_dict"),
    ("set", ".a_set"),
    ("deque", ".a_deque"),
    ("ordered", ".an_ordered"),
    ("bytearray", ".a_bytearray"),
    ("page", ".page: functools._lru_cache_wrapper"),
    ("forever", ".forever: functools._lru_cache_wrapper"),
    ("pool", ".POOL"),
    ("recent", ".RECENT"),
    ("pages", ".PAGES"),
];

/// Those of them that declare a limit, what does so, and which.
const LIMITS: [(&str, &str, Option<u64>); 5] = [
    (".page", "lru_cache of page()", Some(500_000)),
    (".forever", "lru_cache of forever()", None),
    (".POOL", "__main__.Pool.maxsize", Some(400_000)),
    (".RECENT", "deque.maxlen", Some(300_000)),
    (".PAGES", "MOST in the code of remember", Some(250_000)),
];

fn the_line_that_grows_a_container_is_named(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "containers")?;
    let recording = Recording::start(target.pid(), &["--census", "1s"])?;
    target.command("go 6")?;
    let truth = target.truth()?;
    let finished = recording.stop()?;
    finished.report()?.lost_nothing_but(&[])?;
    let containers = Tables::open(&finished.file())?.containers()?;
    let named = |name: &str| {
        let is_it = |container: &&Container| container.path.iter().any(|step| step.contains(name));
        containers.iter().find(is_it)
    };
    for (mark, name) in KINDS {
        let found = named(name).with_context(|| format!("no {name} in {containers:#?}"))?;
        let items = if mark == "bytearray" {
            100_000 + 10 * (truth.number("items")? - 1000)
        } else {
            truth.number("items")?
        };
        ensure!(found.items == items, "{name}: {found:?}, truly {items}");
        let line = truth.number(mark)?;
        // Each growth has its stack; nothing else made any of them grow.
        let right =
            found.lines.iter().all(|(file, at)| file.ends_with("containers.py") && *at == line);
        ensure!(right && !found.lines.is_empty(), "{name} grows at line {line}: {found:?}");
    }
    for container in &containers {
        let limit = LIMITS.iter().find(|limit| container.path.iter().any(|s| s.contains(limit.0)));
        let limit = limit.map(|limit| (limit.1.to_owned(), limit.2));
        ensure!(container.bound == limit, "{container:?}, truly {limit:?}");
    }
    // It may be on the path to what grew; no line made it grow.
    let grows = named(".a_queue").is_some_and(|queue| !queue.lines.is_empty());
    ensure!(!grows, "what turns over: {containers:#?}");
    target.quit()
}

/// The interpreter counts its blocks before and after a list is emptied.
fn what_a_list_retains_is_what_emptying_it_frees(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "retained")?;
    target.command("go 320")?;
    let recording = Recording::start(target.pid(), &["--census", "1s"])?;
    target.command("go 2000 5")?;
    let finished = recording.stop()?;
    target.command("measure")?;
    let truth = target.truth()?;
    let tables = Tables::open(&finished.file())?;
    ensure!(truth.facts.len() > 10, "too little was measured: {:?}", truth.facts);
    for name in truth.facts.keys() {
        let freed = truth.number(name)? as f64;
        let found = tables.retained_bytes(&format!(".{name}: list"))?;
        let (least, most) = found.with_context(|| format!("no size of {name}"))?;
        let right = |bytes: u64| (0.95..1.05).contains(&(bytes as f64 / freed));
        ensure!(right(least) && right(most), "{name}: {least} to {most}, truly {freed}");
    }
    target.quit()
}

leakspy_tests::on_every_interpreter!(
    the_line_that_grows_a_container_is_named,
    what_a_list_retains_is_what_emptying_it_frees
);
