//! Python objects behind findings: who owns the blocks of a stack, and which types fill arenas.

use super::types::judge_types;
use crate::model::{Document, Finding, History, Owned, SiteHistory, TypeGrowth, Verdict};

/// Types that a finding names.
const TYPES: usize = 5;

/// Types that grew, with what keeps them; `None` where nobody counted objects.
pub fn types(history: &History) -> Option<Vec<TypeGrowth>> {
    if history.types.is_empty() {
        return None;
    }
    Some(judge_types(&history.types, &history.type_holders))
}

/// Types with numbers, and a chain, as findings have them.
type Facts = (Option<Vec<(String, u64)>>, Option<Vec<String>>);

/// Types of the owners of blocks with these histories, with the numbers of blocks, and the chain that keeps the first.
pub fn of_sites(histories: &[&SiteHistory]) -> Facts {
    let mut all: Option<Owned> = None;
    for owned in histories.iter().filter_map(|history| history.owned.as_ref()) {
        all.get_or_insert_default().add(owned);
    }
    let Some(all) = all.filter(|all| !all.types.is_empty()) else { return (None, None) };
    let holder = all.types.first().map(|owner| owner.holder.clone());
    let types = all.types.into_iter().take(TYPES).map(|owner| (owner.name, owner.blocks));
    (Some(types.collect()), holder.filter(|chain| !chain.is_empty()))
}

/// Names the types that grow in findings on arenas of small objects: nothing else fills those.
pub fn name_fillers(findings: &mut [Finding], types: &[TypeGrowth]) {
    let of = |verdict| types.iter().filter(move |found| found.verdict == verdict);
    let grown = |found: &&TypeGrowth| found.last_count > found.first_count;
    let chosen: Vec<&TypeGrowth> =
        of(Verdict::Leak).chain(of(Verdict::Undetermined)).filter(grown).take(TYPES).collect();
    let Some(first) = chosen.first() else { return };
    let named =
        || chosen.iter().map(|found| (found.name.clone(), found.last_count - found.first_count));
    for finding in findings.iter_mut().filter(|finding| finding.evidence.arenas) {
        finding.types = Some(named().collect());
        finding.holder.clone_from(&first.holder);
    }
}

/// All of a document: its types, and its findings with them.
pub fn attach(document: &Document, findings: &mut [Finding]) -> Option<Vec<TypeGrowth>> {
    let types = types(&document.history)?;
    name_fillers(findings, &types);
    Some(types)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Owner;

    fn owner(name: &str, blocks: u64, holder: &[&str]) -> Owner {
        let holder = holder.iter().map(|step| (*step).to_owned()).collect();
        Owner { name: name.into(), blocks, bytes: 10 * blocks, holder }
    }

    fn site(types: Vec<Owner>) -> SiteHistory {
        let owned = types.iter().map(|owner| owner.blocks).sum();
        let owned = Some(Owned { looked_for: owned, owned, types });
        SiteHistory { owned, ..SiteHistory::default() }
    }

    #[test]
    fn owners_of_several_sites_add_up() {
        let a = site(vec![owner("dict", 5, &["module a"]), owner("list", 4, &[])]);
        let b = site(vec![owner("list", 3, &["module b", ".x: list"])]);
        let (types, holder) = of_sites(&[&a, &b, &SiteHistory::default()]);
        assert_eq!(types, Some(vec![("list".to_owned(), 7), ("dict".to_owned(), 5)]));
        assert_eq!(holder, Some(vec!["module b".to_owned(), ".x: list".to_owned()]));
        assert_eq!(of_sites(&[&SiteHistory::default()]), (None, None));
        assert_eq!(of_sites(&[&site(vec![])]), (None, None));
    }
}
