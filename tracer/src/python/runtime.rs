//! Interpreters and thread states of a running CPython.

use std::collections::HashSet;

use super::layout::Layout;
use crate::model::{Address, Memory};

/// Interpreters that are followed. More than this is not a list but nonsense.
const MAX_INTERPRETERS: usize = 4096;
/// Thread states that are followed, over all interpreters.
const MAX_THREADS: usize = 65_536;

/// One `PyThreadState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadState {
    /// Where it is.
    pub address: Address,
    /// Its `PyInterpreterState`.
    pub interpreter: Address,
    /// `thread_id`: the thread's fsbase (glibc and musl, x86-64), or 0 before the thread has begun.
    pub thread_id: u64,
    /// Thread id in the target's own pid namespace (3.11 on).
    pub native_thread_id: Option<u64>,
}

/// Why the lists could not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Memory that should hold a list element cannot be read.
    #[error("its {list} list leads to {address}, which cannot be read")]
    Unreadable {
        /// Which list.
        list: &'static str,
        /// Where it leads.
        address: Address,
    },
    /// A list that leads back into itself or never ends.
    #[error("its {list} list has no end (again at {address})")]
    Endless {
        /// Which list.
        list: &'static str,
        /// Where it was given up.
        address: Address,
    },
    /// A thread state that does not know the interpreter that lists it.
    #[error("its thread state {thread} belongs to {interpreter}, which does not list it")]
    Stranger {
        /// The thread state.
        thread: Address,
        /// What it gives for its interpreter.
        interpreter: Address,
    },
    /// Nothing there.
    #[error("its {list} list is empty (it is starting or stopping)")]
    Empty {
        /// Which list.
        list: &'static str,
    },
}

/// Every `PyInterpreterState`, newest first; `head` is the address of the pointer to the first.
pub fn interpreters(
    memory: &dyn Memory,
    layout: &Layout,
    head: Address,
) -> Result<Vec<Address>, Broken> {
    const LIST: &str = "interpreter";
    let unreadable = |address| Broken::Unreadable { list: LIST, address };
    let mut list = List::new(LIST, MAX_INTERPRETERS);
    let mut next = memory.pointer(head).ok_or(unreadable(head))?;
    while !next.is_null() {
        list.push(next)?;
        next = layout.interpreter.next.read(memory, next).ok_or(unreadable(next))?;
    }
    list.finish()
}

/// Every thread state of `interpreters`.
pub fn threads(
    memory: &dyn Memory,
    layout: &Layout,
    interpreters: &[Address],
) -> Result<Vec<ThreadState>, Broken> {
    const LIST: &str = "thread";
    let unreadable = |address| Broken::Unreadable { list: LIST, address };
    let mut list = List::new(LIST, MAX_THREADS);
    let mut threads = Vec::new();
    for &interpreter in interpreters {
        let heads = layout.interpreter.threads_head;
        let mut next = heads.read(memory, interpreter).ok_or(unreadable(interpreter))?;
        while !next.is_null() {
            list.push(next)?;
            let thread = thread(memory, layout, next).ok_or(unreadable(next))?;
            if thread.interpreter != interpreter {
                let interpreter = thread.interpreter;
                return Err(Broken::Stranger { thread: next, interpreter });
            }
            threads.push(thread);
            next = layout.thread.next.read(memory, next).ok_or(unreadable(next))?;
        }
    }
    list.finish().map(|_| threads)
}

fn thread(memory: &dyn Memory, layout: &Layout, address: Address) -> Option<ThreadState> {
    let native_thread_id = match layout.thread.native_thread_id {
        Some(field) => Some(field.read(memory, address)?),
        None => None,
    };
    Some(ThreadState {
        address,
        interpreter: layout.thread.interpreter.read(memory, address)?,
        thread_id: layout.thread.thread_id.read(memory, address)?,
        native_thread_id,
    })
}

/// A linked list as far as it was followed.
struct List {
    name: &'static str,
    limit: usize,
    seen: HashSet<Address>,
    order: Vec<Address>,
}

