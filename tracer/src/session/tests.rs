//! A session from attach to finish, with a kernel side that does what a test says, and with real
//! processes that carry no probes.

mod notes;
mod stage;
mod system_calls;

use std::sync::atomic::Ordering;

use rusqlite::Connection;

use self::stage::{Stage, WaitingProcess};
use super::heap::HeapTarget;
use super::*;
use crate::history::SharedHistory;
use crate::model::AttachMethod;
use crate::model::{NoObjects, Note};
use crate::probe::fake::{FakeKernel, KernelCall};
use crate::probe::{EndedBy, Kernel as _, ProbeError, Slot};

/// A target is attached, counted for, and left; its numbers are given up when its recording is
/// whole.
#[tokio::test]
async fn everything_happens_in_order() {
    let mut stage = Stage::new();
    let subject = WaitingProcess::new();
    let target = stage.attach(&subject, "a");
    let pid = stage.attached(target).await.pid;
    stage.status(target).await;
    stage.ends_well(target).await;
    let slot = Slot(0);
    assert_eq!(
        stage.script.calls(),
        [
            KernelCall::Attach(pid, AttachMethod::Session),
            KernelCall::Recording(slot, true),
            KernelCall::Recording(slot, false),
            KernelCall::Detach(slot),
            KernelCall::Dropped(slot),
        ]
    );
    let capture = stage.document("a").capture;
    assert!(capture.notes.is_empty() && capture.seconds > 0.0, "{capture:?}");
    assert!(stage.session.next_event().await.is_none(), "there are no targets left");
}

#[tokio::test]
async fn a_method_that_is_not_there_is_no_end() {
    let mut stage = Stage::new();
    stage.script.refuse(libc::EINVAL);
    stage.script.refuse(libc::EOPNOTSUPP);
    let subject = WaitingProcess::new();
    let target = stage.attach(&subject, "a");
    assert_eq!(stage.attached(target).await.method, AttachMethod::Perf);
    stage.ends_well(target).await;
}

#[tokio::test]
async fn without_any_method_the_last_refusal_is_told() {
    let mut stage = Stage::new();
    AttachMethod::ALL.iter().for_each(|_| stage.script.refuse(libc::EINVAL));
    let subject = WaitingProcess::new();
    let target = stage.attach(&subject, "a");
    let error = stage.outcome(target).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Missing, "{error}");
    assert!(!stage.path("a").exists(), "a recording of nothing was left behind");
}

/// Only the methods that were asked for.
#[tokio::test]
async fn a_method_of_choice_is_the_only_one() {
    let mut stage = Stage::new();
    stage.script.refuse(libc::EINVAL);
    let subject = WaitingProcess::new();
    let mut options = stage.options(&subject, "a");
    options.method = Some(AttachMethod::Multi);
    let target = stage.session.attach(options);
    assert_eq!(stage.outcome(target).await.unwrap_err().failure(), Failure::Missing);
    assert_eq!(stage.script.calls(), [KernelCall::Attach(subject.pid(), AttachMethod::Multi)]);
}

#[tokio::test]
async fn who_cannot_be_attached_disturbs_nobody() {
    let mut stage = Stage::new();
    let (first, second) = (WaitingProcess::new(), WaitingProcess::new());
    let well = stage.attach(&first, "a");
    stage.attached(well).await;
    stage.script.refuse(libc::EPERM);
    let refused = stage.attach(&second, "b");
    assert_eq!(stage.outcome(refused).await.unwrap_err().failure(), Failure::Missing);
    assert!(!stage.path("b").exists());
    let missing = stage
        .session
        .attach(RecordOptions { target: u32::MAX.to_string(), ..stage.options(&first, "c") });
    assert!(stage.outcome(missing).await.is_err());
    stage.status(well).await;
    stage.ends_well(well).await;
}

#[tokio::test]
async fn a_recording_that_is_there_is_replaced_only_by_another() {
    let mut stage = Stage::new();
    std::fs::write(stage.path("a"), "old").unwrap();
    let subject = WaitingProcess::new();
    let target = stage.attach(&subject, "a");
    assert!(stage.outcome(target).await.is_err());
    assert_eq!(stage.script.calls(), [], "probes were placed for nothing");
    let forced = RecordOptions { force: true, ..stage.options(&subject, "a") };
    stage.script.refuse(libc::EPERM);
    let target = stage.session.attach(forced.clone());
    assert!(stage.outcome(target).await.is_err());
    assert_eq!(std::fs::read(stage.path("a")).unwrap(), b"old");
    let target = stage.session.attach(forced);
    stage.attached(target).await;
    stage.ends_well(target).await;
    stage.document("a");
}

