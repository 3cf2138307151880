//! The JSON report, and what must always hold in it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use leakspy_ebpf::wire::counter::{Counter, CounterClass};
use serde::Deserialize;
use serde_json::Value;

use crate::workload::TrueFrame;

/// What `report -f json` prints, as far as the tests look.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    /// Version of the contract.
    pub schema: u32,
    /// The target.
    pub target: Value,
    /// The capture.
    pub capture: Value,
    /// Counters by name.
    pub losses: Counters,
    /// By live bytes, largest first.
    pub sites: Vec<Site>,
}

/// Counters by name.
#[derive(Clone, Debug, Deserialize)]
pub struct Counters(pub BTreeMap<String, u64>);

/// One site.
#[derive(Clone, Debug, Deserialize)]
pub struct Site {
    /// Bytes not freed.
    pub live_bytes: u64,
    /// Blocks not freed.
    pub live_count: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Blocks allocated.
    pub allocated_count: u64,
    /// Upper bound of the sizes.
    pub size_class: u64,
    /// `malloc` or `mmap`.
    pub domain: String,
    /// Traced function.
    pub allocator: String,
    /// Root first.
    pub stack: Vec<Frame>,
    /// Why the stack is less than whole.
    pub notes: Vec<String>,
}

/// One line of a stack.
#[derive(Clone, Debug, Deserialize)]
pub struct Frame {
    /// `python` or `native`.
    pub kind: String,
    /// Name.
    pub function: Option<String>,
    /// Source file.
    pub file: Option<String>,
    /// Line.
    pub line: Option<u32>,
    /// ELF file.
    pub module: Option<String>,
    /// The interpreter's own, which reports hide.
    #[serde(default)]
    #[serde(rename = "machinery")]
    pub is_runtime: bool,
}

impl Report {
    /// Whether it has a note of this code.
    pub fn says(&self, code: &str) -> Result<()> {
        let codes = self.capture["codes"].as_array().into_iter().flatten();
        let said = codes.filter_map(Value::as_str).any(|said| said == code);
        ensure!(said, "no note is {code:?}: {}", self.capture);
        Ok(())
    }
}

impl Site {
    /// Its Python frames, root first, without what the interpreter hides from tracebacks too; a
    /// frame without a line has line 0.
    pub fn python(&self) -> Vec<TrueFrame> {
        let shown = |frame: &&Frame| frame.kind == "python" && !frame.is_runtime;
        self.stack.iter().filter(shown).map(Frame::as_true).collect()
    }

    /// Whether a native function of that name is on the stack.
    pub fn goes_through(&self, function: &str) -> bool {
        self.stack
            .iter()
            .any(|frame| frame.kind == "native" && frame.function.as_deref() == Some(function))
    }

    /// One line per frame.
    pub fn describe(&self) -> String {
        let lines: Vec<String> = self.stack.iter().map(Frame::describe).collect();
        format!(
            "{} blocks, {} bytes live of class {} by {}; notes {:?}\n    {}",
            self.live_count,
            self.live_bytes,
            self.size_class,
            self.allocator,
            self.notes,
            lines.join("\n    ")
        )
    }
}

impl Frame {
    fn as_true(&self) -> TrueFrame {
        TrueFrame {
            function: self.function.clone().unwrap_or_default(),
            file: self.file.clone().unwrap_or_default(),
            line: self.line.unwrap_or(0),
        }
    }

    fn describe(&self) -> String {
        let place = self.file.as_deref().or(self.module.as_deref()).unwrap_or("?");
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{} {} {place}{line}", self.kind, self.function.as_deref().unwrap_or("?"))
    }
}

impl Counters {
    /// One of them.
    pub fn of(&self, counter: Counter) -> Result<u64> {
        let name = counter.name();
        self.0.get(name).copied().with_context(|| format!("no counter {name} in {:?}", self.0))
    }

    fn sum(&self, counters: &[Counter]) -> Result<u64> {
        counters.iter().map(|counter| self.of(*counter)).sum()
    }

    /// Nothing was lost and no stack is less than whole, except for what is named.
    pub fn lost_nothing_but(&self, allowed: &[Counter]) -> Result<()> {
        for counter in Counter::ALL {
            // Merged stacks are a figure about site keys; what a test says of stacks it compares
            // itself.
            let bad = matches!(counter.class(), CounterClass::Loss | CounterClass::Quality)
                && *counter != Counter::StacksMerged;
            let count = self.of(*counter)?;
            ensure!(
                !bad || count == 0 || allowed.contains(counter),
                "{count} of {}: {}; all counters: {:?}",
                counter.name(),
                counter.sentence(),
                self.0
            );
        }
        Ok(())
    }

    /// Every call seen has exactly one end, whatever was lost.
    pub fn balance(&self) -> Result<()> {
        use Counter::*;
        let calls = self.of(AllocCalls)?;
        let ends = [
            AllocRecorded,
            AllocFailed,
            AllocNested,
            AllocNotAnonymous,
            ReallocReleased,
            InFlight,
            AllocLeftOut,
        ];
        let losses = [PendingLost, PendingFull, LiveFull, AddressTooWide, OutUnreadable];
        let ended = self.sum(&ends)? + self.sum(&losses)?;
        ensure!(calls == ended, "{calls} allocation calls, {ended} ends: {:?}", self.0);
        let frees = self.of(FreeCalls)?;
        let ends = [FreeRecorded, FreeNull, FreeUnknown, FreeNested, UnmapPartial, UnmapUnknown];
        let ended = self.sum(&ends)?;
        ensure!(frees == ended, "{frees} releases, {ended} ends: {:?}", self.0);
        Ok(())
    }

    /// Bytes alive by the counters alone.
    pub fn live_bytes(&self) -> Result<u64> {
        let (made, freed) = (self.of(Counter::AllocBytes)?, self.of(Counter::FreeBytes)?);
        made.checked_sub(freed).with_context(|| format!("{made} bytes made and {freed} freed"))
    }
}

impl Report {
    /// A counter.
    pub fn counter(&self, counter: Counter) -> Result<u64> {
        self.losses.of(counter)
    }

    /// Bytes live at all sites.
    pub fn live_bytes(&self) -> u64 {
        self.sites.iter().map(|site| site.live_bytes).sum()
    }

    /// Blocks live at all sites.
    pub fn live_count(&self) -> u64 {
        self.sites.iter().map(|site| site.live_count).sum()
    }

    /// See [`Counters::lost_nothing_but`].
    pub fn lost_nothing_but(&self, allowed: &[Counter]) -> Result<()> {
        self.losses.lost_nothing_but(allowed)
    }

    /// Every call seen has exactly one end, and the sites add up to the counters. Holds whatever
    /// was lost, once the target stands still.
    pub fn balances(&self) -> Result<()> {
        self.losses.balance()?;
        let bytes = self.losses.live_bytes()?;
        ensure!(
            bytes == self.live_bytes(),
            "sites have {} live bytes, the counters say {bytes}: {:?}",
            self.live_bytes(),
            self.losses
        );
        for site in &self.sites {
            ensure!(
                site.live_count <= site.allocated_count && site.live_bytes <= site.allocated_bytes,
                "more alive than was allocated: {}",
                site.describe()
            );
        }
        let made: u64 = self.sites.iter().map(|site| site.allocated_count).sum();
        let recorded = self.losses.sum(&[Counter::AllocRecorded, Counter::AllocStoodFor])?;
        ensure!(
            made == recorded,
            "sites made {made} blocks, recorded were {recorded}: {:?}",
            self.losses
        );
        Ok(())
    }
}