impl List {
    fn new(name: &'static str, limit: usize) -> Self {
        Self { name, limit, seen: HashSet::new(), order: Vec::new() }
    }

    fn push(&mut self, address: Address) -> Result<(), Broken> {
        if self.order.len() == self.limit || !self.seen.insert(address) {
            return Err(Broken::Endless { list: self.name, address });
        }
        self.order.push(address);
        Ok(())
    }

    fn finish(self) -> Result<Vec<Address>, Broken> {
        if self.order.is_empty() {
            return Err(Broken::Empty { list: self.name });
        }
        Ok(self.order)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Broken, interpreters, threads};
    use crate::model::{Address, Memory};
    use crate::python::layout::table::CPYTHON_3_8;

    /// Words by address; everything near them reads as zero.
    struct MemoryWords(HashMap<u64, u64>);

    impl Memory for MemoryWords {
        fn read(&self, address: Address, into: &mut [u8]) -> bool {
            if address.0 < 0x1000 || address.0 >= 0x10_000 || into.len() != 8 {
                return false;
            }
            into.copy_from_slice(&self.0.get(&address.0).copied().unwrap_or(0).to_le_bytes());
            true
        }
    }

    /// 0x1000 → interpreters 0x2000 → 0x3000; threads 0x4000 → 0x5000 of the first, 0x6000 of the
    /// second.
    fn process() -> HashMap<u64, u64> {
        HashMap::from([
            (0x1000, 0x2000),
            (0x2000, 0x3000),
            (0x2008, 0x4000),
            (0x3008, 0x6000),
            (0x4008, 0x5000),
            (0x4010, 0x2000),
            (0x5010, 0x2000),
            (0x6010, 0x3000),
            (0x40b0, 0x7f00),
        ])
    }

    fn walk(words: HashMap<u64, u64>) -> Result<Vec<u64>, Broken> {
        let memory = MemoryWords(words);
        let found = interpreters(&memory, &CPYTHON_3_8, Address(0x1000))?;
        let threads = threads(&memory, &CPYTHON_3_8, &found)?;
        assert_eq!(threads[0].thread_id, 0x7f00);
        Ok(threads.iter().map(|thread| thread.address.0).collect())
    }

    #[test]
    fn every_thread_of_every_interpreter_is_listed() {
        assert_eq!(walk(process()), Ok(vec![0x4000, 0x5000, 0x6000]));
    }

    #[test]
    fn a_list_that_bites_its_tail_is_refused() {
        let mut words = process();
        words.insert(0x5008, 0x4000);
        assert_eq!(walk(words), Err(Broken::Endless { list: "thread", address: Address(0x4000) }));
        let mut words = process();
        words.insert(0x3000, 0x2000);
        let again = Broken::Endless { list: "interpreter", address: Address(0x2000) };
        assert_eq!(walk(words), Err(again));
    }

    /// Every word is the address 4 KiB further on.
    struct Endless;

    impl Memory for Endless {
        fn read(&self, address: Address, into: &mut [u8]) -> bool {
            into.copy_from_slice(&(address.0 + 0x1000).to_le_bytes()[..into.len()]);
            true
        }
    }

    #[test]
    fn a_list_without_an_end_is_given_up() {
        let found = interpreters(&Endless, &CPYTHON_3_8, Address(0x1000));
        let address = Address(0x1000 * (2 + 4096));
        assert_eq!(found, Err(Broken::Endless { list: "interpreter", address }));
    }

    #[test]
    fn a_list_that_leads_nowhere_is_refused() {
        let mut words = process();
        words.insert(0x5008, 0xdead_0000);
        let nowhere = Broken::Unreadable { list: "thread", address: Address(0xdead_0000) };
        assert_eq!(walk(words), Err(nowhere));
        assert_eq!(walk(HashMap::new()), Err(Broken::Empty { list: "interpreter" }));
    }

    #[test]
    fn a_thread_of_another_interpreter_is_refused() {
        let mut words = process();
        words.insert(0x6010, 0x2000);
        let stranger = Broken::Stranger { thread: Address(0x6000), interpreter: Address(0x2000) };
        assert_eq!(walk(words), Err(stranger));
    }
}
