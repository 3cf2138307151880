//! One verdict from all evidence of a leak, never surer than that evidence.
//!
//! 1. Only what carries at least a tenth of the leak's rate counts. Arenas never do: they hold all small
//!    objects, whoever keeps them.
//! 2. It is a leak if any of that is one; else what the first of it is.
//! 3. It is as sure as the surest of that: all of it is of the same objects, so evidence for a part is evidence
//!    for all. But `confirmed` is said only where confirmed pieces carry half of the rate.
//! 4. Modules that are imported for the first time bring types, functions and code along. In the first minutes that is no
//!    sign of a leak, unless a container has room for what came.
//! 5. Pieces do not add up: a cache that fills makes several types and stacks suspect, and they say the same
//!    thing several times.

use super::cluster::Cluster;
use super::piece::Piece;
use crate::model::{Confidence, Document, TypeGrowth, Verdict};

/// Pieces that carry less of the rate are no evidence for all of it.
const CARRIES: f64 = 0.1;
/// Confirmed pieces must carry this share of the rate.
const CONFIRMED: f64 = 0.5;

/// Seconds in which servers still import modules and warm up.
const WARM: f64 = 300.0;

/// What a module has that was imported.
const SPEC: &str = "_frozen_importlib.ModuleSpec";

/// What a cache of `functools.lru_cache` with a limit has for each result; one without has none
/// (`Modules/_functoolsmodule.c`).
const LIMITED: &str = "functools._lru_list_elem";

/// Whether it is of what modules are made of: built-in types, and what makes classes.
fn is_imported(found: &TypeGrowth) -> bool {
    const MAKERS: [&str; 6] = ["abc.", "_abc.", "enum.", "re.", "weakref.", "_frozen_importlib"];
    !found.name.contains('.') || MAKERS.iter().any(|maker| found.name.starts_with(maker))
}

/// Whether the container has room for what came of the type itself, not only of what comes in step with it.
fn has_room(leader: &Piece<'_>) -> bool {
    let container = leader.path.as_ref().zip(leader.container).filter(|_| leader.is_roomy);
    let items = container.and_then(|(path, at)| path.hops().get(at)?.items());
    let grown = leader.of_type().map_or(0, TypeGrowth::grown);
    container.is_some() && items.is_none_or(|items| items.saturating_mul(2) >= grown)
}

/// What it is while little is known: `leader` is what it is named by. Modules that are imported late bring much along;
/// of caches with a limit nobody has asked yet how large that is.
pub fn early(document: &Document, cluster: &Cluster<'_>, leader: &Piece<'_>) -> Option<Verdict> {
    let is =
        |piece: &Piece<'_>, name: &str| piece.of_type().is_some_and(|found| found.name == name);
    if has_room(leader) || document.capture.seconds >= WARM {
        return None;
    }
    let mut grown = document.types.iter().flatten().filter(|found| found.verdict == Verdict::Leak);
    let imports = cluster.pieces.iter().any(|piece| is(piece, SPEC))
        || leader.of_type().is_some_and(is_imported) && grown.any(|found| found.name == SPEC);
    let fills = leader.path.is_none() && is(leader, LIMITED);
    imports.then_some(Verdict::Undetermined).or(fills.then_some(Verdict::CacheWarming))
}

/// The verdict and how sure it is.
pub fn of(cluster: &Cluster<'_>) -> (Verdict, Confidence) {
    let pieces = cluster.pieces.iter().copied();
    let own: Vec<&Piece<'_>> = pieces.filter(|piece| !piece.is_arenas()).collect();
    let own = if own.is_empty() { cluster.pieces.clone() } else { own };
    let slope = |piece: &Piece<'_>| piece.slope().est.max(0.0);
    let most = own.iter().map(|piece| slope(piece)).fold(0.0, f64::max);
    let carrying: Vec<&Piece<'_>> =
        own.iter().copied().filter(|piece| slope(piece) >= CARRIES * most).collect();
    let leaking = || carrying.iter().filter(|piece| piece.verdict().0 == Verdict::Leak);
    let Some(surest) = leaking().map(|piece| piece.verdict().1).max() else {
        let first = carrying.first().map(|piece| piece.verdict());
        return first.unwrap_or((Verdict::Undetermined, Confidence::Suspect));
    };
    let share = |least: Confidence| {
        let sure = leaking().filter(|piece| piece.verdict().1 >= least);
        sure.map(|piece| slope(piece)).sum::<f64>()
    };
    let all = share(Confidence::Suspect);
    match surest == Confidence::Confirmed && share(Confidence::Confirmed) < CONFIRMED * all {
        true => (Verdict::Leak, Confidence::Likely),
        false => (Verdict::Leak, surest),
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaks;
    use super::super::tests::{grown, judged};
    use super::*;

    /// What a type without a path is after so many seconds.
    fn verdict(name: &str, path: &[&str], seconds: f64) -> Option<Verdict> {
        let mut document = judged(vec![grown(1, name, [0, 400, 100], path)], Vec::new());
        document.capture.seconds = seconds;
        leaks(&document).first().map(|leak| leak.verdict)
    }

    #[test]
    fn little_is_known_of_imports_and_caches_in_the_first_minutes() {
        assert_ne!(verdict(SPEC, &[], 60.0), Some(Verdict::Leak));
        assert_ne!(verdict(LIMITED, &[], 60.0), Some(Verdict::Leak));
        assert_eq!(verdict("app.Page", &[], 60.0), Some(Verdict::Leak));
        assert_eq!(verdict(SPEC, &[], 600.0), Some(Verdict::Leak));
        let path = ["module app", ".PLUGINS: list (400 items)", "[3]: app.Plugin"];
        assert_eq!(verdict(SPEC, &path, 60.0), Some(Verdict::Leak));
        let classes = [
            "module app",
            ".Base: type (app.Base)",
            ".tp_subclasses: dict (9 items)",
            "[7]: weakref",
        ];
        assert_ne!(verdict(SPEC, &classes, 60.0), Some(Verdict::Leak));
    }
}
