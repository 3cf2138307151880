//! Verdicts as sentences. Plain text: names of the target are raw in it, and whoever prints a
//! sentence escapes it for the medium.

mod pace;

use super::quantity::{block_size, bytes, count, counted};
use super::quantity::{date, rate};
use super::width::cut_start;
use super::{blame, label};
use crate::model::{Amount, Document, Domain, Evidence, Finding, Frame, Model, Verdict};

/// Most columns of a name inside a sentence.
const NAME_COLUMNS: usize = 60;
/// From here on a time of day needs its date: half a day may lie between the start and midnight.
const SECONDS_WITHOUT_DATE: f64 = 12.0 * 3600.0;

/// `text` with a capital letter.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// One finding in one sentence: who, how fast, how much, since when.
///
/// `` `keep` (app.py:12) keeps 41.0 KiB per minute, so far 41.4 KiB in 212 blocks of 200 B,
/// steadily since 14:02 UTC; none was freed. ``
pub fn finding(finding: &Finding, document: &Document) -> String {
    if finding.evidence.arenas {
        return arenas(finding, document);
    }
    let who = match &finding.evidence.allocator {
        Some((name, module)) => of_library(name, module),
        None => culprit(finding),
    };
    let held = held(finding);
    match finding.verdict {
        Verdict::Leak => format!(
            "{who} retains {}, so far {held}, {}; {}.",
            pace::of(finding, document),
            shape_and_since(finding, document),
            fate(finding)
        ),
        Verdict::Undetermined => format!(
            "{who} grows by {}, so far {held}, {}: too early to say what it is.",
            pace::of(finding, document),
            shape_and_since(finding, document),
        ),
        harmless => format!("{who} {}.", said_of_harmless(harmless, finding, &held)),
    }
}

/// An allocator that a library has for itself, as the subject of a sentence.
fn of_library(name: &str, module: &str) -> String {
    let library = module.rsplit('/').next().unwrap_or(module);
    format!("The allocator in {library} ({name}), not to be blamed on a line,")
}

/// Arenas say less than blocks of one's own: the sentence says what the line is, and is not.
fn arenas(finding: &Finding, document: &Document) -> String {
    let held = held(finding);
    let speed = pace::of(finding, document);
    let what = match finding.verdict {
        Verdict::Leak => {
            format!("retain {speed}, so far {held}, {}", shape_and_since(finding, document))
        }
        Verdict::Undetermined => {
            format!("grow by {speed}, so far {held}, and it is too early to say what it is")
        }
        _ => format!("hold {held}"),
    };
    let (alike, all) = finding.evidence.stacks_alike;
    format!(
        "Python's small objects (up to 512 B each) {what}; {} was the line that needed a new arena in {} \
         of {}.",
        culprit(finding),
        count(alike),
        count(all)
    )
}

fn said_of_harmless(verdict: Verdict, finding: &Finding, held: &str) -> String {
    match verdict {
        Verdict::CacheWarming => match &finding.evidence.plateau_bytes {
            Some(plateau) => format!(
                "fills up ever more slowly, now {held}, towards {}",
                rate::size_range(plateau)
            ),
            None => format!("fills up ever more slowly, now {held}"),
        },
        Verdict::CacheBounded => {
            format!("holds {held} and gives back its oldest blocks as it takes new ones")
        }
        Verdict::SessionsOpen => {
            format!("holds {held} for sessions, requests or jobs that are still open")
        }
        Verdict::GarbagePending => {
            format!("left {held} behind, which the next full garbage collection frees")
        }
        Verdict::AllocatorRetention => {
            format!("freed what it took; the process still retains {held} of it")
        }
        Verdict::Baseline | Verdict::Leak | Verdict::Undetermined => {
            format!("holds {held} and does not grow")
        }
    }
}

/// `` `keep` (app.py:12) ``
fn culprit(finding: &Finding) -> String {
    let frames: Vec<&Frame> = finding.site.stack.iter().filter(|frame| !frame.is_runtime).collect();
    let Some(blame) = blame::of(&frames) else {
        return "A place without a stack".to_owned();
    };
    let name = label::cut_name(&label::name(blame.frame), NAME_COLUMNS);
    match label::brief_place(blame.frame) {
        Some(place) => format!("`{name}` ({})", cut_start(&place, NAME_COLUMNS)),
        None => format!("`{name}`"),
    }
}

/// `41.4 KiB in 212 blocks of 200 B`
fn held(finding: &Finding) -> String {
    let Evidence { retained, arenas, .. } = finding.evidence;
    // What does not leak is described by all of its live blocks: old blocks alone do not measure a
    // cache.
    let grows = finding.verdict.is_open();
    let described = if grows && retained.count > 0 { retained } else { finding.site.live };
    let Amount { bytes: all, count: number } = described;
    let (one, many) = match finding.site.domain {
        _ if arenas => ("arena", "arenas"),
        Domain::Malloc => ("block", "blocks"),
        Domain::Mmap => ("mapping", "mappings"),
    };
    let Some(mean) = all.checked_div(number) else {
        return "nothing".to_owned();
    };
    // A few blocks of different sizes often have a whole mean by chance.
    let same = mean.checked_mul(number) == Some(all) && (number == 1 || number >= 10);
    let about = if same { "" } else { "about " };
    format!("{} in {} of {about}{}", bytes(all), counted(number, one, many), block_size(mean))
}

/// `steadily since 14:02 UTC`, `in 11 steps`
fn shape_and_since(finding: &Finding, document: &Document) -> String {
    let shape = match (finding.evidence.model, finding.evidence.steps) {
        (Model::Steps, Some(steps)) => format!("in {}", counted(steps, "step", "steps")),
        (Model::Steps, None) => "in steps".to_owned(),
        (Model::Saturating, _) => "ever more slowly".to_owned(),
        (Model::Linear, _) => "steadily".to_owned(),
        (Model::Constant, _) => "not in a clear shape".to_owned(),
    };
    match finding.evidence.since {
        Some(since) => format!("{shape} since {}", moment(since, document)),
        None => shape,
    }
}

/// What became of all that was ever allocated there.
fn fate(finding: &Finding) -> String {
    let all = finding.site.allocated.count;
    let freed = all.saturating_sub(finding.site.live.count);
    match freed {
        0 => "none was freed".to_owned(),
        freed => format!(
            "{} of {} {} freed",
            count(freed),
            count(all),
            if freed == 1 { "was" } else { "were" }
        ),
    }
}

/// A moment of the capture as a time of day; with its date where the capture is long.
pub fn moment(seconds: f64, document: &Document) -> String {
    let offset = std::time::Duration::try_from_secs_f64(seconds).map_or(0, |time| time.as_secs());
    let at = document.capture.started.saturating_add(offset);
    if document.capture.seconds < SECONDS_WITHOUT_DATE {
        date::clock(at)
    } else {
        date::date_and_clock(at)
    }
}
