//! Python objects that own the blocks of findings, and the types that fill arenas.

use std::borrow::Cow;

use super::pending::is_uncollected;
use super::types::judge_types;
use crate::model::{
    Document, Finding, History, Note, Owned, Owners, RootKind, SiteHistory, TypeGrowth, TypeSeries,
    Verdict,
};

/// Types that a finding names.
const TYPES: usize = 5;
/// Larger objects are not in arenas, bytes (`SMALL_REQUEST_THRESHOLD` in Objects/obmalloc.c); of
/// types on average.
const SMALL: u64 = 512;

/// Types that grew, with what keeps them; `None` where nobody counted objects.
pub fn types(document: &Document) -> Option<Vec<TypeGrowth>> {
    let is_unfinished = |note: &Note| matches!(note, Note::ObjectsUnfinished { .. });
    let is_searched = !document.capture.notes.iter().any(is_unfinished);
    let History { counts, types, type_retainers, .. } = &document.history;
    let types = uncollected(document).map_or(Cow::Borrowed(&types[..]), Cow::Owned);
    (*counts > 0).then(|| judge_types(&types, is_searched.then_some(type_retainers)))
}

/// The series of a program that does not collect by itself: there a collection to come is no excuse.
fn uncollected(document: &Document) -> Option<Vec<TypeSeries>> {
    let unknown = |series: &TypeSeries| {
        let mut series = series.clone();
        series.points.iter_mut().for_each(|point| point.collections = None);
        series
    };
    is_uncollected(document).then(|| document.history.types.iter().map(unknown).collect())
}

/// The owners of the blocks of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingOwners {
    /// Types with their numbers of blocks.
    pub types: Option<Vec<(String, u64)>>,
    /// The path that keeps the first of them.
    pub retainer: Option<Vec<String>>,
    /// How that was found.
    pub owners: Option<Owners>,
}

impl FindingOwners {
    /// Whether most of the blocks belong to unreachable cycles.
    pub fn is_garbage(&self) -> bool {
        let first = self.types.as_ref().and_then(|types| types.first());
        match (first, self.owners) {
            (Some((_, blocks)), Some(owners)) => {
                owners.root == Some(RootKind::Garbage) && 2 * *blocks > owners.looked_for
            }
            _ => false,
        }
    }
}

/// Owners of blocks with these histories. A path only where most blocks have an owner: else it
/// would explain nothing.
pub fn of_sites(histories: &[&SiteHistory]) -> FindingOwners {
    let mut all: Option<Owned> = None;
    for owned in histories.iter().filter_map(|history| history.owned.as_ref()) {
        all.get_or_insert_default().add(owned);
    }
    let Some(Owned { looked_for, owned, types }) = all else { return FindingOwners::default() };
    let first = types.first().filter(|first| !first.retainer.is_empty() && 2 * owned > looked_for);
    let root = first.and_then(|first| first.root);
    let retainer = first.map(|first| first.retainer.clone());
    let types: Vec<(String, u64)> =
        types.into_iter().take(TYPES).map(|owner| (owner.name, owner.blocks.count)).collect();
    let types = (!types.is_empty()).then_some(types);
    FindingOwners { types, retainer, owners: Some(Owners { looked_for, owned, root }) }
}

/// Names the types of small objects that grow in findings on arenas of them: nothing else fills
/// those.
pub fn name_fillers(findings: &mut [Finding], types: &[TypeGrowth]) {
    let of = |verdict| types.iter().filter(move |found| found.verdict == verdict);
    let small = |found: &&TypeGrowth| {
        found.last_count > found.first_count && found.last_bytes / found.last_count <= SMALL
    };
    let chosen: Vec<&TypeGrowth> =
        of(Verdict::Leak).chain(of(Verdict::Undetermined)).filter(small).take(TYPES).collect();
    let Some(first) = chosen.first() else { return };
    let named =
        || chosen.iter().map(|found| (found.name.clone(), found.last_count - found.first_count));
    for finding in findings.iter_mut().filter(|finding| finding.evidence.arenas) {
        finding.types = Some(named().collect());
        finding.retainer.clone_from(&first.retainer);
    }
}

/// All of a document: its types, and its findings with them.
pub fn attach(document: &Document, findings: &mut [Finding]) -> Option<Vec<TypeGrowth>> {
    let types = types(document)?;
    name_fillers(findings, &types);
    Some(types)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Owner};

    fn owner(name: &str, blocks: u64, root: RootKind, retainer: &[&str]) -> Owner {
        let retainer: Vec<String> = retainer.iter().map(|step| (*step).to_owned()).collect();
        let root = (!retainer.is_empty()).then_some(root);
        let blocks = Amount { bytes: 10 * blocks, count: blocks };
        Owner { name: name.into(), blocks, root, retainer }
    }

    fn site(looked_for: u64, types: Vec<Owner>) -> SiteHistory {
        let owned = types.iter().map(|owner| owner.blocks.count).sum();
        let owned = Some(Owned { looked_for, owned, types });
        SiteHistory { owned, ..SiteHistory::default() }
    }

    #[test]
    fn owners_of_several_sites_add_up() {
        let module = RootKind::Module;
        let a =
            site(9, vec![owner("dict", 5, module, &["module a"]), owner("list", 4, module, &[])]);
        let b = site(4, vec![owner("list", 3, module, &["module b", ".x: list"])]);
        let owners_of_finding = of_sites(&[&a, &b, &SiteHistory::default()]);
        assert_eq!(
            owners_of_finding.types,
            Some(vec![("list".to_owned(), 7), ("dict".to_owned(), 5)])
        );
        assert_eq!(
            owners_of_finding.retainer,
            Some(vec!["module b".to_owned(), ".x: list".to_owned()])
        );
        let owners = Owners { looked_for: 13, owned: 12, root: Some(module) };
        assert_eq!(
            (owners_of_finding.owners, owners_of_finding.is_garbage()),
            (Some(owners), false)
        );
        assert_eq!(of_sites(&[&SiteHistory::default()]), FindingOwners::default());
    }

    /// Three blocks of a thousand say nothing about the others.
    #[test]
    fn a_few_owners_are_no_explanation() {
        let owners_of_finding =
            of_sites(&[&site(1000, vec![owner("dict", 3, RootKind::Module, &["m"])])]);
        assert_eq!(
            (owners_of_finding.types, owners_of_finding.retainer),
            (Some(vec![("dict".to_owned(), 3)]), None)
        );
        assert_eq!(owners_of_finding.owners.map(|owners| owners.owned), Some(3));
        assert_eq!(of_sites(&[&site(7, vec![])]).types, None);
    }

    #[test]
    fn garbage_is_told_from_what_is_held() {
        let of = |root| of_sites(&[&site(9, vec![owner("list", 8, root, &["x"])])]).is_garbage();
        assert!(of(RootKind::Garbage) && !of(RootKind::Native) && !of(RootKind::Module));
    }
}
