//! A recording in memory leads to the same document as the file.

use proptest::prelude::*;

use super::{
    Bounds, Document, Path, Reader, Tick, Writer, alone, capture, create, folder, native, target,
};
use crate::history::{Count, InMemory, Sink, SiteRetained, SiteRow, SiteTotals, SnapshotRow, Tee};
use crate::model::{
    Amount, CallStack, Cohort, ContainersBelow, Counted, CounterClass, DeclaredBound, Domain,
    FieldContrast, Frame, FreeMemory, GrownContainer, Lifetime, Loss, MallocPoint, MallocUse, Mark,
    Owned, Owner, ProcessPoint, RootKind, StackNote, Totals, TypePoint, TypeRetainer, TypeSeries,
};
use crate::store::mark;

/// Sites, so few that all kinds of events meet.
const KEYS: u64 = 6;

/// Something that happens between two ticks.
#[derive(Clone, Debug)]
enum Event {
    Site { key: u64, snapshot: u8, note: bool },
    Life { key: u64, cohorts: Vec<(u8, u8, u8)>, lifetimes: Vec<(u8, u64)> },
    Collection(u64),
    Search(Vec<(u64, u64, u64)>),
    Types(Vec<Vec<(u8, u8, u8)>>),
    Retainers { types: Vec<(u8, u8)>, sites: Vec<(u64, u8, u8)> },
    Containers(Vec<Vec<(u64, u8, u8)>>),
    Malloc(u64),
    Contrasts(Vec<(u64, u8, u8)>),
    Tick { sums: Vec<(u64, u8, u8)>, retained: Option<Vec<(u64, u8, u8)>>, history: bool },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let key = || 0..KEYS;
    let triples = || prop::collection::vec((key(), any::<u8>(), any::<u8>()), 0..6);
    let event = prop_oneof![
        2 => (key(), 0_u8..4, any::<bool>()).prop_map(|(key, snapshot, note)| Event::Site { key, snapshot, note }),
        2 => (
            key(),
            prop::collection::vec((1_u8..20, any::<u8>(), any::<u8>()), 0..5),
            prop::collection::vec((0_u8..12, 0_u64..99), 0..4),
        )
            .prop_map(|(key, cohorts, lifetimes)| Event::Life { key, cohorts, lifetimes }),
        1 => (0_u64..5).prop_map(Event::Collection),
        1 => prop::collection::vec((key(), 0_u64..9, 0_u64..9), 0..4).prop_map(Event::Search),
        1 => prop::collection::vec(
            prop::collection::vec((0_u8..4, 0_u8..3, 0_u8..3), 3), 0..4)
            .prop_map(Event::Types),
        1 => (prop::collection::vec((0_u8..4, 0_u8..3), 0..3), triples())
            .prop_map(|(types, sites)| Event::Retainers { types, sites }),
        1 => prop::collection::vec(triples(), 0..3).prop_map(Event::Containers),
        1 => (0_u64..1 << 40).prop_map(Event::Malloc),
        1 => triples().prop_map(Event::Contrasts),
        8 => (triples(), prop::option::of(triples()), any::<bool>())
            .prop_map(|(sums, retained, history)| Event::Tick { sums, retained, history }),
    ];
    prop::collection::vec(event, 1..60)
}

/// Tells the file and the memory the same.
struct Teller<'a> {
    sinks: Tee<Writer, InMemory>,
    path: &'a Path,
    totals: Vec<SiteTotals>,
    now: f64,
}

impl<'a> Teller<'a> {
    fn new(path: &'a Path) -> Self {
        let bounds = Bounds { ticks: 9, history_rows: 20, collections: 4 };
        let mut sinks = Tee(create(path), InMemory::default());
        sinks.0.set_bounds(bounds);
        sinks.1.set_bounds(bounds);
        sinks.begin(&target(), &capture(), 1_763_691_300.25).expect("begin");
        let of = |key| SiteTotals { key, ..SiteTotals::default() };
        Self { sinks, path, totals: (0..KEYS).map(of).collect(), now: 0.0 }
    }

