//! Python objects in a recording.

use rusqlite::Connection;

use super::{Sink, error, folder, read, tick, written};
use crate::history::Count;
use crate::model::{
    Amount, ContainersBelow, DeclaredBound, FieldContrast, GrownContainer, LostMemory, LostObjects,
    MallocPoint, Owned, Owner, RetainedPlace, RetainedSize, RootKind, TypePoint, TypeRetainer,
    TypeSeries,
};

fn point(t: f64, count: u64, born_count: u64) -> TypePoint {
    let retained_count = count - born_count;
    TypePoint { t, count, bytes: 64 * count, retained_count, born_count, collections: Some(3) }
}

fn types() -> Vec<TypeSeries> {
    let series = |name: &str, points: Vec<TypePoint>, survivors: Vec<u64>| TypeSeries {
        name: name.into(),
        points,
        survivors,
    };
    vec![
        series(
            "app.Session",
            vec![point(1.0, 5, 5), point(11.0, 5, 0), point(21.0, 9, 4)],
            vec![5, 0, 4],
        ),
        // As many as before, but others; then none.
        series("dict", vec![point(1.0, 7, 7), point(11.0, 7, 2), point(21.0, 0, 0)], vec![0; 3]),
    ]
}

fn counts() -> Vec<Count> {
    [1.0, 11.0, 21.0].map(|t| (t, Some(3))).to_vec()
}

fn owned() -> Vec<(u64, Owned)> {
    let owner = |name: &str, blocks, retainer: &[&str]| Owner {
        name: name.into(),
        blocks: Amount { bytes: 100 * blocks, count: blocks },
        root: (!retainer.is_empty()).then_some(RootKind::Module),
        retainer: retainer.iter().map(|step| (*step).to_owned()).collect(),
    };
    let types = vec![
        owner("numpy.ndarray float64 (10,)", 3, &["module app", ".cache: dict"]),
        owner("bytearray", 1, &[]),
    ];
    vec![(1, Owned { looked_for: 6, owned: 4, types })]
}

fn retainers() -> Vec<TypeRetainer> {
    let path = vec![("module app".to_owned(), None), (".x: list".to_owned(), Some("list".into()))];
    vec![TypeRetainer { name: "app.Session".to_owned(), path }]
}

fn containers() -> Vec<GrownContainer<u64>> {
    let list = GrownContainer {
        name: "list".to_owned(),
        path: retainers()[0].path.clone(),
        lengths: vec![(1.0, 300), (11.0, 420)],
        items: vec![("app.Session".to_owned(), 120), ("str".to_owned(), 3)],
        grown_by: vec![(1, 4)],
        bound: Some(DeclaredBound { kind: "lru_cache".into(), limit: Some(500), used: 420 }),
        room: Some(448),
        below: Some(ContainersBelow {
            class: "collections.deque".into(),
            attribute: Some("history".into()),
            count: 400,
            items: 9_000,
            largest: 40,
            bound: Some(DeclaredBound {
                kind: "deque.maxlen of 400 deques".into(),
                limit: Some(40_000),
                used: 9_000,
            }),
        }),
    };
    vec![list, GrownContainer { name: "set".to_owned(), ..GrownContainer::default() }]
}

#[test]
fn containers_come_back() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.containers(&containers()[1..]).expect("containers");
    // What is said again replaces what was said.
    writer.containers(&containers()).expect("containers");
    writer.tick(&tick(22.0, &[], &[])).expect("tick");
    let document = read(&path);
    let sites = &document.sites;
    let site = sites.iter().find(|site| site.stack.is_empty()).expect("a site").as_growth();
    let expected: Vec<GrownContainer> = containers()
        .iter()
        .map(|container| container.rename(|key| (*key == 1).then(|| site.clone())))
        .collect();
    assert_eq!(document.history.containers, expected);
}