/// With the probes in place, there is no place for the recording: they are taken out again.
#[tokio::test]
async fn probes_go_when_the_recording_cannot_be_made() {
    let mut stage = Stage::new();
    let subject = WaitingProcess::new();
    let options = RecordOptions {
        output: Some(stage.path("missing/a")),
        force: true,
        ..stage.options(&subject, "a")
    };
    let target = stage.session.attach(options);
    assert!(matches!(stage.outcome(target).await, Err(SessionError::Store(_))));
    assert!(stage.script.calls().contains(&KernelCall::Detach(Slot(0))));
}

/// Probes that cannot be taken out are no reason to lose a recording, nor do others notice.
#[tokio::test]
async fn probes_that_stay_disturb_no_recording() {
    let mut stage = Stage::new();
    let (first, second) = (WaitingProcess::new(), WaitingProcess::new());
    let (one, other) = (stage.attach(&first, "a"), stage.attach(&second, "b"));
    stage.attached(one).await;
    stage.attached(other).await;
    stage.script.refuse_detach();
    stage.ends_well(one).await;
    stage.status(other).await;
    stage.ends_well(other).await;
    assert!(stage.document("a").capture.seconds > 0.0);
    assert!(stage.document("b").capture.seconds > 0.0);
}

/// Nothing is attached when the kernel side cannot be listened to.
#[tokio::test]
async fn a_session_needs_records_and_a_guard() {
    let (mut kernel, _script) = FakeKernel::new();
    kernel.guard = None;
    assert!(matches!(Session::new(Box::new(kernel)), Err(SessionError::Wait { .. })));
    let (mut kernel, _script) = FakeKernel::new();
    let _reader = kernel.records().unwrap();
    assert!(matches!(Session::new(Box::new(kernel)), Err(SessionError::Probe(_))));
}

/// There are no objects where there is no Python.
#[test]
fn objects_of_what_is_no_python_are_refused() {
    let subject = WaitingProcess::new();
    let error = HeapTarget::open(&subject.pid().to_string()).err();
    let reason = match error {
        Some(SessionError::NoHeap { pid, reason }) if pid == subject.pid() => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, NoObjects::NotPython);
}

