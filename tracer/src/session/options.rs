//! What a session is asked to do.

use std::path::PathBuf;
use std::time::Duration;

use super::objects::CensusRules;
use super::search::SearchRules;
use crate::history::SharedHistory;
use crate::model::AttachMethod;

/// A recording to be made.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// A pid, or the name of a unique process.
    pub target: String,
    /// How long; until a signal or the end of the target when `None`.
    pub duration: Option<Duration>,
    /// The file that the recording is written to; none when it is needed in memory only.
    pub output: Option<PathBuf>,
    /// Where the recording is stored in memory, for verdicts while it goes on.
    pub history: Option<SharedHistory>,
    /// Whether an existing recording is replaced.
    pub force: bool,
    /// Time between two savings.
    pub tick: Duration,
    /// Blocks in the live table.
    pub max_live: u32,
    /// Sites.
    pub max_sites: u32,
    /// Share of a core that the probes may cost the target; `None`: all allocations are recorded, whatever that costs.
    pub budget: Option<f64>,
    /// One in this many repeated hits copies the stack again, to check that site keys do not merge
    /// different stacks; 0 for never.
    pub audit_one_in: u32,
    /// How the memory of the target is searched for pointers to old blocks.
    pub search: SearchRules,
    /// When snapshots of Python objects are taken.
    pub census: CensusRules,
    /// Whether the target stands still for the last search and the last snapshot.
    pub pause: bool,
    /// How probes are attached; the best way that works when `None`.
    pub method: Option<AttachMethod>,
}
