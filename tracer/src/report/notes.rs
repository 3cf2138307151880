//! What was noticed and what limits the numbers, in sentences. Names in them are raw: data from
//! outside.

use std::borrow::Cow;

use super::method::method;
use super::quantity::{bytes, count, counted, duration, rate, share_in_words};
use crate::model::{
    ArenaUse, Attachment, HeapNote, LeftOut, NoSearch, NotSeen, Note, SkippedPart, StackNote,
};

mod refusals;

pub use refusals::{no_objects, no_python};

/// What was attached to, and how.
pub fn attached(about: &Attachment) -> String {
    let python = match &about.python {
        Some(version) => format!("CPython {version}"),
        None => "native stacks only".to_owned(),
    };
    let Attachment { pid, comm, probes, .. } = about;
    let way = method(about.method);
    format!("recording {comm} (pid {pid}), {python}, {probes} probes by {way}")
}

/// A sum of so many periods has a standard error of a tenth: of blocks much smaller than the period each that was
/// recorded stands for one, and their number is that of a Poisson process.
const WITHIN_A_FIFTH: u64 = 100;

/// Whether a note has a line of its own; packages are named where their libraries are.
pub fn is_of_its_own(note: &Note) -> bool {
    !matches!(note, Note::LibraryOfPackage { .. })
}

