//! What the process does, in one line: the answer to "is it leaking?". It follows from the leaks, and says
//! their rate.

use crate::model::{Confidence, Document, ProcessGrowth, Verdict};
use crate::report::quantity::{self, bytes, rate};

/// Without a full stop.
pub fn process(document: &Document) -> String {
    let Some(growth) = &document.growth else {
        return "Growth was not judged yet".to_owned();
    };
    let state = match growth.verdict {
        Verdict::Leak => leaking(growth, document) + &beside(document),
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
            format!("No leak: garbage waits for the next full collection{}", by(growth))
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
    match leaks().next().map_or(growth.confidence, |first| first.confidence) {
        Confidence::Suspect => format!("Perhaps leaking{speed}"),
        sure => format!("LEAKING{speed}, {}", sure.name()),
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
