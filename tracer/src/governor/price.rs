//! What hits cost, and what a second of a target would cost on each rung.

/// Mean bytes between two recorded allocations, rung by rung; 0: all are recorded.
pub const PERIODS: [u32; 6] = [0, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];

/// A trap where it was not measured, nanoseconds.
const TRAP: f64 = 550.0;
/// A return costs so much of an entry (0.4 of 0.53 µs on Linux 6.18, session links).
const RETURN: f64 = 0.8;
/// The program at an allocation that is left out.
const LEFT_OUT: f64 = 100.0;
/// The programs at one that is recorded, entry and return, until they are timed.
const RECORD: f64 = 3_000.0;
/// The program at a release, until it is timed.
const FREE: f64 = 200.0;
/// What costs at most so many times as much as traps alone saves little when it is left out.
const LITTLE: f64 = 1.1;
/// Fewer runs say little of a price.
const ENOUGH: f64 = 50.0;

/// Prices, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    trap: f64,
    record: f64,
    free: f64,
    /// Whether the return of an allocation that is left out is seen all the same.
    returns_always: bool,
}

/// What a target did in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Activity {
    /// How long.
    pub seconds: f64,
    /// Calls of allocation functions.
    pub calls: f64,
    /// Those that were recorded, or had to be followed to their return.
    pub recorded: f64,
    /// Bytes of all allocations.
    pub bytes: f64,
    /// Calls of functions that only release.
    pub frees: f64,
    /// Runs of the programs at an allocation's entry and return, where they were timed.
    pub alloc_run: Option<MeanRun>,
    /// The same at a release.
    pub free_run: Option<MeanRun>,
}

/// Timed runs of programs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanRun {
    /// Nanoseconds of one, on average.
    pub ns: f64,
    /// How many were timed.
    pub runs: f64,
}

impl MeanRun {
    fn says_enough(&self) -> bool {
        self.runs >= ENOUGH
    }
}

impl Activity {
    /// An average with what came last.
    pub fn mixed(&self, last: &Self, new: f64) -> Self {
        let mix = |usual: f64, last_rate: f64| usual + (last_rate - usual) * new;
        let rate = |amount: fn(&Self) -> f64| {
            mix(amount(self) / self.seconds, amount(last) / last.seconds)
        };
        Self {
            seconds: 1.0,
            calls: rate(|work| work.calls),
            recorded: rate(|work| work.recorded),
            bytes: rate(|work| work.bytes),
            frees: rate(|work| work.frees),
            alloc_run: None,
            free_run: None,
        }
    }
}

/// Nanoseconds of the programs at allocations that were left out.
fn left_out(work: &Activity) -> f64 {
    (work.calls - work.recorded).max(0.0) * LEFT_OUT
}

impl Prices {
    /// Before anything is timed. `trap`: as measured, nanoseconds.
    pub fn new(trap: Option<f64>, returns_always: bool) -> Self {
        Self { trap: trap.unwrap_or(TRAP), record: RECORD, free: FREE, returns_always }
    }

    /// Takes over what the kernel measured.
    pub fn learn(&mut self, work: &Activity) {
        if let Some(run) = work.alloc_run.filter(MeanRun::says_enough) {
            // Runs are entries and returns, and entries of what is left out are cheap.
            let returns = self.returns(work);
            let all = run.ns * (work.calls + returns);
            if work.recorded >= ENOUGH {
                self.record = ((all - left_out(work)) / work.recorded).max(LEFT_OUT);
            }
        }
        if let Some(run) = work.free_run.filter(MeanRun::says_enough) {
            self.free = run.ns;
        }
    }

    fn returns(&self, work: &Activity) -> f64 {
        if self.returns_always { work.calls } else { work.recorded }
    }

    /// Seconds of a processor that the work has cost.
    pub fn cost(&self, work: &Activity) -> f64 {
        let traps = work.calls + work.frees + RETURN * self.returns(work);
        let programs = work.recorded * self.record + left_out(work) + work.frees * self.free;
        (traps * self.trap + programs) * 1e-9
    }

    /// Whether to record still less would save next to nothing, as the traps cost what there is to save.
    pub fn saves_little(&self, work: &Activity, period: u32) -> bool {
        let (with, without) = (self.rate(work, period), self.rate(work, u32::MAX));
        period > 0 && with <= without * LITTLE
    }

    /// Share of a core that the same work would cost with another period, at most.
    pub fn rate(&self, work: &Activity, period: u32) -> f64 {
        let recorded = match period {
            0 => work.calls,
            // None is recorded more than once, nor more than one in each period of bytes, large ones left aside.
            period => work.calls.min(work.bytes / f64::from(period)),
        };
        self.cost(&Activity { recorded, ..*work }) / work.seconds
    }
}
