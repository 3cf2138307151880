//! What a recording keeps over time, and that it stays small.

use rusqlite::Connection;

use super::{
    Bounds, Reader, Sink, SnapshotRow, Tick, UnreachableBlocks, alone, capture, cohort, create,
    finished, folder, lifetime, read, retained, row, target, tick, totals, written,
};
use crate::model::{Amount, Collection, History, RetainedPoint, SiteHistory, SitePoint, Totals};

fn point(t: f64, allocated: u64, freed: u64) -> SitePoint {
    SitePoint {
        t,
        totals: Totals {
            allocated: Amount { bytes: allocated * 10_000, count: allocated },
            freed: Amount { bytes: freed * 10_000, count: freed },
        },
    }
}

fn old(t: f64, age: f64, count: u64) -> RetainedPoint {
    RetainedPoint { t, age, blocks: Amount { bytes: count * 10_000, count } }
}

#[test]
fn history_comes_back() {
    let (_folder, path) = folder();
    finished(&path);
    let document = read(&path);
    let History { process, marks, collections, sites, .. } = document.history;
    assert_eq!((process.len(), process[1].rss_anon_bytes), (2, Some(1 << 19)));
    assert!(marks.is_empty());
    assert_eq!(collections, [Collection { t: 1.5, count: 2 }]);
    assert_eq!(
        sites[0],
        SiteHistory {
            sums: vec![point(1.0, 3, 0), point(2.0, 5, 1)],
            cohorts: vec![cohort(0.0, 1.0, 3, 2), cohort(1.0, 2.0, 2, 2)],
            lifetimes: vec![],
            retained: vec![old(2.0, 1.0, 2)],
            unreferenced: Some(UnreachableBlocks { looked_for: 4, unreachable: 3 }),
            owned: None,
        }
    );
    assert_eq!(sites.len(), document.sites.len());
    assert_eq!(sites[2].lifetimes, [lifetime(8.0, 9)]);
}

/// A report on the present pays nothing for the past.
#[test]
fn history_is_read_when_asked_for() {
    let (_folder, path) = folder();
    finished(&path);
    let document = Reader::open(&path).and_then(|reader| reader.document()).expect("a document");
    assert_eq!(document.history, History::default());
    assert_eq!(document.sites, read(&path).sites);
}

/// Two keys of the kernel, one site of the document: what they did adds up at every moment.
#[test]
fn histories_of_one_snapshot_add_up() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.begin(&target(), &capture(), 0.0).expect("begin");
    for key in [1, 2] {
        writer.site(&row(key, &alone(key), &[])).expect("site");
        writer.unreferenced(key, key, 1).expect("a search");
    }
    writer
        .life(1, &[cohort(0.0, 1.0, 2, 1), cohort(1.0, 2.0, 1, 0)], &[lifetime(8.0, 1)])
        .expect("life");
    writer.life(2, &[cohort(0.5, 1.0, 3, 3)], &[lifetime(8.0, 2), lifetime(2.0, 1)]).expect("life");
    let snapshot = |retained| Some(SnapshotRow { blocks: 1, retained });
    let first = [retained(1, 10.0, 4)];
    let second = [retained(1, 10.0, 2), retained(2, 20.0, 5)];
    writer
        .tick(&Tick { snapshot: snapshot(&first), ..tick(1.0, &[], &[totals(1, 2, 0)]) })
        .expect("tick");
    let sums = [totals(1, 2, 1), totals(2, 3, 0)];
    writer.tick(&Tick { snapshot: snapshot(&second), ..tick(2.0, &[], &sums) }).expect("tick");
    writer.tick(&Tick { snapshot: snapshot(&second), ..tick(3.0, &[], &sums) }).expect("tick");
    writer.tick(&Tick { keep_history: false, ..tick(4.0, &[], &[totals(2, 9, 0)]) }).expect("tick");
    writer.finish(&capture()).expect("finish");
    let sites = read(&path).history.sites;
    assert_eq!(
        sites,
        [SiteHistory {
            sums: vec![point(1.0, 2, 0), point(2.0, 5, 1), point(4.0, 11, 1)],
            cohorts: vec![cohort(0.0, 1.0, 5, 4), cohort(1.0, 2.0, 1, 0)],
            lifetimes: vec![lifetime(2.0, 1), lifetime(8.0, 3)],
            retained: vec![old(1.0, 10.0, 4), old(2.0, 20.0, 7), old(3.0, 20.0, 7)],
            unreferenced: Some(UnreachableBlocks { looked_for: 3, unreachable: 2 }),
            owned: None,
        }]
    );
}

