//! What the process does follows from its leaks: the two never contradict each other.

use crate::model::{Confidence, Document, Leak, Verdict};

/// Leaks that explain less than this share of the growth do not say what the process does.
const MATTERS: f64 = 0.01;

/// Where caches that fill up explain so much of it, the process is one that fills caches.
const MOST: f64 = 0.5;

/// Makes the verdict on the process that of its leaks.
pub fn settle(document: &mut Document) {
    let leaks: Vec<&Leak> = document.leaks.iter().filter(|leak| leak.is_leak()).collect();
    let filling = document.leaks.iter().filter(|leak| leak.verdict == Verdict::CacheWarming);
    let fills = filling.filter_map(|leak| leak.explains).sum::<f64>() >= MOST;
    let Some(growth) = &mut document.growth else { return };
    let first = leaks.first().map(|leak| leak.confidence);
    let shares: Vec<f64> = leaks.iter().filter_map(|leak| leak.explains).collect();
    let explained: f64 = shares.iter().sum();
    match first {
        Some(confidence) if shares.is_empty() || explained >= MATTERS => {
            (growth.verdict, growth.confidence) = (Verdict::Leak, confidence);
        }
        None if growth.verdict == Verdict::Leak && fills => {
            (growth.verdict, growth.confidence) = (Verdict::CacheWarming, Confidence::Suspect);
        }
        None if growth.verdict == Verdict::Leak => {
            (growth.verdict, growth.confidence) = (Verdict::Undetermined, Confidence::Suspect);
        }
        _ => {}
    }
    if !shares.is_empty() {
        growth.explained = Some(explained);
    }
    if growth.verdict == Verdict::Leak && growth.confidence > Confidence::Suspect {
        growth.needs_hours = None;
    }
}
