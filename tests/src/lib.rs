//! leakspy from the outside: start a workload that knows its own truth, run the real program on it,
//! compare.
//!
//! | module | what it knows |
//! |---|---|
//! | [`interpreter`] | which CPythons the tests run on, and where they are |
//! | [`native`] | how the C parts are compiled |
//! | [`shared`] | targets attached through the library, without a recording |
//! | [`stage`] | where a target finds its workload |
//! | [`process`] | a child, its lines, its end |
//! | [`workload`] | the words spoken with a workload, and its truth |
//! | [`tracer`] | the program under test: `record` and `report` |
//! | [`objects`] | `census` and `who`, as people run them |
//! | [`recording`] | what SQL sees of a recording over time |
//! | [`report`] | the JSON report, and what must always hold in it |
//! | [`verdict`] | truth against report |
//! | [`text`] | a target's code against its files: every breakpoint is a difference |
//! | [`kernel`] | eBPF programs and links, the kernel log, signals |
//! | [`owner`] | whose eBPF programs are loaded: ours, or another leakspy's |
//! | [`forbidden`] | the probe that must never be used, as a control of the soak tests |
//! | [`flipped`] | a heap with bits flipped at random, read as a whole |
//! | [`heap`] | the Python objects of a target, one by one |
//! | [`chance`] | seeded randomness, and how often to try |
//! | [`simulator`] | processes whose every block is known, for the detector alone |
//!
//! Nothing here sleeps to wait: every wait ends with a line, an end of file, or a deadline that
//! fails the test.

pub mod chance;
pub mod flipped;
pub mod forbidden;
pub mod heap;
pub mod interpreter;
pub mod kernel;
pub mod native;
pub mod objects;
pub mod owner;
pub mod process;
pub mod recording;
pub mod report;
pub mod shared;
pub mod simulator;
pub mod stage;
pub mod swap;
pub mod text;
pub mod tracer;
pub mod verdict;
pub mod workload;
