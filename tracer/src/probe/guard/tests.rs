//! The protocol, with links that only say when they are released.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::serve::{Linker, serve};
use super::*;

/// Offsets of links in the order of their release.
type Released = Arc<Mutex<Vec<u64>>>;

struct Link {
    offset: u64,
    released: Released,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.released.lock().unwrap().push(self.offset);
    }
}

/// Noted for a link that was brought to the front, besides its offset.
const FRONT: u64 = 1000;
/// The offset of a link whose process is gone.
const GONE: u64 = 99;

/// Refuses links at offset 0.
struct Fake(Released);

impl Linker for Fake {
    type Link = Link;

    fn link(&mut self, request: &LinkRequest) -> io::Result<Link> {
        match request.offsets.first() {
            Some(&0) | None => Err(io::Error::from_raw_os_error(libc::EINVAL)),
            Some(&offset) => Ok(Link { offset, released: Arc::clone(&self.0) }),
        }
    }

    fn tidy_up(&mut self) {}

    fn bring_to_front(&mut self, link: &mut Link) -> io::Result<()> {
        match link.offset {
            GONE => Err(io::Error::from_raw_os_error(libc::ESRCH)),
            offset => {
                self.0.lock().unwrap().push(FRONT + offset);
                Ok(())
            }
        }
    }
}

fn started() -> (Guard, Released, JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let released = Released::default();
    let mut fake = Fake(Arc::clone(&released));
    let serving = thread::spawn(move || serve(theirs, &mut fake));
    let mut guard = Guard { socket: BufReader::new(ours), process: None };
    guard.answer().unwrap();
    (guard, released, serving)
}

fn at(offset: u64) -> LinkRequest {
    LinkRequest {
        program: 3,
        file: 4,
        offsets: vec![offset],
        cookies: vec![7],
        pid: 4711,
        kind: LinkKind::Multi,
        at_return: false,
    }
}

fn taken(released: &Released) -> Vec<u64> {
    std::mem::take(&mut released.lock().unwrap())
}

#[test]
fn groups_are_released_one_by_one_and_backwards() {
    let (mut guard, released, serving) = started();
    for (group, offset) in [(1, 10), (2, 20), (1, 11), (2, 21), (1, 12)] {
        guard.link(group, at(offset)).unwrap();
    }
    guard.release(1).unwrap();
    assert_eq!(taken(&released), [12, 11, 10]);
    guard.release(1).unwrap();
    guard.release(9).unwrap();
    assert_eq!(taken(&released), [] as [u64; 0]);
    guard.link(1, at(13)).unwrap();
    guard.release(1).unwrap();
    assert_eq!(taken(&released), [13]);
    guard.release(2).unwrap();
    assert_eq!(taken(&released), [21, 20]);
    drop(guard);
    serving.join().unwrap();
}

#[test]
fn all_links_of_a_group_come_to_the_front_in_the_order_in_which_they_were_made() {
    let (mut guard, noted, serving) = started();
    for (group, offset) in [(1, 10), (2, 20), (1, 11), (3, 30), (3, GONE)] {
        guard.link(group, at(offset)).unwrap();
    }
    guard.bring_to_front(1).unwrap();
    assert_eq!(taken(&noted), [FRONT + 10, FRONT + 11]);
    guard.bring_to_front(9).unwrap();
    assert_eq!(guard.bring_to_front(3).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    assert_eq!(taken(&noted), [FRONT + 30]);
    // What could not be brought to the front is still there.
    guard.release(3).unwrap();
    assert_eq!(taken(&noted), [GONE, 30]);
    drop(guard);
    serving.join().unwrap();
}

#[test]
fn everything_is_released_at_the_end_of_the_socket() {
    let (mut guard, released, serving) = started();
    for (group, offset) in [(1, 10), (2, 20), (1, 11)] {
        guard.link(group, at(offset)).unwrap();
    }
    drop(guard);
    serving.join().unwrap();
    assert_eq!(taken(&released), [20, 11, 10]);
}

#[test]
fn what_the_kernel_refuses_is_said_and_changes_nothing() {
    let (mut guard, released, serving) = started();
    guard.link(1, at(10)).unwrap();
    let error = guard.link(1, at(0)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    guard.link(1, at(11)).unwrap();
    guard.release(1).unwrap();
    assert_eq!(taken(&released), [11, 10]);
    drop(guard);
    serving.join().unwrap();
}

#[test]
fn what_is_no_request_ends_the_guard_and_releases_everything() {
    for nonsense in [b"nonsense\n".to_vec(), vec![b'x'; 2 << 20], vec![0xff, b'\n']] {
        let (mut guard, released, serving) = started();
        guard.link(1, at(10)).unwrap();
        // The guard may have left before all of it was written.
        let _ = guard.socket.get_mut().write_all(&nonsense);
        serving.join().unwrap();
        assert_eq!(taken(&released), [10]);
        assert!(guard.release(1).is_err());
    }
}

#[test]
fn a_program_that_is_no_guard_is_an_error() {
    for path in ["/bin/true", "/nowhere/leakspy"] {
        let program = GuardProgram { path: path.into(), ..GuardProgram::this() };
        assert!(Guard::start(&program).is_err(), "{path}");
    }
}

#[test]
fn only_the_argument_alone_asks_for_a_guard() {
    let asked = |words: &[&str]| GuardProgram::is_asked_for(words.iter().map(OsString::from));
    assert!(asked(&["leakspy", GuardProgram::ARGUMENT]));
    assert!(!asked(&["leakspy"]) && !asked(&[]) && !asked(&[GuardProgram::ARGUMENT]));
    assert!(!asked(&["leakspy", GuardProgram::ARGUMENT, "-h"]));
    assert!(!asked(&["leakspy", "mark", GuardProgram::ARGUMENT]));
}
