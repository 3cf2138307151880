//! What types and containers say by themselves: whether a type may leak, and what the items of a container are.

use crate::growth::TypeOrigin;
use crate::model::{GrownContainer, Reason, TypeGrowth, Verdict};

/// Types that only came and went, or grew once, are no evidence. What grows and waits for the collector is told as that.
pub fn may_leak(found: &TypeGrowth) -> bool {
    let undecided =
        |reason: &Reason| matches!(reason, Reason::FewSnapshots { .. } | Reason::NotCollectedYet);
    match found.verdict {
        Verdict::Leak => true,
        Verdict::GarbagePending => found.reasons.first() == Some(&Reason::GarbageObjects),
        Verdict::Undetermined => found.grown() > 0 && found.reasons.first().is_some_and(undecided),
        _ => false,
    }
}

/// What there is one of for each item: a type of the program or a package before what anything is made of, and what
/// takes memory before numbers.
pub fn name(container: &GrownContainer) -> String {
    if container.is_buffer() {
        return container.name.clone();
    }
    let most = container.items.first().map_or(0, |(_, count)| *count);
    let often = container.items.iter().filter(|(_, count)| 2 * count >= most);
    let rank = |name: &str| {
        (
            TypeOrigin::from_name(name).is_part(),
            ["int", "float", "bool", "NoneType"].contains(&name),
        )
    };
    let own = often.min_by_key(|(name, _)| rank(name));
    own.map_or(&container.name, |(name, _)| name).clone()
}
