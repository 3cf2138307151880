//! What hangs from common types. A list of bound methods or partials grows by `method` or `functools.partial`, which says
//! nothing to a reader: the class of the program that hangs from each of them does. Most objects of that class may come and
//! go elsewhere, so that its numbers alone are no evidence of a leak.

use super::path::Path;
use super::piece::is_part;
use crate::model::{Document, Leak, LeakKind, TypeGrowth};

/// The leak by the name of the class that hangs from each of the objects that it is named by: on a path through them out of
/// the same container, and with as many more of them lately.
pub fn named(mut leak: Leak, document: &Document) -> Leak {
    if leak.kind != LeakKind::Objects || !is_part(&leak.name) {
        return leak;
    }
    let Some(by) = leak.retained_by.as_mut().filter(|by| by.container.is_some()) else {
        return leak;
    };
    let types = document.types.as_deref().unwrap_or_default();
    let Some(carrier) = types.iter().find(|found| found.name == leak.name) else { return leak };
    let hanging = types.iter().filter(|found| !is_part(&found.name) && grows_alike(found, carrier));
    let mut hanging = hanging.filter_map(|found| Some((found, through(found, carrier, &by.path)?)));
    let Some((found, through)) = hanging.next() else { return leak };
    by.through = through;
    let place = super::place_of(&by.path).unwrap_or_default();
    leak.id = Leak::identify(leak.kind, &found.name, place.iter().map(String::as_str));
    leak.name.clone_from(&found.name);
    if !leak.evidence.types.contains(&found.name) {
        leak.evidence.types.push(found.name.clone());
    }
    leak
}

/// Whether as many more there were lately of one as of the other, one for one, and of all that came most. What turns over
/// elsewhere has some of those that stay for a while, so that the first snapshots say less.
fn grows_alike(found: &TypeGrowth, carrier: &TypeGrowth) -> bool {
    /// Numbers of two moments of one snapshot, a little apart.
    const ALIKE: u64 = 10;
    let is_most = found.grown().saturating_mul(2) >= carrier.grown();
    let (came, carried) = (lately(found), lately(carrier));
    is_most && carried > 0 && came.abs_diff(carried).saturating_mul(ALIKE) <= carried
}

/// How many more there are than at the middle of the snapshots.
fn lately(found: &TypeGrowth) -> u64 {
    let middle = found.series.get(found.series.len() / 2).map_or(u64::MAX, |point| point.1);
    found.last_count.saturating_sub(middle)
}

/// References from the container at the end of `path` through a carrier to what hangs from it.
fn through(found: &TypeGrowth, carrier: &TypeGrowth, path: &[String]) -> Option<Vec<String>> {
    let container = Path::parse(path)?;
    let end = container.hops().len().checked_sub(1)?;
    let whole = Path::parse(found.retainer.as_deref()?)?;
    let is_behind = whole.hops().len() > end + 2 && whole.place_to(end) == container.place();
    let is_carried = is_behind && whole.hops()[end + 1].class == carrier.name;
    is_carried.then(|| whole.words_after(end).to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{grown, judged};
    use crate::model::{TypeGrowth, Verdict};

    const LIST: [&str; 3] =
        ["module app", ".RECEIVERS: list (1500 items)", "[3]: functools.partial"];

    /// So many objects at each of five snapshots.
    fn counted(mut found: TypeGrowth, first: u64, each: u64) -> TypeGrowth {
        found.series =
            (0..5_u32).map(|at| (f64::from(at), first + u64::from(at) * each, 0)).collect();
        (found.first_count, found.last_count) = (first, first + 4 * each);
        found
    }

    fn partial() -> TypeGrowth {
        counted(grown(1, "functools.partial", [100, 1500, 80], &LIST), 100, 350)
    }

    /// Reports, most of which turn over in a ring, on this path.
    fn report(path: &[&str], each: u64) -> TypeGrowth {
        let mut found = counted(grown(2, "app.Report", [3000, 4400, 48], path), 3000, each);
        found.verdict = Verdict::Undetermined;
        found.reasons.clear();
        found
    }

    fn told(report: TypeGrowth) -> (String, Vec<String>) {
        let leak = judged(vec![partial(), report], Vec::new()).leaks.remove(0);
        (leak.name, leak.retained_by.map(|by| by.through).unwrap_or_default())
    }

    #[test]
    fn a_leak_is_named_by_the_class_that_hangs_from_each() {
        let path = [&LIST[..], &[".func: method", ".__self__: app.Report"]].concat();
        let (name, through) = told(report(&path, 350));
        assert_eq!(
            (&*name, &through[..]),
            (
                "app.Report",
                &path[2..].iter().map(|step| (*step).to_owned()).collect::<Vec<_>>()[..]
            )
        );
        // At first the ring has some of those that stay.
        let mut late = report(&path, 350);
        (late.series[0].1, late.first_count) = (late.series[1].1, late.series[1].1);
        assert_eq!(told(late).0, "app.Report");
        let other = "functools.partial";
        assert_eq!(told(report(&path, 120)).0, other, "fewer came");
        assert_eq!(
            told(report(&["module app", ".RING: dict (3000 items)", "[1]: app.Report"], 350)).0,
            other
        );
        let beside = [
            "module app",
            ".RECEIVERS: list (1500 items)",
            "[3]: tuple (2 items)",
            "[0]: app.Report",
        ];
        assert_eq!(told(report(&beside, 350)).0, other, "it hangs from something else");
    }
}
