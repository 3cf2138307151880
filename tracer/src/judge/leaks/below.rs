//! What grows in many containers of one type, in a container that does not grow itself: the leak is of all of them, not
//! of the one that a path happened to go through.

use super::measures::Measures;
use super::path::{Path, place_of};
use crate::model::{Amount, ContainersBelow, GrownContainer, Leak, LeakRetainer};

/// The containers in the one that a leak is told of.
pub struct Inner<'a> {
    /// What is known of all of them.
    pub containers: &'a ContainersBelow,
    /// Those of them that were followed.
    pub grown: Vec<&'a GrownContainer>,
}

/// The container around, by its place on the path.
struct Outer<'a> {
    at: usize,
    inner: usize,
    containers: &'a ContainersBelow,
}

/// The leak, told of the outer container where the objects are in containers in that.
pub fn lifted<'a>(
    mut leak: Leak,
    containers: &'a [GrownContainer],
    measures: &Measures,
) -> (Leak, Option<Inner<'a>>) {
    let Some(by) = leak.retained_by.as_mut().filter(|by| by.container.is_some()) else {
        return (leak, None);
    };
    let words: Vec<String> = by.path.iter().chain(&by.through).cloned().collect();
    let Some(path) = Path::parse(&words) else { return (leak, None) };
    let Some(outer) = outer(&path, by, containers) else { return (leak, None) };
    let place = path.place_to(outer.inner);
    let grown = containers.iter().filter(|of| place_of(&of.words()).as_ref() == Some(&place));
    let inner = Inner { containers: outer.containers, grown: grown.collect() };
    if by.path.len() > outer.at + 2 {
        by.path = path.words_to(outer.at).to_vec();
        by.through = path.words_after(outer.at).to_vec();
        by.retained = measures.sizes.at(&by.path);
        let bytes = by.retained.map_or(leak.now.bytes, |size| size.most_bytes);
        // Items that several of them have are counted once.
        let is_item = path.hops().len() == outer.inner + 2
            && by.retained.is_some_and(|size| size.objects >= outer.containers.items);
        let count = if is_item { outer.containers.items } else { leak.now.count };
        leak.now = Amount { count, bytes };
    }
    (leak, Some(inner))
}