/// Nobody asked for a file: what is recorded is in memory, and nothing is written.
#[tokio::test]
async fn a_recording_needs_no_file() {
    let mut stage = Stage::new();
    let subject = WaitingProcess::new();
    let history = SharedHistory::default();
    let options = RecordOptions {
        output: None,
        history: Some(history.clone()),
        ..stage.options(&subject, "a")
    };
    let target = stage.session.attach(options);
    stage.attached(target).await;
    stage.ends_well(target).await;
    let document = history.snapshot().document().unwrap();
    assert_eq!(document.target.pid, subject.pid());
    let folder = stage.path("a").parent().unwrap().to_owned();
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[tokio::test]
async fn a_target_that_ends_during_the_attach_is_gone() {
    let mut stage = Stage::new();
    let mut subject = WaitingProcess::new();
    let options = stage.options(&subject, "a");
    let handle = subject.hand_over();
    stage.script.answer(move |_| {
        drop(handle);
        let source = std::io::Error::from_raw_os_error(libc::ESRCH);
        Err(ProbeError::Attach { path: "libc.so".into(), source })
    });
    let target = stage.session.attach(options);
    assert_eq!(stage.outcome(target).await.unwrap_err().failure(), Failure::TargetGone);
    assert!(!stage.path("a").exists());
}

/// The probes are in, and at that moment the target ends.
#[tokio::test]
async fn a_target_that_ends_after_the_attach_is_recorded_until_then() {
    let mut stage = Stage::new();
    let mut subject = WaitingProcess::new();
    let options = stage.options(&subject, "a");
    let handle = subject.hand_over();
    stage.script.answer(move |_| {
        drop(handle);
        Ok(())
    });
    let target = stage.session.attach(options);
    let gone = Ending::TargetGone(Note::TargetExited);
    assert_eq!(stage.outcome(target).await.unwrap(), gone);
    assert_eq!(stage.document("a").capture.notes, [Note::TargetExited]);
}

/// The kernel has turned accounting off at that very moment: the recording ends at the next tick, or
/// says so when the target exits before it.
#[tokio::test]
async fn what_the_kernel_saw_end_has_ended() {
    for (by, note) in
        [(EndedBy::Finalizing, Note::InterpreterEnded), (EndedBy::Replaced, Note::TargetReplaced)]
    {
        for exits in [false, true] {
            let mut stage = Stage::new();
            let mut subject = WaitingProcess::new();
            let target = stage.attach(&subject, "a");
            stage.attached(target).await;
            *stage.script.numbers(Slot(0)).ended.lock().unwrap() = Some(by);
            if exits {
                subject.end();
            }
            assert_eq!(stage.outcome(target).await.unwrap(), Ending::TargetGone(note.clone()));
            assert_eq!(stage.document("a").capture.notes, std::slice::from_ref(&note));
        }
    }
}

#[tokio::test]
async fn the_end_of_a_target_is_its_own() {
    let mut stage = Stage::new();
    let (mut mortal, other) = (WaitingProcess::new(), WaitingProcess::new());
    let (dies, lives) = (stage.attach(&mortal, "a"), stage.attach(&other, "b"));
    stage.attached(dies).await;
    stage.attached(lives).await;
    mortal.end();
    let gone = Ending::TargetGone(Note::TargetExited);
    assert_eq!(stage.outcome(dies).await.unwrap(), gone);
    assert_eq!(stage.document("a").capture.notes, [Note::TargetExited]);
    stage.status(lives).await;
    stage.ends_well(lives).await;
    assert!(stage.document("b").capture.notes.is_empty());
}

/// Somebody asks for the end of a recording whose target has just ended: the recording says that it
/// did.
#[tokio::test]
async fn an_end_between_the_last_tick_and_the_request_is_noticed() {
    let mut stage = Stage::new();
    let mut subject = WaitingProcess::new();
    let mut options = stage.options(&subject, "a");
    options.tick = std::time::Duration::from_secs(3600);
    let target = stage.session.attach(options);
    stage.attached(target).await;
    subject.end();
    stage.session.detach(target);
    let gone = Ending::TargetGone(Note::TargetExited);
    assert_eq!(stage.outcome(target).await.unwrap(), gone);
    assert_eq!(stage.document("a").capture.notes, [Note::TargetExited]);
}

#[tokio::test]
async fn lost_probes_end_all_recordings_and_are_told() {
    let mut stage = Stage::new();
    let subjects = [WaitingProcess::new(), WaitingProcess::new()];
    let targets = [stage.attach(&subjects[0], "a"), stage.attach(&subjects[1], "b")];
    for target in targets {
        stage.attached(target).await;
    }
    stage.script.end_guard();
    for (target, name) in targets.into_iter().zip(["a", "b"]) {
        assert!(matches!(stage.outcome(target).await, Ok(Ending::ProbesLost(Note::ProbesLost))));
        let notes = stage.document(name).capture.notes;
        assert_eq!(notes, [Note::ProbesLost]);
    }
}

#[tokio::test]
async fn tables_that_cannot_be_read_end_one_recording() {
    let mut stage = Stage::new();
    let subjects = [WaitingProcess::new(), WaitingProcess::new()];
    let [fails, lives] = stage.two(&subjects).await;
    stage.script.numbers(Slot(0)).broken.store(true, Ordering::Relaxed);
    assert!(matches!(stage.outcome(fails).await, Err(SessionError::Probe(_))));
    assert!(stage.script.calls().contains(&KernelCall::Detach(Slot(0))));
    stage.status(lives).await;
    stage.ends_well(lives).await;
}

/// As with a full disk: what was committed before is kept, and another recording goes on.
#[tokio::test]
async fn a_recording_that_cannot_be_written_ends_alone() {
    let mut stage = Stage::new();
    let subjects = [WaitingProcess::new(), WaitingProcess::new()];
    let [fails, lives] = stage.two(&subjects).await;
    let database = Connection::open(stage.path("a")).unwrap();
    database.execute_batch("ALTER TABLE counter RENAME TO elsewhere").unwrap();
    assert!(matches!(stage.outcome(fails).await, Err(SessionError::Store(_))));
    stage.status(lives).await;
    stage.ends_well(lives).await;
}

#[tokio::test]
async fn a_job_that_panics_ends_one_recording() {
    let mut stage = Stage::new();
    let subjects = [WaitingProcess::new(), WaitingProcess::new()];
    let [fails, lives] = stage.two(&subjects).await;
    stage.script.numbers(Slot(0)).panics.store(true, Ordering::Relaxed);
    assert!(matches!(stage.outcome(fails).await, Err(SessionError::Broken)));
    assert!(stage.script.calls().contains(&KernelCall::Detach(Slot(0))));
    stage.status(lives).await;
    stage.ends_well(lives).await;
}

/// Records go to their own target, also those that are still in the ring at its end; those of
/// nobody are dropped.
#[tokio::test]
async fn records_go_where_they_belong() {
    let mut stage = Stage::new();
    let subjects = [WaitingProcess::new(), WaitingProcess::new()];
    let [first, second] = stage.two(&subjects).await;
    for (slot, count) in [(0, 3), (1, 2), (7, 5)] {
        (0..count).for_each(|_| stage.script.send(Slot(slot), b"no record"));
    }
    stage.session.detach_all();
    for target in [first, second] {
        assert_eq!(stage.outcome(target).await.unwrap(), Ending::Asked);
    }
    assert_eq!(["a", "b"].map(|name| stage.loss(name, "records_undecoded")), [3, 2]);
}

/// While the tables of a target are slow its records wait, and what finds no room is counted as its
/// own loss.
#[tokio::test]
async fn a_queue_that_is_full_loses_and_says_so() {
    let mut stage = Stage::new();
    let subjects = [WaitingProcess::new(), WaitingProcess::new()];
    let [slow, other] = stage.two(&subjects).await;
    let (gate, closed) = std::sync::mpsc::channel();
    // The next job that reads the tables waits.
    *stage.script.numbers(Slot(0)).gate.lock().unwrap() = Some(closed);
    let record = stage::site_record(1 << 20);
    (0..40).for_each(|_| stage.script.send(Slot(0), &record));
    stage.script.send(Slot(1), b"no record");
    stage.status(other).await;
    stage.ends_well(other).await;
    drop(gate);
    stage.ends_well(slow).await;
    assert_eq!(stage.loss("b", "sites_without_stack"), 0);
    let lost = stage.loss("a", "sites_without_stack");
    let handled = stage.loss("a", "records_undecoded");
    assert_eq!(lost + handled, 40);
}

/// A target that is alone has its records wait in the ring as long as its tables are slow.
#[tokio::test]
async fn what_finds_no_room_of_a_lone_target_waits() {
    let mut stage = Stage::new();
    let subject = WaitingProcess::new();
    let (gate, closed) = std::sync::mpsc::channel();
    // The first job, which comes before any record is handled, waits.
    *stage.script.numbers(Slot(0)).gate.lock().unwrap() = Some(closed);
    let slow = stage.attach(&subject, "a");
    stage.attached(slow).await;
    let record = stage::site_record(1 << 20);
    (0..40).for_each(|_| stage.script.send(Slot(0), &record));
    // As many are left as the queue has no room for.
    stage.script.emptied_to(8).await;
    drop(gate);
    stage.script.emptied_to(0).await;
    stage.ends_well(slow).await;
    assert_eq!(stage.loss("a", "sites_without_stack"), 0);
    assert_eq!(stage.loss("a", "records_undecoded"), 40);
}

/// Asked to end while many still wait for their turn: those end unattached, the others well.
#[tokio::test]
async fn many_targets_come_and_go() {
    let mut stage = Stage::new();
    let subjects: Vec<WaitingProcess> = (0..12).map(|_| WaitingProcess::new()).collect();
    let names: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    let targets: Vec<TargetId> =
        subjects.iter().zip(&names).map(|(subject, name)| stage.attach(subject, name)).collect();
    for target in &targets {
        stage.attached(*target).await;
    }
    for (number, target) in targets.iter().enumerate().filter(|(number, _)| number % 2 == 0) {
        stage.session.detach(*target);
        assert_eq!(stage.outcome(*target).await.unwrap(), Ending::Asked, "{number}");
    }
    for target in targets.iter().skip(1).step_by(2) {
        stage.status(*target).await;
    }
    stage.session.detach_all();
    for target in targets.iter().skip(1).step_by(2) {
        assert_eq!(stage.outcome(*target).await.unwrap(), Ending::Asked);
    }
    names.iter().for_each(|name| drop(stage.document(name)));
    assert_eq!(stage.session.targets().count(), 0);
}

#[tokio::test]
async fn an_early_request_to_end_leaves_others_unattached() {
    let mut stage = Stage::new();
    let subjects: Vec<WaitingProcess> = (0..8).map(|_| WaitingProcess::new()).collect();
    let targets: Vec<TargetId> = (0_u32..)
        .zip(&subjects)
        .map(|(number, subject)| stage.attach(subject, &number.to_string()))
        .collect();
    stage.session.detach_all();
    for target in targets {
        match stage.outcome(target).await {
            Ok(ending) => assert_eq!(ending, Ending::Asked),
            Err(error) => assert!(matches!(error, SessionError::NotBegun { .. }), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_session_that_is_dropped_takes_its_probes_out() {
    let mut stage = Stage::new();
    let subject = WaitingProcess::new();
    let target = stage.attach(&subject, "a");
    stage.attached(target).await;
    let Stage { session, script, .. } = stage;
    drop(session);
    script.called(KernelCall::Dropped(Slot(0))).await;
    assert!(script.calls().contains(&KernelCall::Detach(Slot(0))));
}

#[tokio::test]
async fn a_duration_ends_a_recording() {
    let mut stage = Stage::new();
    let subject = WaitingProcess::new();
    let mut options = stage.options(&subject, "a");
    options.duration = Some(std::time::Duration::from_millis(1));
    let target = stage.session.attach(options);
    assert_eq!(stage.outcome(target).await.unwrap(), Ending::Asked);
}
