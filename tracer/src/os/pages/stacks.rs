//! What of the stacks of threads is dead: below where a thread is, nothing is alive, whatever is left there of calls that
//! have ended.
//!
//! Only of threads that wait in the kernel is known where they are (`/proc/PID/task/TID/syscall`, kernel `fs/proc/base.c`,
//! `proc_pid_syscall`). And only of a mapping that is one stack and nothing else is known that it is dead below:
//! that of the first thread (`[stack]`), and one as `pthread_create` makes it, of the usual size with a page below it
//! that nobody may touch. Other stacks, such as those of coroutines, may lie in the same mapping as what is alive.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::kernel_pointers::names;
use super::super::maps::Mapping;
use super::super::procfs;
use super::{PAGE, Pages};

/// Bytes below the stack pointer that a function may use (System V ABI, "The Stack Frame").
const RED_ZONE: u64 = 128;
/// Size of stacks where there is no limit (`ARCH_STACK_DEFAULT_SIZE`), and of those that Rust makes.
const USUAL: u64 = 2 << 20;

impl Pages {
    /// Dead parts of stacks, by address, as far as that is certain.
    pub fn dead_stacks(&self) -> Vec<Range<u64>> {
        let before = stack_pointers(self.pid);
        let Some(mappings) = self.mappings() else { return Vec::new() };
        let mut after = stack_pointers(self.pid);
        // Of a thread that went on meanwhile the mapping is not certain.
        after.retain(|thread, pointer| before.get(thread) == Some(pointer));
        dead(&mappings, after.into_values().collect(), &[stack_limit(self.pid), Some(USUAL)])
    }
}

/// Where the threads are that wait.
fn stack_pointers(pid: u32) -> BTreeMap<String, u64> {
    let threads = names(pid, "task").into_iter();
    let waiting = threads.filter_map(|thread| {
        let call = procfs::read_text(pid, &format!("task/{thread}/syscall")).ok()?;
        Some((thread, stack_pointer(&call)?))
    });
    waiting.collect()
}

/// The last but one word of `0 0x3 … 0x7ffd5a5a9b48 0x7f1c2a4aa00d` or `-1 0x7ffd5a5a9b48 0x7f1c2a4aa00d`; `running` has
/// none.
fn stack_pointer(call: &str) -> Option<u64> {
    let pointer = call.split_ascii_whitespace().rev().nth(1)?.strip_prefix("0x")?;
    u64::from_str_radix(pointer, 16).ok()
}

