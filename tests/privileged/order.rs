//! The order in which the kernel looks for targets that share trace events: it changes while they
//! run, and nothing of that can be seen in the numbers.

use std::thread;

use anyhow::{Result, ensure};
use leakspy::probe::Kernel;
use leakspy_tests::shared::{Pairs, kernel};
use leakspy_tests::text;

/// Takes half a second and more.
const PAIRS: u64 = 300_000;

/// Every call counts once while the probes of the target that calls, and those of others, are
/// brought to the front again and again.
#[test]
fn nothing_is_missed_or_counted_twice_meanwhile() -> Result<()> {
    let mut kernel = kernel(8)?;
    let mut targets = (0..4).map(|_| Pairs::start(&mut kernel)).collect::<Result<Vec<_>>>()?;
    let slots: Vec<_> = targets.iter().map(|target| target.placed.slot).collect();
    let (first, others) = targets.split_at_mut(1);
    let rounds = thread::scope(|scope| -> Result<usize> {
        let works =
            [&mut first[0], &mut others[1]].map(|target| scope.spawn(move || target.make(PAIRS)));
        let mut rounds = 0;
        while works.iter().any(|work| !work.is_finished()) {
            slots.iter().try_for_each(|slot| kernel.bring_to_front(*slot))?;
            rounds += 1;
        }
        for work in works {
            work.join().expect("no panic")?;
        }
        Ok(rounds)
    })?;
    ensure!(rounds > 3, "{rounds} rounds: this test could not fail");
    for (target, pairs) in targets.iter_mut().zip([PAIRS, 0, PAIRS, 0]) {
        target.make(5)?;
        target.were_seen(pairs + 5)?;
    }
    for target in targets {
        kernel.detach(target.placed.slot)?;
        ensure!(text::differences(target.workload.pid())?.is_empty(), "a breakpoint stayed");
        target.workload.quit()?;
    }
    Ok(())
}

/// The one that was attached first is far back in the lists; when it is busy, it comes to the front,
/// once.
#[test]
fn a_busy_target_comes_to_the_front_once() -> Result<()> {
    let mut kernel = kernel(8)?;
    let mut targets = (0..8).map(|_| Pairs::start(&mut kernel)).collect::<Result<Vec<_>>>()?;
    ensure!(kernel.arrange() == 0, "nobody did anything");
    for moved in [1, 0] {
        targets[0].make(PAIRS / 10)?;
        let now = kernel.arrange();
        ensure!(now == moved, "{now} were moved, not {moved}");
    }
    targets[0].were_seen(PAIRS / 5)?;
    targets.into_iter().try_for_each(|target| target.workload.quit())
}

/// One that has died cannot be brought to the front; the others are not disturbed.
#[test]
fn a_target_that_is_gone_does_no_harm() -> Result<()> {
    let mut kernel = kernel(2)?;
    let (mut well, mut dead) = (Pairs::start(&mut kernel)?, Pairs::start(&mut kernel)?);
    dead.make(PAIRS / 10)?;
    let slot = dead.placed.slot;
    dead.workload.kill()?;
    ensure!(kernel.bring_to_front(slot).is_err(), "brought a dead one to the front");
    well.make(10)?;
    kernel.bring_to_front(well.placed.slot)?;
    well.make(10)?;
    well.were_seen(20)?;
    kernel.detach(slot)?;
    kernel.detach(well.placed.slot)?;
    ensure!(text::differences(well.workload.pid())?.is_empty(), "a breakpoint stayed");
    well.workload.quit()
}