    fn tell(&mut self, event: &Event) {
        match event {
            Event::Site { key, snapshot, note } => self.site(*key, *snapshot, *note),
            Event::Life { key, cohorts, lifetimes } => self.life(*key, cohorts, lifetimes),
            Event::Collection(count) => {
                self.sinks.collection(self.now, *count).expect("a collection");
            }
            Event::Search(found) => {
                self.sinks.searched().expect("a search");
                for (key, lost, more) in found {
                    self.sinks.unreferenced(*key, lost + more, *lost).expect("what was found");
                }
            }
            Event::Types(types) => self.types(types),
            Event::Retainers { types, sites } => self.retainers(types, sites),
            Event::Containers(containers) => self.containers(containers),
            Event::Malloc(bytes) => self.malloc(*bytes),
            Event::Contrasts(contrasts) => self.contrasts(contrasts),
            Event::Tick { sums, retained, history } => {
                self.tick(sums, retained.as_deref(), *history)
            }
        }
    }

    /// Different numbers look the same, others do not.
    fn site(&mut self, key: u64, snapshot: u8, note: bool) {
        let stack: CallStack = match snapshot {
            0 => alone(key),
            1 => CallStack::default(),
            _ => [Frame::python("run", "app.py", Some(u32::from(snapshot))), native(key)]
                .into_iter()
                .collect(),
        };
        let notes = [StackNote::NativeLeftOut { frames: u64::from(snapshot) }];
        let row = SiteRow {
            key,
            domain: if snapshot == 3 { Domain::Mmap } else { Domain::Malloc },
            size_class: 1 << (snapshot / 2),
            allocator: "malloc",
            stack: &stack,
            notes: if note { &notes } else { &[] },
        };
        self.sinks.site(&row).expect("site");
    }

    fn life(&mut self, key: u64, cohorts: &[(u8, u8, u8)], lifetimes: &[(u8, u64)]) {
        let mut from = 0.0;
        let cohort = |(width, allocated, live): &(u8, u8, u8)| {
            let (all, live) = (u64::from(*allocated), u64::from(*live.min(allocated)));
            let begin = from;
            from += f64::from(*width);
            Cohort {
                from: begin,
                to: from,
                allocated: Amount { bytes: all * 10, count: all },
                live: Amount { bytes: live * 10, count: live },
            }
        };
        let cohorts: Vec<Cohort> = cohorts.iter().map(cohort).collect();
        let mut powers: Vec<&(u8, u64)> = lifetimes.iter().collect();
        powers.sort();
        powers.dedup_by_key(|(power, _)| *power);
        let lifetimes = powers.into_iter().map(|(power, count)| Lifetime {
            up_to: f64::from(*power).exp2(),
            freed: Amount { bytes: count * 10, count: *count },
        });
        self.sinks.life(key, &cohorts, &lifetimes.collect::<Vec<_>>()).expect("life");
    }

    fn types(&mut self, types: &[Vec<(u8, u8, u8)>]) {
        let counts: Vec<Count> =
            (0..3_u32).map(|at| (f64::from(at), Some(u64::from(at)))).collect();
        let series = types.iter().enumerate().map(|(number, numbers)| {
            let mut before = 0;
            let points = numbers.iter().zip(&counts).map(|((born, _, died), (t, collections))| {
                let count = (before + u64::from(*born)).saturating_sub(u64::from(*died));
                let retained_count = count.saturating_sub(u64::from(*born));
                before = count;
                let born_count = u64::from(*born);
                TypePoint {
                    t: *t,
                    collections: *collections,
                    count,
                    bytes: count * 8,
                    retained_count,
                    born_count,
                }
            });
            TypeSeries {
                name: format!("type {number}"),
                points: points.collect(),
                survivors: numbers
                    .iter()
                    .map(|(born, kept, _)| u64::from(*kept.min(born)))
                    .collect(),
            }
        });
        self.sinks.types(&counts, &series.collect::<Vec<_>>()).expect("types");
    }