/// The table came when the version was already out.
#[test]
fn recordings_without_containers_below_are_read() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.containers(&containers()).expect("containers");
    writer.finish(&super::capture()).expect("finish");
    let has = |path: &std::path::Path| read(path).history.containers[0].below.is_some();
    assert!(has(&path));
    let database = Connection::open(&path).expect("a database");
    database.execute_batch("DROP TABLE container_below").expect("a change");
    assert!(!has(&path));
    database.execute_batch("CREATE TABLE container_below (x)").expect("a change");
    assert!(error(&path).contains("`container_below` is missing or not"));
}

fn contrasts() -> Vec<FieldContrast> {
    let of = |field: &str, value: &str| FieldContrast {
        class: "app.Session".into(),
        field: field.into(),
        value: value.into(),
        old: [240, 256],
        young: [3, 90],
        compared: 7,
        snapshots: 4,
        seconds: 90.0,
    };
    vec![of("_closed", "True"), of("sock", "not set")]
}

#[test]
fn contrasts_come_back() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.contrasts(&contrasts()[1..]).expect("contrasts");
    // What is said again replaces what was said.
    writer.contrasts(&contrasts()).expect("contrasts");
    writer.finish(&super::capture()).expect("finish");
    assert_eq!(read(&path).history.contrasts, contrasts());
    let database = Connection::open(&path).expect("a database");
    database.execute("UPDATE field_contrast SET old = 257", []).expect("a change");
    assert!(error(&path).contains("more objects have a value of a field than there are"));
}

fn lost() -> LostMemory {
    let amount = |count| Amount { count, bytes: 48 * count };
    let bytes = LostObjects {
        name: Some("bytes".into()),
        old: amount(7),
        young: amount(9),
        ..LostObjects::default()
    };
    let other = LostObjects { block: 48, within: amount(1), ..LostObjects::default() };
    LostMemory { t: 22.0, age: 5.0, types: vec![bytes, other] }
}

#[test]
fn lost_objects_come_back() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.lost(&lost()).expect("lost");
    writer.lost(&lost()).expect("lost");
    writer.tick(&tick(22.0, &[], &[])).expect("tick");
    assert_eq!(read(&path).history.lost, Some(lost()));
    writer.lost(&LostMemory { t: 30.0, age: 5.0, types: Vec::new() }).expect("none");
    writer.tick(&tick(30.0, &[], &[])).expect("tick");
    assert_eq!(read(&path).history.lost, None);
}

fn places() -> Vec<RetainedPlace> {
    let size = RetainedSize { objects: 3, least_bytes: 100, most_bytes: 120 };
    let path = |end: usize| retainers()[0].words()[..end].to_vec();
    vec![RetainedPlace { path: path(2), size }, RetainedPlace { path: path(1), size }]
}

#[test]
fn retained_sizes_come_back() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.retained_sizes(&places()[1..]).expect("retained sizes");
    writer.retained_sizes(&places()).expect("retained sizes");
    writer.tick(&tick(22.0, &[], &[])).expect("tick");
    assert_eq!(read(&path).history.retained_sizes, places());
}

/// Recordings of earlier versions are read as those without what they do not have.
#[test]
fn older_formats_are_read() {
    use crate::store::schema::{CONTAINERS, READINGS, SINCE_5};
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.malloc(&MallocPoint { t: 7.0, ..MallocPoint::default() }).expect("malloc");
    writer.finish(&super::capture()).expect("finish");
    assert_eq!(read(&path).malloc.len(), 1);
    let since_5 = [&READINGS[..], &SINCE_5[..]].concat();
    let added = [(4, "malloc", &since_5[..]), (3, "container", &CONTAINERS[..])];
    for (version, missing, tables) in added {
        let database = Connection::open(&path).expect("a database");
        for (table, _) in tables.iter().rev() {
            database.execute_batch(&format!("DROP TABLE {table}")).expect("no table");
        }
        assert!(error(&path).contains("is missing"), "{missing}");
        database.pragma_update(None, "user_version", version).expect("a version");
        drop(database);
        assert_eq!(read(&path).history.retained_sizes, []);
        assert_eq!(read(&path).malloc, []);
        assert_eq!(read(&path).history.contrasts, []);
        assert_eq!(read(&path).history.lost, None);
    }
    assert_eq!(read(&path).history.containers, []);
}

