//! What old objects of growing types say of themselves and new ones do not, against a workload that knows.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use leakspy_tests::interpreter::Interpreter;
use leakspy_tests::recording::Tables;
use leakspy_tests::tracer::Recording;
use leakspy_tests::workload::Workload;

/// What those that stay and have ended say, as type, field and value.
const ENDED: [(&str, &str, &str); 8] = [
    ("__main__.Session", "_closed", "True"),
    ("__main__.Session", "state", "CLOSED"),
    ("__main__.Session", "connection", "None"),
    ("__main__.Session", "phase", "closed"),
    ("__main__.Session", "pending", "empty"),
    ("__main__.Slotted", "fd", "-1"),
    ("socket.socket", "fd", "-1"),
    ("threading.Thread", "_target", "not set"),
];

/// Types that say nothing: they stay and are not done, or do not grow.
const SILENT: [&str; 2] = ["__main__.Visitor", "__main__.Pair"];

fn old_objects_say_what_new_ones_do_not(interpreter: &Interpreter) -> Result<()> {
    let mut target = Workload::python(interpreter, "ending")?;
    let recording = Recording::start(target.pid(), &["--census", "1s"])?;
    target.command("go 27")?;
    let finished = recording.stop()?;
    let told = Tables::open(&finished.file())?.contrasts()?;
    let told: BTreeSet<(&str, &str, &str)> =
        told.iter().map(|(class, field, value)| (&**class, &**field, &**value)).collect();
    for expected in ENDED {
        ensure!(told.contains(&expected), "no {expected:?} in {told:#?}");
    }
    ensure!(
        told.iter().any(|(class, field, value)| {
            class.ends_with(".Task") && (*field, *value) == ("_coro", "finished")
        }),
        "no task that is done in {told:#?}"
    );
    let wrong: Vec<_> = told.iter().filter(|told| SILENT.contains(&told.0)).collect();
    ensure!(wrong.is_empty(), "said of what is not done: {wrong:#?}");
    target.quit()
}

leakspy_tests::on_every_interpreter!(old_objects_say_what_new_ones_do_not);
