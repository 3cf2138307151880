//! What is known of a leak, a row each. Names of the target are raw in it: whoever prints a row escapes it for
//! its medium.

use std::cmp::Ordering;

use super::{advice, doubt, lines, lost, place};
use crate::model::{
    Advice, Basis, Confidence, DeclaredBound, Distinguishing, Document, Leak, LeakKind, Reason,
    Verdict,
};
use crate::report::origin::short_library;
use crate::report::quantity::{bytes, count, counted, rate, rough_percent};
use crate::report::{arenas as python_arenas, malloc, quantity};

/// Lines of one row, and fields that tell old objects from new ones.
const MOST: usize = 2;
/// A line that needed fewer of the new arenas says nothing; where types are known, which are made elsewhere
/// perhaps, still more of them.
const MOST_ARENAS: f64 = 0.5;
const NEARLY_ALL_ARENAS: f64 = 0.8;
/// A line with a smaller share is not told beside another.
const WORTH: f64 = 0.1;
/// Lines with a smaller share of what leaks do not say where it comes from, where the line that keeps it is known.
const SOME: f64 = 0.25;
/// Where lines have a smaller share together, it is said that there are more.
const MOSTLY: f64 = 0.8;
/// A line with a larger share stands for all.
const ALL: f64 = 0.95;

/// Hours until something happens that are still worth a word: a year.
const FAR: f64 = 8766.0;

/// A fact about a leak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeakFact {
    /// What it is: `retained in`.
    pub label: &'static str,
    /// The fact.
    pub text: String,
}

/// How sure it is that it is a leak, or what else it is.
pub fn word(leak: &Leak) -> &'static str {
    match leak.verdict {
        Verdict::Leak => match leak.confidence {
            Confidence::Suspect => "suspected leak",
            Confidence::Likely => "likely leak",
            Confidence::Confirmed => "confirmed leak",
        },
        Verdict::Undetermined => "too early to say",
        Verdict::CacheWarming => "still filling",
        Verdict::CacheBounded => "full, no leak",
        Verdict::AllocatorRetention => "no leak",
        Verdict::GarbagePending => "garbage, no leak",
        other => other.name(),
    }
}

/// What it is called: objects and blocks that C code lost so that no name is taken for a unit.
pub fn title(leak: &Leak) -> String {
    leak.grounds
        .iter()
        .find_map(|reason| match reason {
            Reason::Lost { objects: true, .. } => Some(format!("`{}` objects", leak.name)),
            Reason::Lost { bytes, objects: false, .. } => {
                Some(format!("{bytes}-byte blocks of C code"))
            }
            _ => None,
        })
        .unwrap_or_else(|| match short_library(&leak.name) {
            name if name == leak.name => leak.name.clone(),
            name => format!("C code of {name}"),
        })
}

/// `900 a minute`, `1.8 MiB a minute`, `4.3 MiB now`
pub fn figures(leak: &Leak) -> Vec<String> {
    let mut figures = Vec::new();
    if leak.verdict == Verdict::CacheBounded {
        // How fast it filled up is no rate of today.
        return vec![format!("{} now", bytes(leak.now.bytes))];
    }
    if leak.rate.count_per_hour.is_finite() && leak.rate.count_per_hour > 0.0 && !is_arenas(leak) {
        figures.push(rate::times(leak.rate.count_per_hour));
    }
    // What an allocator retains need not grow.
    let rests = leak.kind == LeakKind::Allocator && leak.rate.bytes_per_hour.est == 0.0;
    if leak.rate.bytes_per_hour.est.is_finite() && !rests {
        figures.push(rate::each(leak.rate.bytes_per_hour.est));
    }
    figures.push(format!("{} now", bytes(leak.now.bytes)));
    figures
}