#[test]
fn objects_come_back() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.types(&counts(), &types()[..1]).expect("types");
    writer.tick(&tick(22.0, &[], &[])).expect("tick");
    assert_eq!(read(&path).history.types, types()[..1]);
    // What is said again replaces what was said.
    writer.types(&counts(), &types()).expect("types");
    writer.retainers(&retainers(), &owned()).expect("holders");
    writer.tick(&tick(23.0, &[], &[])).expect("tick");
    let history = read(&path).history;
    assert_eq!(history.types, types());
    assert_eq!((history.counts, history.type_retainers), (3, retainers()));
    let found: Vec<&Owned> = history.sites.iter().filter_map(|site| site.owned.as_ref()).collect();
    assert_eq!(found, [&owned()[0].1]);
}

/// That nothing moved is something else than that nobody looked.
#[test]
fn counts_without_changes_are_counts() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    assert_eq!(read(&path).history.counts, 0);
    writer.types(&counts(), &[]).expect("counts");
    writer.tick(&tick(22.0, &[], &[])).expect("tick");
    let history = read(&path).history;
    assert_eq!((history.counts, history.types.len()), (3, 0));
}

/// A forgery is said to be one, and nothing is made of it.
#[test]
fn objects_that_contradict_themselves_are_refused() {
    for (sql, words) in [
        ("UPDATE type_history SET survivors = born_count + 1", "more objects are there"),
        ("UPDATE type_history SET type = 77 + type", "a type, or at a time, that is not there"),
        ("UPDATE type_history SET census = census + 50", "a type, or at a time, that is not there"),
        ("UPDATE type_history SET count = -1", "damaged"),
        ("UPDATE census SET t = 9e999", "not in the order of time"),
        ("UPDATE census SET t = 30 - t", "not in the order of time"),
        ("UPDATE type_holder SET type = 77", "a type that is not there"),
        ("UPDATE owned SET owned = 7", "more blocks are owned"),
        ("UPDATE owned SET site = 77", "a site that is not there"),
        ("UPDATE owner SET site = 77", "a site that is not there"),
        ("UPDATE owner SET blocks = -1", "damaged"),
        ("UPDATE owner SET root = 'x'", "not known"),
        ("UPDATE lost_object SET age = 0", "has no time"),
        ("UPDATE lost_object SET t = t + id", "has no time"),
        ("UPDATE lost_object SET young_bytes = -1", "damaged"),
        ("UPDATE container_path SET container = 77", "a container that is not there"),
        ("UPDATE container_length SET items = -1", "damaged"),
        ("UPDATE container SET bound_limit = -1", "damaged"),
        ("UPDATE container_length SET t = 20 - t", "not in the order of time"),
        ("UPDATE container_site SET site = 77", "a site that is not there"),
    ] {
        let (_folder, path) = folder();
        let mut writer = written(&path);
        writer.types(&counts(), &types()).expect("types");
        writer.retainers(&retainers(), &owned()).expect("holders");
        writer.containers(&containers()).expect("containers");
        writer.lost(&lost()).expect("lost");
        writer.tick(&tick(22.0, &[], &[])).expect("tick");
        writer.finish(&super::capture()).expect("finish");
        let database = Connection::open(&path).expect("a database");
        database.execute_batch("PRAGMA foreign_keys = OFF").expect("a pragma");
        database.execute_batch(sql).expect("the forgery");
        drop(database);
        let text = error(&path);
        assert!(text.contains(words), "{sql}: {text}");
    }
}
