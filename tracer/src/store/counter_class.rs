//! The words for classes of counters in a recording.

use crate::model::CounterClass;

/// The word of a class.
pub fn name(class: CounterClass) -> &'static str {
    match class {
        CounterClass::Seen => "seen",
        CounterClass::Accounted => "accounted",
        CounterClass::Loss => "loss",
        CounterClass::Quality => "quality",
    }
}

/// The class of a word.
pub fn named(word: &str) -> Option<CounterClass> {
    [CounterClass::Seen, CounterClass::Accounted, CounterClass::Loss, CounterClass::Quality]
        .into_iter()
        .find(|class| name(*class) == word)
}