/// All rows, in the order in which they are read.
pub fn rows(leak: &Leak, document: &Document) -> Vec<LeakFact> {
    let mut rows = Vec::new();
    let mut row =
        |label, text: Option<String>| rows.extend(text.map(|text| LeakFact { label, text }));
    let proof = lost::proof(leak);
    let library = || lost::library(leak, document);
    let is_known = proof.is_some() && !lost::is_guess(leak) && lost::maker(leak).is_none();
    row("lost in", library().filter(|_| is_known));
    row("made in", library().filter(|_| proof.is_none() && !lost::is_of_python(leak)));
    row("proof", proof);
    row("retained", advice::malloc_of(leak).map(malloc::free).or_else(|| advice::unread(leak)));
    row("trimming", advice::malloc_of(leak).map(malloc::trim));
    row("arenas", advice::arenas_of(leak).map(python_arenas::free));
    // Nothing leads to what is lost; what it leads to says where it comes from.
    let is_lost_object = leak.kind == LeakKind::LostObjects;
    let from_outside = leak.retained_by.as_ref().is_some_and(|by| from_outside(&by.path));
    let by = || leak.retained_by.as_ref().map(place::of);
    row("held by", by().filter(|_| from_outside && !is_lost_object));
    row("kept in", by().filter(|_| !from_outside));
    let through = leak.retained_by.as_ref().and_then(place::through);
    row(if is_lost_object { "each holds" } else { "each through" }, through);
    row("waits in", leak.retained_by.as_ref().and_then(place::awaits));
    row("waits for", (leak.verdict == Verdict::GarbagePending).then(|| waits_for(document)));
    row("pattern", leak.known_kind.map(|kind| kind.says.to_owned()));
    row("limit", leak.bound.as_ref().map(|limit| bound(limit, leak, document)));
    row("grown by", grown_by(leak).or_else(|| next_growth(leak)));
    row(if is_called(leak) { "called from" } else { "created at" }, created_at(leak));
    row("perhaps in", lost::perhaps_in(leak, document));
    // Where the line that keeps them is known, one that needed an arena says less.
    row("perhaps at", arenas(leak).filter(|_| leak.grown_by.is_empty()));
    for field in leak.distinguishing.iter().take(MOST) {
        row("old ones", Some(distinguishing(field)));
    }
    row("so", Some(advice::of(leak, document)));
    let both = advice::arenas_of(leak).filter(|_| leak.advice == Advice::TrimAllocator);
    row("and", both.map(|_| python_arenas::ADVICE.to_owned()));
    row("unless", doubt::of(leak).map(str::to_owned));
    rows
}

/// What frees garbage, and that it did not come.
fn waits_for(document: &Document) -> String {
    let came = document.history.collections.iter().any(|collection| collection.count > 0);
    let when = if came { "since they were made" } else { "while it was watched" };
    format!(
        "the garbage collector: only each other refers to them, and no full collection came {when}"
    )
}

/// Whether it is named by a function that a line of the program called.
fn is_called(leak: &Leak) -> bool {
    leak.kind == LeakKind::Blocks && lost::library_path(leak).is_some()
}

/// Whether a path begins at something that was not found.
fn from_outside(path: &[String]) -> bool {
    path.first().is_some_and(|root| root.starts_with("C code"))
}

fn bound(bound: &DeclaredBound, leak: &Leak, document: &Document) -> String {
    let used = count(bound.used);
    // `cachetools.LRUCache._Cache__maxsize`
    let kind = bound.kind.replace("._Cache__", ".");
    let Some(limit) = bound.limit else {
        return format!("none: {kind} allows any number, now {used}");
    };
    let full = match (bound.used.cmp(&limit), until(leak, bound.used, limit)) {
        (Ordering::Greater, _) => ": more than it says it holds".to_owned(),
        (Ordering::Equal, _) => ": full".to_owned(),
        (_, Some(time)) => format!(": full in {time}"),
        (_, None) => String::new(),
    };
    let size = too_much(bound.used, limit, leak, document);
    format!("{kind}: at most {}, now {used}{full}{}", count(limit), size.unwrap_or_default())
}

/// What it will take when it is full, where that is more than the process may have, or comes near it.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn too_much(used: u64, limit: u64, leak: &Leak, document: &Document) -> Option<String> {
    let known = document.growth.as_ref().and_then(|growth| growth.limit_bytes);
    let memory = known.or(document.target.limit_bytes)?;
    let full = leak.now.bytes as f64 / used.max(1) as f64 * limit as f64;
    let is_much = full > memory as f64 && limit > used;
    is_much.then(|| {
        let (full, memory) = (bytes(full as u64), bytes(memory));
        format!("; then it takes {full}, and the process may have {memory}")
    })
}