/// The soft limit of the size of a stack.
fn stack_limit(pid: u32) -> Option<u64> {
    let limits = procfs::read_text(pid, "limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max stack size"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// What is dead below these stack pointers.
fn dead(mappings: &[Mapping], mut pointers: Vec<u64>, sizes: &[Option<u64>]) -> Vec<Range<u64>> {
    pointers.sort_unstable();
    let mut dead = Vec::new();
    for (index, mapping) in mappings.iter().enumerate() {
        let of = |address: u64| pointers.partition_point(|pointer| *pointer < address);
        let inside = &pointers[of(mapping.start.0)..of(mapping.end.0)];
        let below = index.checked_sub(1).and_then(|before| mappings.get(before));
        // Two threads in one mapping share it in a way that is not understood.
        if let [pointer] = inside
            && (mapping.path == "[stack]" || is_of_thread(mapping, below, sizes))
        {
            let end = pointer.saturating_sub(RED_ZONE) & !7;
            dead.push(mapping.start.0..end.max(mapping.start.0));
        }
    }
    dead.retain(|part| !part.is_empty());
    dead
}

/// Whether a mapping is as `pthread_create` makes a stack (`allocate_stack` in `nptl/allocatestack.c`): the page that nobody
/// may touch is a part of the size, or comes on top of it.
fn is_of_thread(mapping: &Mapping, below: Option<&Mapping>, sizes: &[Option<u64>]) -> bool {
    let plain = |mapping: &Mapping| mapping.inode == 0 && mapping.path.is_empty();
    let size = mapping.end.0 - mapping.start.0;
    let is_guard = |below: &Mapping| {
        let closed = !below.readable && !below.writable && !below.executable;
        let length = below.end.0 - below.start.0;
        plain(below) && closed && length == PAGE && below.end == mapping.start
    };
    let usual = |usual: &u64| size == *usual || size.checked_add(PAGE) == Some(*usual);
    let is_data = mapping.readable && mapping.writable && !mapping.executable && !mapping.shared;
    plain(mapping) && is_data && below.is_some_and(is_guard) && sizes.iter().flatten().any(usual)
}

#[cfg(test)]
mod tests {
    use super::super::super::maps;
    use super::*;

    const MAPS: &str = "7f0000000000-7f0000001000 ---p 00000000 00:00 0\n\
                        7f0000001000-7f0000800000 rw-p 00000000 00:00 0\n\
                        7f0000800000-7f0000801000 ---p 00000000 00:00 0\n\
                        7f0000801000-7f0001801000 rw-p 00000000 00:00 0\n\
                        7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]\n";

    fn found(text: &str, pointers: &[u64]) -> Vec<Range<u64>> {
        dead(&maps::parse(text.as_bytes()), pointers.to_vec(), &[Some(8 << 20), Some(USUAL)])
    }

    #[test]
    fn below_the_red_zone_a_stack_is_dead() {
        let (first, thread) = (0x7ffd_0002_0000, 0x7f00_007f_0008);
        let expected = [0x7f00_0000_1000..thread - 128, 0x7ffd_0000_0000..first - 128];
        assert_eq!(found(MAPS, &[first, thread]), expected);
        assert_eq!(found(MAPS, &[0x7f00_0000_1040]), []);
        // Twice as large as a stack: two mappings that became one.
        assert_eq!(found(MAPS, &[0x7f00_017f_0000]), []);
        // Two threads in it.
        assert_eq!(found(MAPS, &[thread, thread - 4096]), []);
        assert_eq!(found(MAPS, &[0, 8, u64::MAX]), []);
    }

    #[test]
    fn what_is_not_made_like_a_stack_is_none() {
        let thread = 0x7f00_007f_0008;
        for (what, part, other) in [
            ("a guard of two pages", "7f0000000000-7f0000001000", "7effffffffff000-7f0000001000"),
            (
                "a guard that can be read",
                "---p 00000000 00:00 0\n7f0000001000",
                "r--p 00000000 00:00 0\n7f0000001000",
            ),
            ("code", "7f0000800000 rw-p", "7f0000800000 rwxp"),
            ("shared", "7f0000800000 rw-p", "7f0000800000 rw-s"),
            ("a heap of another size", "7f0000001000-7f0000800000", "7f0000001000-7f00007f8000"),
        ] {
            let text = MAPS.replacen(part, other, 1);
            assert_ne!(text, MAPS, "{what}");
            assert_eq!(found(&text, &[thread]), [], "{what}");
        }
    }

    #[test]
    fn waiting_threads_say_where_they_are() {
        let pointer = Some(0x7ffd_5a5a_9b48);
        assert_eq!(stack_pointer("0 0x3 0x1 0x0 0x0 0x0 0x0 0x7ffd5a5a9b48 0x7f1c\n"), pointer);
        assert_eq!(stack_pointer("-1 0x7ffd5a5a9b48 0x7f1c\n"), pointer);
        assert_eq!(
            stack_pointer("running\n").or(stack_pointer("")).or(stack_pointer("1 2 3")),
            None
        );
    }

    /// A thread that waits has a stack of which the most is dead, and what it holds is not.
    #[test]
    fn own_stacks_are_understood() {
        let (told, heard) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let local = std::hint::black_box(7_u64);
            let _ = told.send(std::ptr::from_ref(&local) as u64);
            let _ = ended.recv();
            std::hint::black_box(local)
        });
        let local = heard.recv().expect("an address");
        let process = super::super::Process::open(std::process::id()).expect("this process");
        let pages = Pages::open(&process).expect("its pages");
        let is_there = |dead: &Range<u64>| dead.end <= local && local - dead.end < 1 << 20;
        // It may not wait yet.
        let found = (0..10_000)
            .map(|_| pages.dead_stacks())
            .find(|dead| dead.iter().any(is_there))
            .unwrap_or_else(|| {
                panic!(
                    "{local:x} {:?} {}",
                    pages.dead_stacks(),
                    std::fs::read_to_string("/proc/self/maps").unwrap()
                )
            });
        assert!(found.iter().all(|dead| !dead.contains(&local)), "{found:x?}");
        drop(end);
        assert_eq!(thread.join().ok(), Some(7));
    }
}
