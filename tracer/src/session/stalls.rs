//! Times in which nobody watched: leakspy did not run, the target stood still, or the machine slept.

use std::time::Duration;

use crate::model::Note;

/// A tick that comes later than this is more than a busy machine makes of it.
const LATE: Duration = Duration::from_secs(10);
const LATE_TICKS: u32 = 4;
/// The machine sleeps for longer than clocks drift apart.
const SLEPT: f64 = 1.0;
/// CPU time that the target must be expected to take in a gap before less of it says something, and
/// the share of it below which it stood still: a busy machine lets leakspy go on some time later
/// than the target.
const TELLING: f64 = 0.05;
const STILL: f64 = 0.3;
/// A tick that worked took more of its time on a processor than this.
const WORKED: f64 = 0.1;
/// Gaps that are told at most.
const MOST: usize = 100;

/// What is read at each tick.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Since the start, by a clock that stops while the machine sleeps.
    pub now: Duration,
    /// CPU time of the target.
    pub cpu: Option<Duration>,
    /// CPU time of leakspy itself.
    pub own_cpu: Duration,
    /// Whether the target is stopped by a signal or a debugger.
    pub stopped: bool,
}

/// Tells gaps from time that was watched.
#[derive(Clone, Debug)]
pub struct Stalls {
    tick: Duration,
    last: Option<Reading>,
    /// CPU time of the target in watched time, and that time, seconds.
    usual: (f64, f64),
    /// Until when the target stood still without a tick that saw it run.
    still: bool,
}

/// Time between two ticks that was not like others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    /// Since the start.
    pub from: Duration,
    /// Since the start.
    pub to: Duration,
    /// Whether the target stood still.
    pub still: bool,
}

impl Stalls {
    /// With ticks that are meant to be this far apart.
    pub fn new(tick: Duration) -> Self {
        Self { tick, last: None, usual: (0.0, 0.0), still: false }
    }

    /// What the time since the last tick was, if it was not like others.
    pub fn notice(&mut self, reading: Reading) -> Option<Stall> {
        let last = self.last.replace(reading)?;
        let elapsed = reading.now.saturating_sub(last.now);
        let late = elapsed > self.late();
        let stopped = last.stopped && (reading.stopped || self.still);
        let still = if late { self.stood_still(&last, &reading) } else { stopped };
        self.still = still && reading.stopped;
        if !late && !still {
            self.watched(&last, &reading);
            return None;
        }
        // Whatever came to a halt in the middle of a tick did so in its middle.
        let before = if late { (self.tick / 2).min(elapsed / 2) } else { Duration::ZERO };
        Some(Stall { from: last.now + before, to: reading.now, still })
    }

    /// The work of a tick is done, which may take its time: the next one is as late as it comes
    /// after this. What halted in the middle of the work is returned.
    pub fn done(&mut self, reading: Reading) -> Option<Stall> {
        let last = self.last.replace(reading)?;
        let elapsed = reading.now.saturating_sub(last.now);
        let still = self.stood_still(&last, &reading);
        let own = reading.own_cpu.saturating_sub(last.own_cpu).as_secs_f64();
        let worked = own >= WORKED * elapsed.as_secs_f64();
        if elapsed > self.late() && (still || !worked) {
            self.still = still && reading.stopped;
            return Some(Stall { from: last.now, to: reading.now, still });
        }
        self.watched(&last, &reading);
        None
    }

    fn late(&self) -> Duration {
        LATE.max(self.tick.saturating_mul(LATE_TICKS))
    }

    fn watched(&mut self, last: &Reading, reading: &Reading) {
        if let (Some(before), Some(after)) = (last.cpu, reading.cpu) {
            self.usual.0 += after.saturating_sub(before).as_secs_f64();
            self.usual.1 += reading.now.saturating_sub(last.now).as_secs_f64();
        }
    }

    /// Whether the target did next to nothing of what it does else, or was stopped before and after.
    fn stood_still(&self, last: &Reading, reading: &Reading) -> bool {
        let elapsed = reading.now.saturating_sub(last.now).as_secs_f64();
        let expected = self.usual.0 / self.usual.1.max(1.0) * elapsed;
        match (last.cpu, reading.cpu) {
            (Some(before), Some(after)) if expected >= TELLING => {
                after.saturating_sub(before).as_secs_f64() < STILL * expected
            }
            _ => last.stopped && reading.stopped,
        }
    }
}

/// Says what was found: a gap that goes on where the last one ended is the same.
pub fn tell(notes: &mut Vec<Note>, stall: Stall) {
    let (start, end) = (stall.from.as_secs_f64(), stall.to.as_secs_f64());
    let meets = |to: f64| (start - to).abs() < 5.0;
    for note in notes.iter_mut() {
        match (note, stall.still) {
            (Note::TargetStoodStill { to, .. }, true) | (Note::NotWatched { to, .. }, false)
                if meets(*to) =>
            {
                *to = end;
                return;
            }
            _ => {}
        }
    }
    let gap =
        |note: &&Note| matches!(note, Note::TargetStoodStill { .. } | Note::NotWatched { .. });
    if notes.iter().filter(gap).count() < MOST {
        notes.push(match stall.still {
            true => Note::TargetStoodStill { from: start, to: end },
            false => Note::NotWatched { from: start, to: end },
        });
    }
}

