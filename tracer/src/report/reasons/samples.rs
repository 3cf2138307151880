//! Every reason once, or twice where its words depend on its number.

use crate::model::Reason;

pub fn reasons() -> Vec<Reason> {
    let types = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 2.5)).collect();
    vec![
        Reason::Garbage,
        Reason::Unreachable { searched: 16, unreachable: 15 },
        Reason::Lost { count: 9_000, old: 6_000, seconds: 40.0, bytes: 90, objects: true },
        Reason::Lost { count: 9_000, old: 6_000, seconds: 40.0, bytes: 32, objects: false },
        Reason::SomeNeverFreed { median_life: 40.0 },
        Reason::GrowsSteadily { seconds: 14_400.0 },
        Reason::GrowsSoFar { seconds: 480.0 },
        Reason::GrewAtEverySnapshot,
        Reason::EndedAndRetained {
            field: ".closed is True".to_owned(),
            old: 250,
            all: 256,
            seconds: 210.0,
        },
        Reason::GrewOnlyLately,
        Reason::OldBlocksFreed,
        Reason::OldObjectsFreed,
        Reason::ObjectsReplaced,
        Reason::Slows { share: 0.41 },
        Reason::Stopped,
        Reason::RetainedInFewPeriods { retained: 2, periods: 9 },
        Reason::GrewRarely,
        Reason::FewSnapshots { snapshots: 2 },
        Reason::NotCollectedYet,
        Reason::LossesExplainIt { share: 0.01 },
        Reason::NoneFreed { allocated: 3_000 },
        Reason::SomeFreed { freed: 17, allocated: 3_000 },
        Reason::Retention { oldest: 0.98, newest: 1.0 },
        Reason::NormalLifetime { seconds: 12.0 },
        Reason::GrewInSteps { steps: 11 },
        Reason::BlocksSurvivedCollections { collections: 1 },
        Reason::BlocksSurvivedCollections { collections: 9 },
        Reason::ArenasOfThisStack { here: 9, all: 12 },
        Reason::CacheMayBeFilling,
        Reason::EventsLost { share: 0.0009 },
        Reason::GrowthBySnapshot { grew: 3, snapshots: 4 },
        Reason::Survivors { born: 100, survived: 90 },
        Reason::ObjectRetention { oldest: 0.0, newest: 0.5 },
        Reason::ReachedFromRoot,
        Reason::ObjectsSurvivedCollections { collections: 1 },
        Reason::ObjectsSurvivedCollections { collections: 2 },
        Reason::InStep { types: types(&["dict", "list"]) },
        Reason::InStep { types: types(&["dict", "list", "set", "app.Session"]) },
        Reason::PartsOfOthers,
        Reason::MallocRetains { malloc: crate::report::malloc::sample() },
    ]
}
