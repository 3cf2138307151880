//! What the process does, in one line: the answer to "is it leaking?". It follows from the leaks, and says
//! their rate.

use super::lost;
use crate::model::{Confidence, Document, Leak, ProcessGrowth, Verdict};
use crate::report::quantity::{self, bytes, rate, rough_percent};

/// Where a smaller share of the growth is explained, the first line says so.
const EXPLAINED: f64 = 0.6;

/// Without a full stop.
pub fn process(document: &Document) -> String {
    let Some(growth) = &document.growth else {
        return "Growth was not judged yet".to_owned();
    };
    let state = match growth.verdict {
        Verdict::Leak => {
            with_beside(leaking(growth, document), document) + &unexplained(growth, document)
        }
        // What is sure is said, also where something else makes the process grow.
        Verdict::Undetermined if is_sure(document) => {
            let leaking = leaking(growth, document);
            format!("{leaking}, and growing{}, most of it not explained yet", by(growth))
        }
        Verdict::Undetermined if growth.significant => undecided(growth),
        Verdict::Undetermined => undecided(growth) + &beside(document),
        Verdict::AllocatorRetention => format!(
            "No leak: the allocator retains memory that the program has freed{}",
            each_minute(growth)
        ),
        Verdict::GarbagePending => {
            format!("No leak: garbage waits for the next full collection{}", garbage(document))
        }
        Verdict::SessionsOpen => {
            format!("No leak: memory follows sessions or jobs that are still open{}", by(growth))
        }
        Verdict::CacheWarming => format!("No leak: caches are still filling up{}", by(growth)),
        Verdict::CacheBounded | Verdict::Baseline => {
            "Nothing leaks that can be told apart from normal work".to_owned() + &beside(document)
        }
    };
    state + &limit(growth)
}

fn is_sure(document: &Document) -> bool {
    document
        .leaks
        .first()
        .is_some_and(|leak| leak.is_leak() && leak.confidence > Confidence::Suspect)
}

/// `LEAKING 1.8 MiB a minute, likely`
fn leaking(growth: &ProcessGrowth, document: &Document) -> String {
    let leaks = || document.leaks.iter().filter(|leak| leak.is_leak());
    let speed: f64 = leaks().map(|leak| leak.rate.bytes_per_hour.est.max(0.0)).sum();
    // Before owners are known, a type and the stack that allocates it may be told as two.
    let most =
        Some(growth.slope_bytes_per_hour.hi).filter(|hi| growth.significant && hi.is_finite());
    let first = leaks().next().map_or(0.0, |first| first.rate.bytes_per_hour.est);
    let speed = most.map_or(speed, |most| speed.min(most.max(first)));
    let speed = match speed.is_finite() && speed > 0.0 {
        true => format!(" {}", rate::each(speed)),
        false => String::new(),
    };
    let cause = leaks().next().and_then(|first| lost::cause(first, document));
    let cause = cause.map_or_else(String::new, |cause| format!("; {cause}"));
    match leaks().next().map_or(growth.confidence, |first| first.confidence) {
        Confidence::Suspect => format!("Perhaps leaking{speed}{cause}"),
        sure => format!("LEAKING{speed}, {}{cause}", sure.name()),
    }
}

/// `, 12.4 MiB so far and 11.6 MiB a minute more`
fn garbage(document: &Document) -> String {
    let waits = || document.leaks.iter().filter(|leak| leak.verdict == Verdict::GarbagePending);
    let so_far = waits().map(|leak| leak.now.bytes).fold(0, u64::saturating_add);
    let more: f64 = waits().map(|leak| leak.rate.bytes_per_hour.est.max(0.0)).sum();
    match so_far > 0 && more.is_finite() {
        true => format!(", {} so far and {} more", bytes(so_far), rate::each(more)),
        false => String::new(),
    }
}

/// `, and the allocator retains freed memory, 43.5 MiB a minute`, beside a leak; `, 80.0 MiB` where it does not grow.
fn beside(document: &Document) -> String {
    let mut leaks = document.leaks.iter();
    let retention = leaks.find(|leak| leak.verdict == Verdict::AllocatorRetention);
    retention.map_or_else(String::new, |leak| {
        let much = match leak.rate.bytes_per_hour.est {
            0.0 => bytes(leak.now.bytes),
            est => rate::each(est),
        };
        format!(", and the allocator retains freed memory, {much}")
    })
}

/// A leak with what the allocator retains beside it, the faster of the two first.
fn with_beside(leaking: String, document: &Document) -> String {
    let is_retention = |leak: &&Leak| leak.verdict == Verdict::AllocatorRetention;
    let rate = |leak: &Leak| leak.rate.bytes_per_hour.est;
    let retained = document.leaks.iter().find(is_retention).map_or(0.0, rate);
    let leaks: f64 = document.leaks.iter().filter(|leak| leak.is_leak()).map(rate).sum();
    match retained > leaks {
        true => format!(
            "The allocator retains freed memory, {}; beside that the program is {leaking}",
            rate::each(retained)
        ),
        false => leaking + &beside(document),
    }
}

/// The share of the growth that all entries explain, never more than 1; 0 where it is not known.
pub fn explained(document: &Document) -> f64 {
    let shares = document.leaks.iter().filter_map(|leak| leak.explains);
    shares.filter(|share| share.is_finite()).sum()
}

/// What the process grows by besides, where that is much of it.
fn unexplained(growth: &ProcessGrowth, document: &Document) -> String {
    let share = explained(document);
    let slope = growth.slope_bytes_per_hour.est;
    let is_known = growth.significant && document.leaks.iter().any(|leak| leak.explains.is_some());
    let is_much = slope > 0.0 && share < EXPLAINED;
    if !is_known || !is_much {
        return String::new();
    }
    let rest = match share < 0.5 {
        true => "most of it".to_owned(),
        false => rough_percent(1.0 - share),
    };
    format!(". The process grows by {}: {rest} is not explained", rate::each(slope))
}

fn undecided(growth: &ProcessGrowth) -> String {
    let needs = growth
        .needs_hours
        .map_or_else(String::new, |hours| format!(": needs about {} more", quantity::hours(hours)));
    match growth.significant {
        true => format!("Growing{}, but too early to say why{needs}", by(growth)),
        false => format!("Too early to say whether it grows{needs}"),
    }
}

/// ` by 2.4 MiB a minute`, when that can be told from nothing.
fn by(growth: &ProcessGrowth) -> String {
    match growth.significant && growth.slope_bytes_per_hour.est > 0.0 {
        true => format!(" by {}", rate::each(growth.slope_bytes_per_hour.est)),
        false => String::new(),
    }
}

/// `, 2.4 MiB a minute`, likewise.
fn each_minute(growth: &ProcessGrowth) -> String {
    match growth.significant && growth.slope_bytes_per_hour.est > 0.0 {
        true => format!(", {}", rate::each(growth.slope_bytes_per_hour.est)),
        false => String::new(),
    }
}

fn limit(growth: &ProcessGrowth) -> String {
    match (&growth.hours_to_limit, growth.limit_bytes) {
        (Some(hours), Some(limit)) => {
            let whose = match growth.limit_source.as_deref() {
                Some("machine") => "memory of the machine,",
                _ => "limit of",
            };
            let limit = bytes(limit).replace(".0 ", " ");
            format!(". The {whose} {limit} is reached in {}", quantity::about_hours(hours))
        }
        _ => String::new(),
    }
}