/// What was noticed on a recording.
pub fn note(note: &Note) -> String {
    match note {
        Note::TargetExited => "the target exited".into(),
        Note::InterpreterEnded => {
            "the target's interpreter ended; the numbers are those of the moment before, without \
             what it freed on its way out"
                .into()
        }
        Note::TargetReplaced => "the target replaced itself by another program (exec)".into(),
        Note::LeaderExited => {
            "the target's first thread ended: code that is loaded from now on is not traced".into()
        }
        Note::ProbesEndedWithLeader => {
            "the target's first thread ended, and its probes with it: nothing was counted after that \
             (--method session and multi go on without that thread)"
                .into()
        }
        Note::NotWatched { from, to } => format!(
            "leakspy did not run from {} to {} after the start: what the target did meanwhile is counted, \
             and not watched",
            duration(*from),
            duration(*to)
        ),
        Note::TargetStoodStill { from, to } => format!(
            "the target stood still from {} to {} after the start: growth is judged without that time",
            duration(*from),
            duration(*to)
        ),
        Note::MachineSlept { seconds } => {
            format!("the machine slept for {}, which no time here includes", duration(*seconds))
        }
        Note::ProbesLost => {
            "the process that held the probes was killed: nothing was counted after that".into()
        }
        Note::RecordingUnfinished => {
            "The recording has no end: leakspy was killed, or is still recording. It goes as far as the last \
             numbers that were written."
                .into()
        }
        Note::PythonNotUnderstood { reason } => no_python(reason),
        Note::FunctionNotSeen { function, reason } => {
            format!("Calls of {function} are not seen: {}.", not_seen(reason))
        }
        Note::CodeEndsNotSeen => {
            "The end of code objects cannot be watched: functions that are freed and replaced while recording may \
             be shown under the old name."
                .into()
        }
        Note::AllocatorHooked { path } => format!(
            "{path} has put itself between callers and the allocator: what it allocates for itself is counted, \
             too."
        ),
        Note::OtherAllocator { function, path, callers } => format!(
            "Calls of {function} in {path} by {callers} of the loaded modules are not seen."
        ),
        Note::SystemCallsNotSeen => {
            "Memory grew that no call explains, and this kernel does not let mappings be counted where they are \
             made: those of code that calls the kernel without the C library are missing."
                .into()
        }
        Note::SystemCallsSeen { from, bytes: unexplained } => format!(
            "In the first {} memory grew by {} more than calls of malloc and mmap explain. Since then mappings are \
             counted, too, that code makes without the C library.",
            duration(*from),
            bytes(*unexplained)
        ),
        Note::CollectionOff { threshold } => {
            let by = match threshold {
                Some(objects) => format!("gc.set_threshold({})", count(u64::from(*objects))),
                None => "gc.disable()".into(),
            };
            format!(
                "Automatic garbage collection is switched off, by {by}: objects in reference cycles are never freed."
            )
        }
        Note::CollectionFrozen => "gc.freeze() is called again and again: what is in reference cycles at such a moment is \
                                   never freed."
            .into(),
        Note::AllocatorTraced { allocator, path } => {
            format!("{path} has an allocator of its own, {allocator}: its calls are counted, too.")
        }
        Note::AllocatorNotBelieved { allocator, path } => format!(
            "Calls of {allocator} in {path} were counted, and are not believed: many of its blocks overlap, or lie \
             where nothing is mapped, so it releases them in a way that is not seen. From then on what it maps is counted as its growth, and \
             no line is named for it."
        ),
        Note::AllocatorMapped { allocator, path } => format!(
            "{path} has an allocator of its own, {allocator}, whose calls are not seen: what it maps is counted \
             as its growth, and no line is named for it."
        ),
        Note::MallocNotRead { name, version } => format!(
            "The process takes its memory from {}{}: what that retains of freed memory is not read.",
            name,
            version.as_ref().map(|version| format!(" {version}")).unwrap_or_default()
        ),
        Note::ArenasHalfEmpty { arenas: ArenaUse { bytes: all, used_bytes, .. }, .. } => format!(
            "Python's arenas have {} in memory, of which small objects use {}: the rest is retained for new ones, \
             since only arenas without any object are given back.",
            bytes(*all),
            bytes(*used_bytes)
        ),
        Note::PythonAllocator { allocator } => format!(
            "The interpreter takes its objects from {allocator} (PYTHONMALLOC), whose calls are not seen: what \
             Python objects keep is missing from the stacks. Without that setting they are counted."
        ),
        Note::LibraryOfPackage { path, name, version } => {
            format!("{path} is a part of {name} {version}.")
        }
        Note::Paused { seconds } => format!(
            "The process stood still for {seconds:.1} s at the end, as --pause asked: the last search and the last \
             snapshot are of one moment."
        ),
        Note::NotPaused { error } => format!(
            "The process ran on during the last search and the last snapshot, although --pause asked for a pause: \
             {error}."
        ),
        Note::SearchUnfinished { reason } => format!(
            "The memory of the process could not be searched for pointers to old blocks: {}.",
            no_search(*reason)
        ),
        Note::PagesUnshared { bytes: own, shared_bytes } => format!(
            "The process wrote to {} of memory that it shared since a fork, which makes copies of its own: \
             unsharing of pages that it had from its parent (reference counts, gc), which is no leak and ends \
             with the {} that it still shares.",
            bytes(*own),
            bytes(*shared_bytes)
        ),
        Note::SnapshotsTorn { snapshots } => format!(
            "{} of Python objects met lists that the garbage collector was changing, missed many objects, and \
             {} left out.",
            counted(*snapshots, "snapshot", "snapshots"),
            if *snapshots == 1 { "is" } else { "are" },
        ),
        Note::ReferencesSurplus { name, references, more, seconds } => {
            surplus(name, [*references, *more], *seconds)
        }
        Note::ObjectsUnfinished { reason } => {
            format!("Python objects were not counted to the end: {}", no_objects(reason))
        }
        Note::OwnersIncomplete { blocks } => {
            format!("Owners were looked for of {blocks} live blocks, not of all.")
        }
        Note::RecordsDropped { records } => format!(
            "{} came faster than they could be handled: their stacks have no frames.",
            counted(*records, "record of a new stack", "records of new stacks")
        ),
        Note::Sampled { seconds, period, exact } => format!(
            "for {}, one allocation in each {} was recorded and stands for the others: all would have cost the \
             process {:.1} % of a core; sums are right on average, {} within a fifth in 19 of 20 cases \
             (--exact records all)",
            duration(*seconds),
            bytes(*period),
            exact * 100.0,
            bytes(period.saturating_mul(WITHIN_A_FIFTH))
        ),
        Note::BudgetExceeded { most, budget } => format!(
            "the probes cost the process {:.1} % of a core in the dearest ten seconds, more than the {} % that \
             --budget allows: it allocates so often that their traps alone cost that",
            most * 100.0,
            budget * 100.0
        ),
        Note::FindingsSuppressed { file, left_out: them } => {
            left_out(them, "suppressed by", file)
        }
        Note::LeaksSuppressed { leaks: 1 } => "1 leak is suppressed".to_owned(),
        Note::LeaksSuppressed { leaks } => format!("{} leaks are suppressed", count(*leaks)),
        Note::FindingsFiltered { left_out: them } => {
            left_out(them, "left out by", "--include and --exclude")
        }
        Note::Text { text } => text.clone(),
    }
}

/// What ended or stopped a recording, and what that means for its file.
pub fn stopped(why: &str) -> String {
    format!("{why}; what was recorded until then is kept")
}

fn not_seen(reason: &NotSeen) -> String {
    match reason {
        NotSeen::Several => {
            "several loaded modules provide it, and none is bound to a caller".into()
        }
        NotSeen::Indirect => "its symbol only chooses the real function at load time".into(),
        NotSeen::NotProvided => "no loaded module provides it".into(),
        NotSeen::NoCode => "its code cannot be read".into(),
        NotSeen::NotCode => "its first bytes are not an instruction".into(),
        NotSeen::Unsafe { instruction } => {
            format!("it begins with `{instruction}`, which a probe could break")
        }
    }
}

fn no_search(reason: NoSearch) -> Cow<'static, str> {
    let reason = match reason {
        NoSearch::TooLarge => "it has more resident memory than --search-limit",
        NoSearch::Swapped { bytes: Some(swapped) } => {
            return Cow::Owned(format!(
                "{} of it are swapped out and were not read, because that would bring them in",
                bytes(swapped)
            ));
        }
        NoSearch::Swapped { bytes: None } => "a part of its memory is swapped out",
        NoSearch::TooScattered => "its memory is in too many ranges",
        NoSearch::Unreadable => "a part of its memory cannot be read",
        NoSearch::TooSlow => "it took too long",
    };
    Cow::Borrowed(reason)
}

