//! Censuses for tests.

use crate::model::{
    CENSUS_SCHEMA, Census, Confidence, HeapNote, HeapSnapshot, Interval, NearlyEmpty, PoolRetainer,
    PoolUse, Reason, SessionCount, SkippedPart, TypeCount, TypeGrowth, Verdict,
};
use crate::report::retainers::samples;

fn kind(name: &str, count: u64, tracked: u64, bytes: u64) -> TypeCount {
    TypeCount { name: name.into(), count, tracked, bytes }
}

/// One snapshot of a server that ran on.
pub fn once() -> Census {
    let mut types = vec![
        kind("dict", 98_123, 91_000, 31_457_280),
        kind("str", 312_456, 0, 28_311_552),
        kind("numpy.ndarray", 1_204, 0, 20_971_520),
        kind("tuple", 140_311, 81_234, 9_437_184),
        kind("bokeh.document.document.Document", 69, 69, 12_144),
        kind(
            "a_company.a_product.a_component.with_a_rather_long_name.ModuleOfModels.TheModel",
            7,
            7,
            1_200,
        ),
    ];
    types
        .extend((0..30).map(|number| kind(&format!("app.model.Kind{number}"), 40 - number, 0, 64)));
    Census {
        schema: CENSUS_SCHEMA,
        tool: samples::tool(),
        target: samples::target(),
        snapshot: samples::snapshot(),
        types,
        pools: None,
        growth: None,
        sessions: None,
        series: Vec::new(),
        retainers: Vec::new(),
    }
}

fn growing(rank: u32, name: &str, verdict: Verdict, confidence: Confidence) -> TypeGrowth {
    TypeGrowth {
        rank,
        name: name.into(),
        verdict,
        confidence,
        first_count: 12,
        last_count: 69,
        first_bytes: 2_112,
        last_bytes: 12_144,
        retained_count: 66,
        slope_objects_per_hour: Interval { lo: 310.0, est: 342.0, hi: 370.0 },
        slope_bytes_per_hour: Interval { lo: 54_560.0, est: 60_192.0, hi: 65_120.0 },
        together: Vec::new(),
        reasons: Vec::new(),
        retainer: None,
        series: vec![(0.0, 12, 2_112), (300.0, 40, 7_040), (600.0, 69, 12_144)],
    }
}

/// Ten minutes of snapshots while sessions leak, the process paused for each.
pub fn leaking() -> Census {
    let mut census = once();
    census.snapshot = HeapSnapshot {
        snapshots: 21,
        paused_seconds: Some(0.84),
        interpreters: 2,
        skipped: vec![(SkippedPart::TornLists, 2), (SkippedPart::References, 1_234)],
        notes: vec![HeapNote::TypesIncomplete],
        ..census.snapshot
    };
    let mut leak =
        growing(1, "bokeh.document.document.Document", Verdict::Leak, Confidence::Likely);
    leak.together = vec![
        ("bokeh.model.model.Model".into(), 57.2),
        ("bokeh.models.sources.ColumnDataSource".into(), 3.5),
        ("app.Trace".into(), 0.02),
    ];
    leak.reasons = vec![
        Reason::GrowsSteadily { seconds: 14_400.0 },
        Reason::Survivors { born: 57, survived: 57 },
    ];
    let mut shrinking = growing(4, "app.cache.Entry", Verdict::CacheBounded, Confidence::Confirmed);
    (shrinking.last_count, shrinking.last_bytes) = (4, 704);
    shrinking.slope_objects_per_hour.est = -48.0;
    shrinking.slope_bytes_per_hour.est = -8_448.0;
    census.pools = Some(PoolUse {
        pool_bytes: 16_384,
        pools: 6_096,
        bytes: 99_876_864,
        used_bytes: 84_677_776,
        empty_pools: 2,
        empty_bytes: 32_768,
        nearly_empty: NearlyEmpty {
            pools: 890,
            bytes: 14_581_760,
            free_bytes: 14_360_848,
            without_objects: 1,
        },
        retained_by: vec![PoolRetainer { name: "app.Kept".into(), objects: 2_999, pools: 882 }],
    });
    census.growth = Some(vec![
        leak,
        growing(2, "app.Young", Verdict::Undetermined, Confidence::Suspect),
        growing(3, "functools.Cached", Verdict::CacheWarming, Confidence::Likely),
        shrinking,
        growing(5, "dict", Verdict::Baseline, Confidence::Likely),
        growing(6, "str", Verdict::Baseline, Confidence::Likely),
    ]);
    census.sessions = Some(sessions());
    census
}

fn sessions() -> Vec<SessionCount> {
    vec![
        SessionCount {
            name: "bokeh.document.document.Document".into(),
            alive: 69,
            open: Some(3),
            retained_bytes: Some(12 << 20),
            retainers: vec![samples::registry()],
        },
        SessionCount {
            name: "bokeh.server.session.ServerSession".into(),
            alive: 3,
            open: Some(3),
            retained_bytes: Some(0),
            retainers: Vec::new(),
        },
        SessionCount {
            name: "modules bokeh_app_*".into(),
            alive: 9,
            open: None,
            retained_bytes: Some(3 << 20),
            retainers: Vec::new(),
        },
    ]
}

/// Many snapshots; nothing grows, and the process ended.
pub fn quiet() -> Census {
    let mut census = once();
    census.snapshot.snapshots = 5;
    census.snapshot.notes = vec![HeapNote::ProcessEnded];
    census.types.truncate(6);
    census.growth = Some(vec![growing(1, "dict", Verdict::Baseline, Confidence::Likely)]);
    census.sessions = Some(Vec::new());
    census
}

/// Nothing at all.
pub fn empty() -> Census {
    let mut census = once();
    census.types.clear();
    census.snapshot = HeapSnapshot::default();
    census
}

/// Names as an enemy would choose them, numbers that are none.
pub fn hostile() -> Census {
    let retainers = samples::hostile();
    let odd = Interval { lo: f64::NAN, est: f64::INFINITY, hi: f64::NEG_INFINITY };
    let names: Vec<String> =
        retainers.groups[0].path.iter().map(|reference| reference.class.clone()).collect();
    let mut census = once();
    census.types = names.iter().map(|name| kind(name, u64::MAX, u64::MAX, u64::MAX)).collect();
    let growth = Verdict::ALL.into_iter().zip(names.iter().cycle()).map(|(verdict, name)| {
        let mut found = growing(u32::MAX, name, verdict, Confidence::Confirmed);
        (found.first_count, found.last_count, found.first_bytes) = (0, u64::MAX, u64::MAX);
        (found.slope_objects_per_hour, found.slope_bytes_per_hour) = (odd, odd);
        found.together = names.iter().map(|name| (name.clone(), f64::NAN)).collect();
        found.reasons = vec![Reason::InStep { types: found.together.clone() }];
        found
    });
    census.growth = Some(growth.collect());
    census.sessions = Some(vec![SessionCount {
        name: names.concat(),
        alive: u64::MAX,
        open: Some(0),
        retained_bytes: Some(u64::MAX),
        retainers: retainers.groups,
    }]);
    (census.target, census.snapshot) = (retainers.target, retainers.snapshot);
    census.snapshot.paused_seconds = Some(f64::NAN);
    census.snapshot.snapshots = u32::MAX;
    census
}
