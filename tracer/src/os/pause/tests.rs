//! On children that are this same program in another role: no privilege is needed for those.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;

/// Says what a child shall be.
const ROLE: &str = "LEAKSPY_TEST_ROLE";
/// Threads that a target answers with.
const THREADS: usize = 3;
/// Signals that a target has counted.
static COUNTED: AtomicU32 = AtomicU32::new(0);

/// A child that ends with the test.
struct Role {
    child: Child,
    /// The thread that reads what it is reported.
    reader: i32,
    output: BufReader<ChildStdout>,
}

impl Role {
    fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "os::pause::tests::children_play_their_role", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut role = Self { child, reader: 0, output };
        role.reader = role.hear("ready ").parse().unwrap();
        role
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn process(&self) -> Process {
        Process::open(self.pid()).unwrap()
    }

    fn say(&mut self, text: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{text}").unwrap();
    }

    /// Waits for a line that begins with `start`, and gives the rest of it.
    fn hear(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it ended before {start:?}");
            if let Some(rest) = line.trim_end().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// Has all its threads say something.
    fn answers(&mut self) {
        self.say("ping");
        self.hear("pong");
    }

    fn kill(&self, signal: i32) {
        // SAFETY: takes two numbers; the child is not reaped yet, so the pid is its own.
        let sent = unsafe { libc::kill(self.pid().try_into().unwrap(), signal) };
        assert_eq!(sent, 0);
    }

    /// Sends a signal that is counted, to the thread that reads: it has counted before it reads on.
    fn signal(&self) {
        let (pid, signal) = (self.pid(), libc::SIGRTMIN());
        // SAFETY: takes three numbers, no pointers.
        assert_eq!(unsafe { libc::syscall(libc::SYS_tgkill, pid, self.reader, signal) }, 0);
    }

    /// The states of all threads, as letters of `/proc`.
    fn states(&self) -> String {
        let state = |thread: &u32| {
            let status = procfs::read_text(self.pid(), &format!("task/{thread}/status")).unwrap();
            procfs::field(&status, "State").unwrap().chars().next().unwrap()
        };
        procfs::threads(self.pid()).unwrap().iter().map(state).collect()
    }

    /// Looks again and again until the threads' states are as wanted.
    fn becomes(&self, wanted: impl Fn(&str) -> bool) {
        while !wanted(&self.states()) {
            std::thread::yield_now();
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What children of the other tests do; in the tests' own process it is nothing.
#[test]
fn children_play_their_role() {
    match std::env::var(ROLE).as_deref() {
        Ok("target") => answer(""),
        Ok("churn") => {
            std::thread::spawn(|| {
                loop {
                    std::thread::spawn(|| {}).join().unwrap();
                }
            });
            answer("");
        }
        Ok("stuck") => {
            std::thread::spawn(wait_in_the_kernel);
            answer("stuck");
        }
        Ok(tracer) => {
            let pause = Pause::begin(&Process::select(tracer).unwrap()).unwrap();
            ready();
            std::io::stdin().read_line(&mut String::new()).unwrap();
            drop(pause);
        }
        Err(_) => {}
    }
}

/// Answers lines until they end: `ping` when all threads have, `count` with the signals so far.
fn answer(wait_for: &str) {
    // SAFETY: the handler only adds to an atomic.
    unsafe { libc::signal(libc::SIGRTMIN(), note as extern "C" fn(i32) as libc::sighandler_t) };
    let (said, hear) = channel();
    let threads: Vec<Sender<()>> = (0..THREADS)
        .map(|_| {
            let (ask, asked) = channel();
            let said = said.clone();
            std::thread::spawn(move || asked.iter().try_for_each(|()| said.send(())));
            ask
        })
        .collect();
    if wait_for == "stuck" {
        let pid = std::process::id();
        let told = |thread: &u32, what| procfs::read_text(pid, &format!("task/{thread}/{what}"));
        // Whoever reads a page from a disk looks the same for a moment, but has no child.
        let waits = |thread: &u32| {
            let parent = told(thread, "children").is_ok_and(|children| !children.trim().is_empty());
            let status = told(thread, "status").unwrap_or_default();
            parent && procfs::field(&status, "State").is_some_and(|state| state.starts_with('D'))
        };
        while !procfs::threads(pid).unwrap().iter().any(waits) {}
    }
    ready();
    for line in std::io::stdin().lines() {
        if line.unwrap() == "count" {
            println!("counted {}", COUNTED.load(Ordering::SeqCst));
            continue;
        }
        threads.iter().for_each(|thread| thread.send(()).unwrap());
        threads.iter().for_each(|_| hear.recv().unwrap());
        println!("pong");
    }
}

/// Says so, and by which thread. libtest may be in the middle of a line.
fn ready() {
    // SAFETY: takes nothing and cannot fail.
    println!("\nready {}", unsafe { libc::gettid() });
}

extern "C" fn note(_: i32) {
    COUNTED.fetch_add(1, Ordering::SeqCst);
}

/// The parent of vfork(2) waits where only SIGKILL reaches it, until its child ends.
fn wait_in_the_kernel() {
    // SAFETY: the child makes three system calls and touches nothing of its parent's.
    #[expect(deprecated, reason = "what makes it dangerous is what is wanted: the parent waits")]
    unsafe {
        if libc::vfork() == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::pause();
            libc::_exit(0);
        }
    }
}

#[test]
fn all_threads_stand_still_and_run_again() {
    let mut target = Role::start("target");
    target.answers();
    let pause = Pause::begin(&target.process()).unwrap();
    let states = target.states();
    assert!(states.len() > THREADS && states.chars().all(|state| state == 't'), "{states}");
    // Heard only when it runs again.
    target.say("ping");
    assert!(pause.end() > Duration::ZERO);
    target.hear("pong");
    assert!(!target.states().contains('t'));
}

#[test]
fn threads_that_come_and_go_are_all_caught() {
    let mut target = Role::start("churn");
    for _ in 0..20 {
        let _pause = Pause::begin(&target.process()).unwrap();
        let states = target.states();
        // Those that have ended, and that nobody has taken notice of yet, run no more.
        assert!(states.chars().all(|state| "tZX".contains(state)), "{states}");
        assert!(states.contains('t'), "{states}");
    }
    target.answers();
}

#[test]
fn a_target_survives_a_tracer_that_is_killed() {
    let mut target = Role::start("target");
    let mut tracer = Role::start(&target.pid().to_string());
    assert!(target.states().chars().all(|state| state == 't'));
    tracer.child.kill().unwrap();
    tracer.child.wait().unwrap();
    target.answers();
}

#[test]
fn no_signal_is_lost() {
    const SIGNALS: u32 = 400;
    let mut target = Role::start("target");
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| (0..SIGNALS).for_each(|_| target.signal()));
        while !sender.is_finished() {
            Pause::begin(&target.process()).unwrap().end();
        }
    });
    let pause = Pause::begin(&target.process()).unwrap();
    target.signal();
    drop(pause);
    target.say("count");
    assert_eq!(target.hear("counted "), (SIGNALS + 1).to_string());
}

