//! Notes that a recorder takes back, or tells anew.

use std::sync::Arc;
use std::time::Duration;

use super::super::objects::{ObjectScans, ScanFound};
use super::super::queue::Queue;
use super::super::recorder::{Cost, Recorder};
use super::super::search::{PointerSearch, Unfinished};
use super::super::target::TracedTarget;
use super::super::{CensusRules, SearchRules};
use super::stage::WaitingProcess;
use crate::governor::{Governor, Prices};
use crate::history::{SharedHistory, Tee};
use crate::model::{AttachMethod, Capture, NoSearch, Note};
use crate::probe::fake::FakeKernel;
use crate::probe::{AttachRequest, Capacity, Kernel as _};

/// Has a recorder do something, and tells which notes there are in the end.
fn notes(act: impl FnOnce(&mut Recorder)) -> Vec<Note> {
    let subject = WaitingProcess::new();
    let target = TracedTarget::open(&subject.pid().to_string()).unwrap();
    let placed = FakeKernel::new().0.attach(&AttachRequest {
        pid: target.pid(),
        files: target.files(),
        target: target.for_programs(0).unwrap(),
        method: AttachMethod::Session,
        capacity: Capacity::default(),
        in_place: &|| Ok(()),
    });
    let (tables, history) = (placed.unwrap().tables, SharedHistory::default());
    let sinks = Tee(None, Some(history.clone()));
    let (queue, tick) = (Arc::new(Queue::default()), Duration::from_secs(1));
    let cost = Cost::new(Governor::new(None, Prices::new(None, true)));
    let mut recorder = Recorder::new(target, tables, queue, sinks, Capture::default(), cost, tick);
    recorder.start().unwrap();
    act(&mut recorder);
    recorder.stop().unwrap();
    recorder.finish().unwrap();
    history.snapshot().document().unwrap().capture.notes
}

/// A search that came to its end has an answer, whatever kept earlier ones from it.
#[test]
fn a_later_search_is_the_word_on_earlier_ones() {
    let unfinished = |reason| Note::SearchUnfinished { reason };
    let gave_up = |recorder: &mut Recorder| {
        recorder.note(unfinished(NoSearch::TooScattered));
        recorder.note(Note::LeaderExited);
    };
    assert_eq!(notes(gave_up), [unfinished(NoSearch::TooScattered), Note::LeaderExited]);
    let found = notes(|recorder| {
        gave_up(recorder);
        let mut search = PointerSearch::new(SearchRules::default());
        recorder.scanned(&mut search, Err(Unfinished::TooScattered)).unwrap();
    });
    assert_eq!(found, [Note::LeaderExited]);
}

/// How many snapshots do not count is told once, as of the last.
#[test]
fn torn_snapshots_are_told_by_the_last_number() {
    let scanned = |torn| {
        let found = ScanFound {
            at: Duration::ZERO,
            cost: Duration::ZERO,
            counts: Vec::new(),
            torn,
            types: Vec::new(),
            tables: Vec::new(),
            contrasts: Vec::new(),
            surplus: Vec::new(),
            last: None,
        };
        Ok((Box::default(), found))
    };
    let told = notes(|recorder| {
        let mut objects = ObjectScans::new(CensusRules::default(), None);
        for torn in [0, 1, 1, 3] {
            recorder.scanned_objects(&mut objects, scanned(torn)).unwrap();
        }
    });
    assert_eq!(told, [Note::SnapshotsTorn { snapshots: 3 }]);
}