#[test]
fn what_is_written_again_replaces_what_was_there() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    writer.life(7, &[cohort(0.0, 4.0, 10, 1)], &[lifetime(16.0, 9)]).expect("life");
    writer.unreferenced(u64::MAX, 9, 9).expect("a search");
    writer.unreferenced(u64::MAX, 8, 0).expect("a search");
    writer.tick(&tick(3.0, &[], &[])).expect("tick");
    // While it is being written.
    let sites = read(&path).history.sites;
    assert_eq!(sites[2].cohorts, [cohort(0.0, 4.0, 10, 1)]);
    assert_eq!(sites[2].lifetimes, [lifetime(16.0, 9)]);
    assert_eq!(sites[0].unreferenced, Some(UnreachableBlocks { looked_for: 8, unreachable: 0 }));
}

#[test]
fn collections_are_added_up_where_they_thin_out() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.set_bounds(Bounds { collections: 10, ..Bounds::default() });
    writer.begin(&target(), &capture(), 0.0).expect("begin");
    for number in 1..=100_u32 {
        writer.collection(f64::from(number), 1).expect("a collection");
        writer.collection(f64::from(number), 0).expect("none");
        writer.tick(&tick(f64::from(number), &[], &[])).expect("tick");
    }
    writer.finish(&capture()).expect("finish");
    let collections = read(&path).history.collections;
    assert_eq!(collections.len(), 10);
    assert_eq!(collections.iter().map(|collection| collection.count).sum::<u64>(), 100);
    assert_eq!(collections[9].t, 100.0);
}