/// `2 findings are suppressed by app.supp; they keep 1.2 MiB and explain 12 % of the growth.`
fn left_out(them: &LeftOut, how: &str, by: &str) -> String {
    let (are, they_keep, explain) = match them.findings {
        1 => ("is", "it retains", "explains"),
        _ => ("are", "they retain", "explain"),
    };
    let explained = them
        .share_of_growth
        .map(|share| format!(" and {explain} {} of the growth", share_in_words(share)));
    format!(
        "{} {are} {how} {by}; {they_keep} {}{}.",
        counted(them.findings, "finding", "findings"),
        bytes(them.retained_bytes),
        explained.unwrap_or_default(),
    )
}

/// Why a stack is less than whole.
pub fn of_stack(note: &StackNote) -> String {
    let missing = |why: String| format!("Outer native frames are missing: {why}.");
    match note {
        StackNote::PythonTooDeep => {
            "the Python stack is deeper than the limit; the innermost frames are shown".into()
        }
        StackNote::PythonUnreadable => {
            "a Python frame could not be read; the frames further out are missing".into()
        }
        StackNote::CodeFreed => {
            "a Python function is missing its name: its code was freed before it could be read"
                .into()
        }
        StackNote::CodeUnreadable { reason } => {
            format!("a Python function is missing its name: {}", refusals::no_code(*reason))
        }
        StackNote::NativeLeftOut { frames } => format!(
            "{frames} native frames were left out: their place among the Python frames is not certain."
        ),
        StackNote::OtherStack { frames } => format!(
            "{frames} native frames further out belong to another greenlet or sub-interpreter and were left out."
        ),
        StackNote::IdleEvaluation { frames } => format!(
            "{frames} activations of the evaluation loop run no Python frame that is known."
        ),
        StackNote::ByFramePointer { frames } => format!(
            "{frames} native frames have no unwind information; their callers were found by frame pointers."
        ),
        StackNote::Text { text } => text.clone(),
        StackNote::AllocatorNotBelieved => {
            "Its allocator releases blocks in a way that is not seen: what is live here is not known.".into()
        }
        StackNote::CopyTooShort => {
            "Outer native frames lie beyond the copied part of the stack.".into()
        }
        StackNote::NoUnwindInformation { module } => {
            missing(format!("{module} has no unwind information"))
        }
        StackNote::UnsupportedUnwindRule { module } => missing(format!(
            "a function of {module} keeps its frame in a register that is not recorded"
        )),
        StackNote::UnknownCaller => missing(
            "their caller is in no known file (code generated at run time, or another tracer's return probe)"
                .into(),
        ),
        StackNote::ImplausibleReturn { module } => {
            missing(format!("no call precedes a return address in {module}"))
        }
        StackNote::NativeTooDeep { frames } => {
            format!("Only the innermost {frames} native frames were kept.")
        }
    }
}

/// What limits the numbers of a heap.
pub const fn of_heap(note: HeapNote) -> &'static str {
    match note {
        HeapNote::ProcessEnded => "the process ended between two snapshots",
        HeapNote::TypesIncomplete => "there were more types or snapshots than can be followed",
        HeapNote::SnapshotsTorn => {
            "snapshots that met lists which the garbage collector was changing missed many objects, and are left out"
        }
    }
}

/// What was left out of a heap.
pub const fn skipped(part: SkippedPart) -> &'static str {
    match part {
        SkippedPart::TornLists => "torn lists",
        SkippedPart::References => "references that led nowhere",
        SkippedPart::Sizes => "objects without a size",
        SkippedPart::Pools => "places for pools that were too many",
    }
}

/// References that objects count and nobody was seen to have; how many came in how long.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn surplus(name: &str, [references, more]: [u64; 2], seconds: f64) -> String {
    format!(
        "C code holds {} more references to {name} than the heap explains, and {} more come: perhaps it takes references \
         and does not give them back. That takes no memory, but objects to which it happens are never freed.",
        count(references),
        rate::times(more as f64 * 3600.0 / seconds.max(1.0))
    )
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::agreed::words;

    /// Every note once, in its words: `golden/report/notes.txt`, which `LEAKSPY_BLESS=1` rewrites.
    #[test]
    fn every_note_has_its_words() {
        let notes = samples::notes().into_iter().map(|one| (one.code(), note(&one)));
        let stacks = samples::of_stacks().into_iter().map(|one| (one.code(), of_stack(&one)));
        let heaps = samples::of_heaps().map(|one| (one.code(), of_heap(one).to_owned()));
        let parts = samples::skipped().map(|one| (one.code(), skipped(one).to_owned()));
        let chapters = [
            (Note::CODES, notes.collect()),
            (StackNote::CODES, stacks.collect()),
            (HeapNote::CODES, heaps.to_vec()),
            (SkippedPart::CODES, parts.to_vec()),
        ];
        words("notes.txt", &chapters);
    }
}
