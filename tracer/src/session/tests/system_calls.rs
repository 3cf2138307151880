//! When mappings are counted in the kernel: only where memory grows that no call explains.

use std::sync::atomic::Ordering;
use std::sync::mpsc;

use super::stage::{Stage, WaitingProcess};
use crate::model::Note;
use crate::probe::Slot;
use crate::probe::fake::KernelCall;

const MIB: u64 = 1 << 20;

fn asked(stage: &Stage) -> Vec<KernelCall> {
    let calls = stage.script.calls().into_iter();
    calls.filter(|call| matches!(call, KernelCall::Mappings(_))).collect()
}

/// Of two targets one maps what nobody sees: it alone is counted so, once, and its recording says since when.
#[tokio::test]
async fn growth_without_a_call_has_system_calls_counted() {
    let mut stage = Stage::new();
    let mut subjects = [WaitingProcess::growing(), WaitingProcess::growing()];
    let [quiet, grows] = stage.two(&subjects).await;
    stage.status(quiet).await;
    stage.status(grows).await;
    assert_eq!(asked(&stage), []);
    subjects[1].answer();
    let note = stage.noticed(grows).await;
    let Note::SystemCallsSeen { from, bytes } = note else { panic!("{note:?}") };
    assert!(from > 0.0 && (8 * MIB..64 * MIB).contains(&bytes), "{from} {bytes}");
    subjects[1].answer();
    stage.status(grows).await;
    stage.status(grows).await;
    stage.status(quiet).await;
    assert_eq!(asked(&stage), [KernelCall::Mappings(Slot(1))]);
    stage.ends_well(grows).await;
    stage.ends_well(quiet).await;
    assert_eq!(stage.document("b").capture.notes, [note]);
    assert_eq!(stage.document("a").capture.notes, []);
}

#[tokio::test]
async fn growth_by_calls_that_are_seen_needs_no_more() {
    let mut stage = Stage::new();
    let mut subject = WaitingProcess::growing();
    let target = stage.attach(&subject, "a");
    stage.attached(target).await;
    stage.status(target).await;
    let numbers = stage.script.numbers(Slot(0));
    let (open, gate) = mpsc::channel();
    *numbers.gate.lock().unwrap() = Some(gate);
    while numbers.gate.lock().unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    // A tick has begun, and has read neither what is live nor the memory.
    subject.answer();
    numbers.live_bytes.store(64 * MIB, Ordering::Relaxed);
    drop::<mpsc::Sender<()>>(open);
    stage.status(target).await;
    stage.status(target).await;
    assert_eq!(asked(&stage), []);
    // What is released leaves memory unexplained only when more comes.
    numbers.live_bytes.store(0, Ordering::Relaxed);
    stage.status(target).await;
    stage.status(target).await;
    assert_eq!(asked(&stage), []);
    stage.ends_well(target).await;
    assert_eq!(stage.document("a").capture.notes, []);
}

/// A kernel that cannot is asked once, and the recording says what is missing.
#[tokio::test]
async fn a_kernel_that_cannot_count_them_is_told() {
    let mut stage = Stage::new();
    stage.script.refuse_mappings();
    let mut subject = WaitingProcess::growing();
    let target = stage.attach(&subject, "a");
    stage.attached(target).await;
    stage.status(target).await;
    subject.answer();
    assert_eq!(stage.noticed(target).await, Note::SystemCallsNotSeen);
    subject.answer();
    stage.status(target).await;
    stage.status(target).await;
    assert_eq!(asked(&stage), [KernelCall::Mappings(Slot(0))]);
    stage.ends_well(target).await;
    assert_eq!(stage.document("a").capture.notes, [Note::SystemCallsNotSeen]);
}