    fn retainers(&mut self, types: &[(u8, u8)], sites: &[(u64, u8, u8)]) {
        let mut types: Vec<(u8, u8)> = types.to_vec();
        types.dedup_by_key(|(number, _)| *number);
        types.sort();
        types.dedup_by_key(|(number, _)| *number);
        let step = |step: u8| (format!(".step{step}"), (step > 0).then(|| "dict".to_owned()));
        let retainers = types.iter().map(|(number, steps)| TypeRetainer {
            name: format!("type {number}"),
            path: (0..*steps).map(step).collect(),
        });
        let mut sites: Vec<_> = sites.to_vec();
        sites.sort();
        sites.dedup_by_key(|(key, ..)| *key);
        let owned = sites.iter().map(|(key, blocks, kinds)| {
            let owner = |kind: u8| Owner {
                name: format!("owner {kind}"),
                blocks: Amount { bytes: 7, count: u64::from(*blocks) + u64::from(kind) },
                root: (kind == 1).then_some(RootKind::Module),
                retainer: (0..kind).map(|step| format!("step {step}")).collect(),
            };
            let types = (0..kinds % 3).map(owner).collect();
            (*key, Owned { looked_for: u64::from(*blocks) + 1, owned: u64::from(*blocks), types })
        });
        let (types, owned): (Vec<_>, Vec<_>) = (retainers.collect(), owned.collect());
        self.sinks.retainers(&types, &owned).expect("holders");
    }

    fn malloc(&mut self, bytes: u64) {
        let free = FreeMemory { bytes, resident_bytes: bytes / 2, page_bytes: bytes / 3 };
        let malloc =
            MallocUse { arenas: 2, system_bytes: bytes, holes: free, ..MallocUse::default() };
        let point = MallocPoint { t: self.now, rss_anon_bytes: bytes / 5, malloc };
        self.sinks.malloc(&point).expect("a reading of malloc");
    }

    fn containers(&mut self, containers: &[Vec<(u64, u8, u8)>]) {
        let container = |rows: &Vec<(u64, u8, u8)>| GrownContainer {
            name: format!("list {}", rows.len()),
            path: rows.iter().map(|(_, step, _)| (format!(".step{step}"), None)).collect(),
            lengths: (0_u32..).zip(rows).map(|(t, row)| (f64::from(t), row.2.into())).collect(),
            items: rows.iter().map(|(_, a, b)| (format!("type {a}"), u64::from(*b))).collect(),
            grown_by: rows.iter().map(|(key, times, _)| (*key, u64::from(*times))).collect(),
            room: rows.last().map(|row| row.0),
            below: rows.first().filter(|row| row.2 > 9).map(|row| ContainersBelow {
                class: "list".to_owned(),
                attribute: (row.1 > 9).then(|| "jobs".to_owned()),
                count: row.0,
                items: row.0,
                largest: row.1.into(),
                bound: (row.1 > 5).then(|| DeclaredBound {
                    kind: "deque.maxlen".to_owned(),
                    limit: (row.1 > 9).then_some(row.0),
                    used: row.0,
                }),
            }),
            bound: rows.first().map(|row| DeclaredBound {
                kind: "lru_cache".to_owned(),
                limit: (row.1 > 9).then_some(row.0),
                used: rows.last().map_or(0, |last| last.2.into()),
            }),
        };
        let containers: Vec<_> = containers.iter().map(container).collect();
        self.sinks.containers(&containers).expect("containers");
    }

    fn contrasts(&mut self, contrasts: &[(u64, u8, u8)]) {
        let contrast = |(old, young, at): &(u64, u8, u8)| FieldContrast {
            class: format!("type {at}"),
            field: format!("field {young}"),
            value: "True".to_owned(),
            old: [*old, old + 1],
            young: [0, u64::from(*young)],
            compared: 9,
            snapshots: u64::from(*at),
            seconds: f64::from(*young),
        };
        let contrasts: Vec<_> = contrasts.iter().map(contrast).collect();
        self.sinks.contrasts(&contrasts).expect("contrasts");
    }