/// When a container of so many items will have that many more.
fn until(leak: &Leak, items: u64, then: u64) -> Option<String> {
    let rate = leak.retained_by.as_ref()?.container.as_ref()?.items_per_hour?;
    let left = then.checked_sub(items).filter(|left| *left > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let hours = left as f64 / rate;
    (rate > 0.0 && hours < FAR).then(|| quantity::rough_duration(3600.0 * hours))
}

/// When the table of the container grows next: then the line that makes it grow is seen.
fn next_growth(leak: &Leak) -> Option<String> {
    let container = leak.retained_by.as_ref()?.container.as_ref()?;
    let (length, room) = (container.length?, container.room?);
    let time = until(leak, length, room)?;
    Some(format!(
        "not seen yet: its table has room for {}, so it grows next in about {time}",
        counted(room, "item", "items")
    ))
}

fn grown_by(leak: &Leak) -> Option<String> {
    let stacks = leak.grown_by.iter().map(|grown| (&grown.stack, grown.share));
    joined(lines::lines(stacks))
}

fn created_at(leak: &Leak) -> Option<String> {
    let known = leak.created_at.iter().filter(|made| made.basis != Basis::Arena);
    let sampled = known.clone().any(|made| made.basis == Basis::Sampled);
    let lines = lines::lines(known.map(|made| (&made.stack, made.share)));
    let (_, most) = lines.first()?;
    if *most < SOME && !leak.grown_by.is_empty() {
        return None;
    }
    let text = joined(lines)?;
    Some(if sampled { format!("{text} (sampled)") } else { text })
}

fn arenas(leak: &Leak) -> Option<String> {
    let of_arenas = |basis| basis == Basis::Arena;
    let known = leak.created_at.iter().filter(|made| of_arenas(made.basis));
    let lines = lines::lines(known.map(|made| (&made.stack, made.share)));
    // A line of Python cannot lose a reference of C code.
    if leak.kind == LeakKind::LostObjects {
        return None;
    }
    let least = if leak.evidence.types.is_empty() { MOST_ARENAS } else { NEARLY_ALL_ARENAS };
    let (line, share) = lines.into_iter().next().filter(|(_, share)| *share >= least)?;
    let share = rough_percent(share);
    Some(format!(
        "{line} (it ran {share} of the times that room for small objects was needed; other lines may make more)"
    ))
}

/// `f (a.py:1)`; with shares where there are several.
fn joined(lines: Vec<(String, f64)>) -> Option<String> {
    let (first, share) = lines.first()?;
    if *share >= ALL || lines.len() == 1 {
        return Some(first.clone());
    }
    let told = || lines.iter().take(MOST).filter(|(_, share)| *share >= WORTH);
    let mut text: Vec<String> =
        told().map(|(line, share)| format!("{} {line}", rough_percent(*share))).collect();
    if text.is_empty() {
        return Some(first.clone());
    }
    if told().map(|(_, share)| share).sum::<f64>() < MOSTLY {
        text.push("the rest elsewhere".to_owned());
    }
    Some(text.join(", "))
}

fn distinguishing(found: &Distinguishing) -> String {
    let of = |[some, all]: [u64; 2]| format!("{} of {}", count(some), count(all));
    format!("{} in {} older, in {} younger", found.field, of(found.old), of(found.young))
}

/// Whether it is only known by arenas, whose number says nothing.
fn is_arenas(leak: &Leak) -> bool {
    leak.evidence.types.is_empty() && leak.created_at.iter().any(|made| made.basis == Basis::Arena)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LeakContainer, LeakRetainer};
    use crate::report::leaks::samples;

    /// A leak in a list that has so many items, room for so many, and so many more an hour.
    fn listed(length: u64, room: u64, items_per_hour: f64) -> Leak {
        let container = LeakContainer {
            class: "list".into(),
            length: Some(length),
            items_per_hour: Some(items_per_hour),
            room: Some(room),
            ..LeakContainer::default()
        };
        let path = vec!["module app".to_owned(), ".KEPT: list".to_owned()];
        let mut leak = samples::leaks::plain("app.Page", Confidence::Suspect);
        leak.retained_by =
            Some(LeakRetainer { path, container: Some(container), ..LeakRetainer::default() });
        leak
    }

    #[test]
    fn the_next_growth_is_announced() {
        let text = next_growth(&listed(1_000, 1_600, 6_000.0)).expect("a time");
        assert_eq!(
            text,
            "not seen yet: its table has room for 1,600 items, so it grows next in about 6 min"
        );
        for (length, room, rate) in
            [(1_000, 1_000, 60.0), (1_000, 9, 60.0), (1_000, 1_600, 0.0), (9, u64::MAX, 1.0)]
        {
            assert_eq!(next_growth(&listed(length, room, rate)), None, "{length} {room} {rate}");
        }
    }

    #[test]
    fn a_limit_says_when_it_is_reached() {
        let limit = |limit| DeclaredBound { kind: "lru_cache".into(), limit, used: 31_200 };
        let leak = listed(31_200, 40_000, 264_000.0);
        let mut document =
            samples::document(samples::growth(Verdict::Leak, Confidence::Suspect), Vec::new());
        document.growth.iter_mut().for_each(|growth| growth.limit_bytes = None);
        document.target.limit_bytes = None;
        let says = |limit: &DeclaredBound, document: &Document| bound(limit, &leak, document);
        let text = says(&limit(Some(40_000)), &document);
        assert_eq!(text, "lru_cache: at most 40,000, now 31,200: full in 2 min");
        let full = says(&limit(Some(31_200)), &document);
        assert_eq!(full, "lru_cache: at most 31,200, now 31,200: full");
        let more = says(&limit(Some(31_199)), &document);
        assert_eq!(more, "lru_cache: at most 31,199, now 31,200: more than it says it holds");
        let none = says(&limit(None), &document);
        assert_eq!(none, "none: lru_cache allows any number, now 31,200");
        document.target.limit_bytes = Some(leak.now.bytes);
        let much = says(&limit(Some(40_000)), &document);
        assert!(much.contains(": full in 2 min; then it takes "), "{much}");
        let kind = "cachetools.LRUCache._Cache__maxsize".to_owned();
        let text = says(&DeclaredBound { kind, ..limit(None) }, &document);
        assert_eq!(text, "none: cachetools.LRUCache.maxsize allows any number, now 31,200");
    }
}