/// Says how long the machine has slept since the start.
pub fn tell_sleep(notes: &mut Vec<Note>, asleep: Duration) {
    let asleep = asleep.as_secs_f64();
    let mut known = notes.iter_mut().filter_map(|note| match note {
        Note::MachineSlept { seconds } => Some(seconds),
        _ => None,
    });
    match known.next() {
        Some(seconds) if asleep - *seconds >= SLEPT => *seconds = asleep,
        Some(_) => {}
        None if asleep >= SLEPT => notes.push(Note::MachineSlept { seconds: asleep }),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks at these seconds; the target takes a tenth of a processor, but from `still.0` to
    /// `still.1`, and is seen as stopped where `shown`.
    fn told(ticks: &[u64], still: (u64, u64), shown: bool) -> Vec<Note> {
        let (mut stalls, mut notes) = (Stalls::new(Duration::from_secs(1)), Vec::new());
        for &second in ticks {
            let halted = second.min(still.1).saturating_sub(still.0);
            let reading = Reading {
                now: Duration::from_secs(second),
                cpu: Some(Duration::from_millis(100 * (second - halted))),
                stopped: shown && still.0 <= second && second < still.1,
                ..Reading::default()
            };
            for stall in [stalls.notice(reading), stalls.done(reading)].into_iter().flatten() {
                tell(&mut notes, stall);
            }
        }
        notes
    }

    /// What is told when the work of the thirtieth tick ends a minute later, in which the target and
    /// leakspy had so much of a processor.
    fn told_of_work(target: f64, own: f64) -> Vec<Note> {
        let (mut stalls, mut notes) = (Stalls::new(Duration::from_secs(1)), Vec::new());
        let mut reading = Reading::default();
        let pass = |reading: &mut Reading, seconds: f64, target: f64, own: f64| {
            reading.now += Duration::from_secs_f64(seconds);
            reading.cpu = reading.cpu.map(|cpu| cpu + Duration::from_secs_f64(target * seconds));
            reading.own_cpu += Duration::from_secs_f64(own * seconds);
        };
        reading.cpu = Some(Duration::ZERO);
        for second in 0..40 {
            let mut told = vec![stalls.notice(reading)];
            if second == 30 {
                pass(&mut reading, 60.0, target, own);
            }
            told.push(stalls.done(reading));
            told.into_iter().flatten().for_each(|stall| tell(&mut notes, stall));
            pass(&mut reading, 1.0, 0.1, 0.01);
        }
        notes
    }

    #[test]
    fn a_halt_in_the_middle_of_work_is_a_gap() {
        let (from, to) = (30.0, 90.0);
        assert_eq!(told_of_work(0.1, 0.5), [], "much work");
        assert_eq!(told_of_work(0.1, 0.001), [Note::NotWatched { from, to }]);
        assert_eq!(told_of_work(0.001, 0.001), [Note::TargetStoodStill { from, to }]);
        assert_eq!(told_of_work(0.001, 0.5), [Note::TargetStoodStill { from, to }]);
    }

    #[test]
    fn regular_ticks_are_no_gap() {
        let ticks: Vec<u64> = (0..100).chain((100..200).step_by(9)).collect();
        assert_eq!(told(&ticks, (0, 0), false), []);
    }

    #[test]
    fn a_gap_of_ours_and_one_of_both() {
        let ticks: Vec<u64> = (0..30).chain(90..100).collect();
        assert_eq!(told(&ticks, (0, 0), false), [Note::NotWatched { from: 29.5, to: 90.0 }]);
        for shown in [true, false] {
            let both = told(&ticks, (30, 90), shown);
            assert_eq!(both, [Note::TargetStoodStill { from: 29.5, to: 90.0 }]);
        }
    }

    #[test]
    fn a_stopped_target_is_one_gap() {
        let ticks: Vec<u64> = (0..100).collect();
        let found = told(&ticks, (30, 90), true);
        assert_eq!(found, [Note::TargetStoodStill { from: 30.0, to: 90.0 }]);
        assert_eq!(told(&ticks, (30, 31), true), [], "one tick is a glance");
    }

    #[test]
    fn sleep_is_told_once() {
        let mut notes = vec![];
        tell_sleep(&mut notes, Duration::from_millis(10));
        assert_eq!(notes, []);
        for seconds in [60, 90] {
            tell_sleep(&mut notes, Duration::from_secs(seconds));
        }
        assert_eq!(notes, [Note::MachineSlept { seconds: 90.0 }]);
    }
}
