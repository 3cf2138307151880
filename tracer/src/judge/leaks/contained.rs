//! What common types grow in. Strings, numbers and tuples are in everything, and most new ones may be where others
//! come and go. Where a container grew by as many, it is the one that retains what came.

use super::piece::is_part;
use crate::model::{Document, GrownContainer, TypeGrowth};

/// A container grew by at least this share of what came of a type.
const SHARE: f64 = 0.5;

/// Gives common types that grow the path to the container that grew by as many of them.
pub fn place(document: &mut Document) {
    let containers = &document.history.containers;
    for found in document.types.iter_mut().flatten() {
        if is_part(&found.name)
            && found.verdict.is_open()
            && let Some(container) = container_of(found, containers)
        {
            let item = format!("[…]: {}", found.name);
            found.retainer = Some(container.words().into_iter().chain([item]).collect());
        }
    }
}

/// The fastest of those with items of the type that never had fewer than before.
fn container_of<'a>(
    found: &TypeGrowth,
    containers: &'a [GrownContainer],
) -> Option<&'a GrownContainer> {
    let rate = |container: &GrownContainer| container.items_per_hour().unwrap_or(0.0);
    let least = SHARE * found.slope_objects_per_hour.est;
    let fits = |container: &&GrownContainer| {
        let has_items = container.items.iter().any(|(name, _)| *name == found.name);
        let only_grew = container.lengths.windows(2).all(|pair| pair[0].1 <= pair[1].1);
        has_items && only_grew && !container.path.is_empty() && rate(container) >= least
    };
    let fitting = containers.iter().filter(fits).filter(|_| least > 0.0);
    fitting.max_by(|a, b| rate(a).total_cmp(&rate(b)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{grown, judged};
    use super::*;

    /// A container that came to `items` strings in an hour.
    fn container(name: &str, items: u64, class: &str) -> GrownContainer {
        let path = ["module app".to_owned(), format!("{name}: list ({items} items)")];
        GrownContainer {
            path: path.into_iter().map(|words| (words, None)).collect(),
            lengths: vec![(0.0, 0), (1800.0, items / 2), (3600.0, items)],
            items: vec![(class.to_owned(), 1000)],
            ..GrownContainer::default()
        }
    }

    fn placed(name: &str, containers: Vec<GrownContainer>) -> Option<String> {
        let log = ["module app", ".sessions: dict (9 items)", "[1]: app.Session", "[0]: x"];
        let mut document = judged(vec![grown(1, name, [0, 1000, 60], &log)], Vec::new());
        document.history.containers = containers;
        place(&mut document);
        document.types?.first()?.retainer.as_ref()?.get(1).cloned()
    }

    #[test]
    fn common_types_are_in_the_container_that_grew_by_as_many() {
        let pages = || container(".pages", 900, "str");
        let of = |found: Option<String>| found.is_some_and(|words| words.starts_with(".pages"));
        assert!(of(placed("str", vec![container(".few", 600, "str"), pages()])));
        assert!(!of(placed("app.Page", vec![pages()])), "it has a path of its own");
        assert!(!of(placed("int", vec![pages()])), "no items of that type");
        assert!(!of(placed("str", vec![container(".pages", 300, "str")])), "too few");
        let mut drained = pages();
        drained.lengths[1].1 = 950;
        assert!(!of(placed("str", vec![drained])), "it was emptied");
    }
}
