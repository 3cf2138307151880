//! What a task of asyncio waits for: its coroutine, what that awaits, and so on, to what is no coroutine.

use super::class::{Class, Kind};
use super::edge;
use super::objects::Heap;
use super::roots::running;
use super::view::{Object, View};
use crate::model::Address;

/// Most coroutines of a chain that are followed.
const MOST: usize = 16;
/// Fields of what stands between a coroutine and what it awaits: `FutureIter.future`, `coroutine_wrapper.cw_coroutine`.
const BETWEEN: [&str; 2] = ["future", "cw_coroutine"];

/// What a heap is read with.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The heap's bytes.
    pub view: &'a View<'a>,
    /// The heap.
    pub heap: &'a Heap,
    /// `PyCode_Type`
    pub code_type: Address,
}

/// `job (app.py:30)`, `read (app.py:12)`, `_asyncio.Future`, of a task; `None` of what is none, or has ended.
pub fn chain(source: Source<'_>, task: Object, class: &Class) -> Option<Vec<String>> {
    let mut at = field(source, task.address, class, "_coro")?;
    let mut chain = Vec::new();
    while chain.len() < MOST {
        let Some(class) = class_at(source, at) else { break };
        let next = match class.kind {
            Kind::Generator => {
                let frame = edge::frame_of(source.view, at, class)
                    .filter(|_| edge::is_finished(source.view, at) != Some(true));
                let Some(frame) = frame else { break };
                chain.push(running(source.view, source.code_type, frame)?.notation());
                edge::frame_top(source.view, frame)
            }
            _ => BETWEEN.iter().find_map(|name| field(source, at, class, name)),
        };
        match next {
            Some(next) => at = next,
            None if class.kind == Kind::Generator => break,
            None => {
                chain.extend(is_awaited(class).then(|| class.name.clone()));
                break;
            }
        }
    }
    (!chain.is_empty()).then_some(chain)
}

/// Whether a coroutine waits for such objects: others lie on the stack of one that yields.
fn is_awaited(class: &Class) -> bool {
    let last = class.name.rsplit('.').next().unwrap_or_default();
    ["Future", "Task", "asend", "athrow"].iter().any(|name| last.contains(name))
}

/// What a field of an object refers to.
fn field(source: Source<'_>, object: Address, class: &Class, name: &str) -> Option<Address> {
    let slot = class.slots.iter().find(|slot| slot.1 == name)?;
    source.view.word(object, slot.0.into()).filter(|word| *word != 0).map(Address)
}

fn class_at<'a>(source: Source<'a>, object: Address) -> Option<&'a Class> {
    let class = source.view.word(object, 8).map(Address)?;
    Some(source.heap.classes.get(source.heap.classes.known(class)?))
}