/// A signal can come between the seizing of a thread and its interruption.
#[test]
fn a_signal_that_is_caught_on_its_way_is_passed_on() {
    let mut target = Role::start("target");
    let reader = u32::try_from(target.reader).unwrap();
    let mut seized = Seized::new(target.pid(), reader).unwrap().unwrap();
    target.signal();
    while seized.snapshot() == Stop::NotYet {
        std::thread::yield_now();
    }
    assert_eq!(seized.snapshot(), Stop::Stands { signal: libc::SIGRTMIN() });
    seized.interrupt();
    seized.release();
    target.say("count");
    assert_eq!(target.hear("counted "), "1");
}

#[test]
fn what_was_stopped_stays_stopped() {
    let mut target = Role::start("target");
    target.kill(libc::SIGSTOP);
    target.becomes(|states| states.chars().all(|state| state == 'T'));
    let pause = Pause::begin(&target.process()).unwrap();
    assert!(target.states().chars().all(|state| state == 't'));
    drop(pause);
    target.becomes(|states| states.chars().all(|state| state == 'T'));
    target.kill(libc::SIGCONT);
    target.answers();
}

#[test]
fn a_debugger_that_was_first_is_named() {
    let mut target = Role::start("target");
    let tracer = Role::start(&target.pid().to_string());
    let error = Pause::begin(&target.process()).unwrap_err();
    assert!(matches!(error, OsError::Traced { pid, .. } if pid == target.pid()), "{error:?}");
    assert!(error.to_string().ends_with("or go without --pause"), "{error}");
    drop(tracer);
    target.answers();
}

#[test]
fn one_that_does_not_stop_is_given_up_and_nothing_is_held() {
    let mut target = Role::start("stuck");
    let patience = Duration::from_millis(50);
    let error = Pause::within(&target.process(), patience).unwrap_err();
    assert!(matches!(error, OsError::Unstoppable { .. }), "{error:?}");
    target.answers();
    target.becomes(|states| !states.contains('t'));
}

#[test]
fn a_target_that_is_killed_meanwhile_does_not_linger() {
    let mut target = Role::start("target");
    let process = target.process();
    let pause = Pause::begin(&process).unwrap();
    target.child.kill().unwrap();
    drop(pause);
    assert!(!target.child.wait().unwrap().success());
    assert!(matches!(Pause::begin(&process), Err(OsError::Vanished { .. })));
}