/// The outermost container that does not grow, and has those in it that the path goes through.
fn outer<'a>(
    path: &Path<'_>,
    by: &LeakRetainer,
    containers: &'a [GrownContainer],
) -> Option<Outer<'a>> {
    let named = by.path.len().checked_sub(2)?;
    let at_place = |at: usize| {
        let place = path.place_to(at);
        containers.iter().find(|of| place_of(&of.words()).as_ref() == Some(&place))
    };
    (0..=named).find_map(|at| {
        let below = at_place(at).filter(|outer| outer.rises().0 == 0)?.below.as_ref()?;
        let inner = at + if below.attribute.is_some() { 2 } else { 1 };
        let hop = path.hops().get(inner).filter(|hop| hop.class == below.class)?;
        let is_by =
            below.attribute.as_ref().is_none_or(|name| hop.via.strip_prefix('.') == Some(name));
        let is_named = at == named || inner == named;
        (is_by && is_named).then_some(Outer { at, inner, containers: below })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::leaks::refine::refine;
    use crate::model::{Amount, Confidence, DeclaredBound, LeakContainer, LeakRate, Verdict};
    use crate::report::leaks::samples;

    fn words(path: &[&str]) -> Vec<String> {
        path.iter().map(|step| (*step).to_owned()).collect()
    }

    /// A dict of 50 lists or deques, seen with so many items, and what is in it.
    fn outer(lengths: &[u64], below: ContainersBelow) -> GrownContainer {
        let path = words(&["module app", ".by_user: dict (50 items)"]);
        GrownContainer {
            name: "dict".into(),
            path: path.into_iter().map(|words| (words, None)).collect(),
            lengths: (0_u32..).zip(lengths).map(|(t, items)| (f64::from(t), *items)).collect(),
            below: Some(below),
            ..GrownContainer::default()
        }
    }

    fn below(class: &str, limit: Option<u64>) -> ContainersBelow {
        let kind = ContainersBelow::kind_of_bounds("deque.maxlen", 50, class);
        let bound = limit.map(|limit| DeclaredBound { kind, limit: Some(limit), used: 5000 });
        let class = class.to_owned();
        ContainersBelow { class, attribute: None, count: 50, items: 5000, largest: 120, bound }
    }

    /// A leak of 5,000 objects of 100 bytes in one of them, and what becomes of it.
    fn told(container: GrownContainer, class: &str) -> Leak {
        let mut leak = samples::leaks::plain("app.Event", Confidence::Suspect);
        let inner = format!("['ann']: {class} (120 items)");
        let path = words(&["module app", ".by_user: dict (50 items)", &inner]);
        let found = LeakContainer { class: class.into(), ..LeakContainer::default() };
        leak.retained_by = Some(LeakRetainer {
            path,
            container: Some(found),
            through: words(&["[9]: app.Event"]),
            ..LeakRetainer::default()
        });
        leak.now = Amount { count: 5000, bytes: 500_000 };
        leak.rate = LeakRate { count_per_hour: 60_000.0, ..leak.rate };
        leak.rate.bytes_per_hour.est = 6_000_000.0;
        let mut document =
            samples::document(samples::growth(Verdict::Leak, Confidence::Suspect), Vec::new());
        document.growth.iter_mut().for_each(|growth| growth.limit_bytes = Some(1 << 30));
        document.history.containers = vec![container];
        refine(leak, &document, &Measures::of(&document))
    }

    #[test]
    fn lists_that_grow_in_a_dict_that_does_not_are_one() {
        let leak = told(outer(&[50], below("list", None)), "list");
        let by = leak.retained_by.as_ref().expect("a retainer");
        assert_eq!((by.path.len(), by.through.len()), (2, 2));
        let found = by.container.as_ref().expect("a container");
        assert_eq!((&*found.class, found.below.as_ref().map(|of| of.count)), ("dict", Some(50)));
        assert_eq!((leak.verdict, leak.now.count), (Verdict::Leak, 5000));
    }

    /// Small objects fill arenas there, though the dict stands still.
    #[test]
    fn what_fills_up_in_it_grows() {
        let fills = |limit| {
            let mut document =
                samples::document(samples::growth(Verdict::Leak, Confidence::Suspect), Vec::new());
            document.history.containers = vec![outer(&[50, 50, 50], below("list", limit))];
            let place = place_of(&document.history.containers[0].words()).expect("a place");
            Measures::of(&document).has_filling(&place)
        };
        assert_eq!([fills(Some(50_000)), fills(Some(5000)), fills(None)], [true, false, false]);
    }

    #[test]
    fn a_dict_that_grows_is_told_as_it_is() {
        let leak = told(outer(&[50, 60], below("list", None)), "list");
        let by = leak.retained_by.as_ref().expect("a retainer");
        assert_eq!(by.path.len(), 3);
        assert!(by.container.as_ref().is_some_and(|found| found.below.is_none()));
    }

    /// What each of them holds has an end, so all of it has.
    #[test]
    fn deques_with_limits_fill_up() {
        let with = |limit, class: &str| told(outer(&[50, 50], below(class, limit)), class);
        let leak = with(Some(50_000), "collections.deque");
        assert_eq!((leak.verdict, leak.confidence), (Verdict::CacheWarming, Confidence::Likely));
        assert_eq!(leak.bound.and_then(|bound| bound.limit), Some(50_000));
        assert_eq!(with(Some(5000), "collections.deque").verdict, Verdict::CacheBounded);
        assert_eq!(with(None, "collections.deque").verdict, Verdict::Leak);
        assert_eq!(with(Some(4000), "collections.deque").verdict, Verdict::Leak, "more than that");
    }
}