#[test]
fn old_ticks_thin_out() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.set_bounds(Bounds { ticks: 16, history_rows: 12, ..Bounds::default() });
    writer.begin(&target(), &capture(), 1_763_691_300.25).expect("begin");
    for number in 1..=100_u32 {
        let sites = [totals(1, number.into(), 0)];
        writer.tick(&tick(f64::from(number), &[], &sites)).expect("tick");
    }
    writer.finish(&capture()).expect("finish");
    let document = read(&path);
    let times: Vec<f64> = document.memory.iter().map(|point| point.t).collect();
    assert!(times.len() <= 16, "{times:?}");
    assert_eq!(times.first().map(|t| t.to_bits()), Some(1.0_f64.to_bits()));
    assert_eq!(times.last().map(|t| t.to_bits()), Some(100.0_f64.to_bits()));
    assert_eq!(document.sites[0].live.count, 100);
    let (rows, stray): (u32, u32) = Connection::open(&path)
        .and_then(|db| {
            db.query_row(
                "SELECT count(*), count(*) FILTER (WHERE tick NOT IN (SELECT id FROM tick)) \
                 FROM site_history",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
        .expect("a query");
    assert!(rows > 4 && rows <= 12, "{rows}");
    assert_eq!(stray, 0);
}

#[test]
fn unchanged_sites_cost_no_history() {
    let (_folder, path) = folder();
    let mut writer = written(&path);
    for _ in 0..5 {
        writer.tick(&tick(3.0, &[], &[totals(7, 9, 9)])).expect("tick");
    }
    writer.finish(&capture()).expect("finish");
    let rows: u32 = Connection::open(&path)
        .and_then(|db| db.query_row("SELECT count(*) FROM site_history", [], |row| row.get(0)))
        .expect("a query");
    assert_eq!(rows, 4);
}

/// Whatever ticks are left, each site has at them what it had then.
#[test]
fn thinning_moves_no_number_to_another_time() {
    let (_folder, path) = folder();
    let mut writer = create(&path);
    writer.set_bounds(Bounds { ticks: 120, history_rows: 120, ..Bounds::default() });
    writer.begin(&target(), &capture(), 0.0).expect("begin");
    // Sites that change rarely, at different times, and then never again.
    let count = |site: u64, t: u64| t.min(200) / (site + 3);
    for t in 1..=300_u64 {
        let sums: Vec<_> = (1..=9).map(|site| totals(site, count(site, t), 0)).collect();
        let retained: Vec<_> =
            (1..=9).map(|site| retained(site, 10.0, count(site, t) % 3)).collect();
        let snapshot = Some(SnapshotRow { blocks: 1, retained: &retained });
        writer.tick(&Tick { snapshot, ..tick(t as f64, &[], &sums) }).expect("tick");
    }
    writer.finish(&capture()).expect("finish");
    let rows: u32 = Connection::open(&path)
        .and_then(|db| {
            let sql = "SELECT (SELECT count(*) FROM site_history) + (SELECT count(*) FROM aged)";
            db.query_row(sql, [], |row| row.get(0))
        })
        .expect("a query");
    assert!((30..=120).contains(&rows), "{rows}");
    let document = read(&path);
    // All sites look the same.
    let tick = |t: f64| (1..=300_u64).find(|tick| *tick as f64 == t).expect("time of a tick");
    let sums = |t: f64| (1..=9).map(|site| count(site, tick(t))).sum::<u64>();
    let old = |t: f64| (1..=9).map(|site| count(site, tick(t)) % 3).sum::<u64>();
    let site = &document.history.sites[0];
    assert!(site.sums.len() > 2 && site.retained.len() > 2);
    for point in &site.sums {
        assert_eq!(point.totals.allocated.count, sums(point.t), "at {}", point.t);
    }
    for point in &site.retained {
        assert_eq!(point.blocks.count, old(point.t), "at {}", point.t);
    }
    assert_eq!(site.retained.last().map(|point| point.t), Some(300.0));
}

/// However long it runs, the file does not grow: pages of what is forgotten are used again.
#[test]
fn the_file_stays_small() {
    let (folder, path) = folder();
    let mut writer = create(&path);
    writer.set_bounds(Bounds { ticks: 60, history_rows: 2_000, collections: 10 });
    writer.begin(&target(), &capture(), 0.0).expect("begin");
    let size = || -> u64 {
        let files = std::fs::read_dir(folder.path()).expect("the folder").flatten();
        files.map(|file| file.metadata().map_or(0, |data| data.len())).sum()
    };
    let mut early = 0;
    for t in 1..=600_u32 {
        let sums: Vec<_> =
            (1..=50).map(|site| totals(site, (site * u64::from(t)) / 3, 0)).collect();
        let old: Vec<_> = (1..=50).map(|site| retained(site, 10.0, u64::from(t) % site)).collect();
        for site in 1..=5 {
            let cohorts: Vec<_> =
                (0..t.min(40)).map(f64::from).map(|at| cohort(at, at + 1.0, 5, 2)).collect();
            writer.life(site, &cohorts, &[lifetime(8.0, u64::from(t))]).expect("life");
        }
        let snapshot = Some(SnapshotRow { blocks: 1, retained: &old });
        writer.tick(&Tick { snapshot, ..tick(f64::from(t), &[], &sums) }).expect("tick");
        if t == 200 {
            early = size();
        }
    }
    assert!(size() <= early * 5 / 4, "{} bytes, {early} early on", size());
}