    fn tick(&mut self, sums: &[(u64, u8, u8)], retained: Option<&[(u64, u8, u8)]>, history: bool) {
        for (key, allocated, freed) in sums {
            let site = usize::try_from(*key).map(|key| &mut self.totals[key]).expect("a key");
            let of = |count| Amount { bytes: count * 10, count };
            let Totals { allocated: before, freed: gone } = site.totals;
            let allocated = before.plus(of(u64::from(*allocated)));
            let freed = of((gone.count + u64::from(*freed)).min(allocated.count));
            site.totals = Totals { allocated, freed };
        }
        let mut old: Vec<SiteRetained> = retained
            .iter()
            .flat_map(|retained| *retained)
            .map(|(key, age, count)| SiteRetained {
                key: *key,
                age: f64::from(age / 64),
                blocks: Amount {
                    bytes: u64::from(*count / 64) * 10,
                    count: u64::from(*count / 64),
                },
            })
            .collect();
        old.sort_by_key(|retained| retained.key);
        old.dedup_by_key(|retained| retained.key);
        self.now += 1.0;
        let rss = (!self.totals.is_empty()).then_some(1 << 20);
        let process = ProcessPoint {
            t: self.now,
            live_bytes: 5,
            rss_bytes: rss,
            rss_anon_bytes: rss.filter(|_| history),
            ..ProcessPoint::default()
        };
        let counter = |name: &str, count| Loss {
            counter: Counted::Other {
                name: name.into(),
                sentence: "Calls.".into(),
                class: CounterClass::Seen,
            },
            count,
        };
        let counters = [counter("frees", 1), counter("allocations", 2)];
        let snapshot = retained.map(|_| SnapshotRow { blocks: 3, retained: &old });
        let sites: Vec<SiteTotals> =
            self.totals.iter().filter(|site| site.totals.allocated.count > 0).copied().collect();
        let tick =
            Tick { process, counters: &counters, sites: &sites, keep_history: history, snapshot };
        self.sinks.tick(&tick).expect("tick");
    }

    /// As `leakspy mark` does, between two ticks.
    fn mark(&mut self, name: &str) {
        let t = if self.now % 3.0 > 1.0 { self.now } else { self.now / 2.0 };
        mark(self.path, name, 1_763_691_300.25 + t).expect("a mark");
        for mark in self.sinks.0.new_marks().expect("marks") {
            self.sinks.mark(&mark).expect("a mark");
        }
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        let file = Reader::open(self.path).and_then(|file| file.document_with_history());
        let file = file.expect("a good recording");
        let memory = self.sinks.1.document().expect("no contradiction");
        same(&memory, &file)
    }
}

fn same(memory: &Document, file: &Document) -> Result<(), TestCaseError> {
    // The parts first, which can be read when they differ.
    prop_assert_eq!(&memory.capture, &file.capture);
    prop_assert_eq!(&memory.sites, &file.sites);
    prop_assert_eq!(&memory.history.process, &file.history.process);
    prop_assert_eq!(&memory.history.types, &file.history.types);
    prop_assert_eq!(&memory.history.sites, &file.history.sites);
    prop_assert_eq!(memory, file);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn memory_and_file_agree_after_every_tick(events in events()) {
        let (_folder, path) = folder();
        let mut teller = Teller::new(&path);
        teller.agree()?;
        for event in &events {
            teller.tell(event);
            if let Event::Tick { history, .. } = event {
                if *history {
                    teller.mark("a moment");
                }
                teller.agree()?;
            }
        }
        teller.sinks.finish(&capture()).expect("finish");
        teller.agree()?;
    }
}

/// A snapshot stays as it is while the recording goes on.
#[test]
fn a_snapshot_does_not_change() {
    let mut memory = InMemory::default();
    assert!(memory.document().is_err());
    let Ok(()) = memory.begin(&target(), &capture(), 5.0);
    let snapshot = memory.clone();
    let totals = Totals { allocated: Amount::block(8), freed: Amount::default() };
    let totals = [SiteTotals { key: 1, totals }];
    let process = ProcessPoint { t: 1.0, ..ProcessPoint::default() };
    let tick = Tick { process, counters: &[], sites: &totals, keep_history: true, snapshot: None };
    let Ok(()) = memory.tick(&tick);
    let sites = |memory: &InMemory| memory.document().expect("a document").sites.len();
    assert_eq!((sites(&snapshot), sites(&memory)), (0, 1));
}

#[test]
fn marks_of_others_are_noticed() {
    let (_folder, path) = folder();
    let mut teller = Teller::new(&path);
    for name in ["deploy", "load"] {
        teller.tick(&[(1, 2, 0)], None, true);
        teller.mark(name);
    }
    assert!(teller.sinks.0.new_marks().expect("marks").is_empty());
    let marks = teller.sinks.1.document().expect("a document").history.marks;
    assert_eq!(marks[1], Mark { t: 2.0, name: "load".into() });
    assert!(teller.agree().is_ok());
}
