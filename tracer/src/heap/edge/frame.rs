//! What frames, and generators with theirs, refer to.

use super::{Edge, EdgeLabel, Reader};
use crate::heap::class::{Class, Kind};
use crate::heap::layout::{GeneratorFrame, Top, VariableNames};
use crate::heap::view::View;
use crate::model::Address;
use crate::python::text;

/// Most variables and stack entries of a frame.
const MOST: u64 = 1 << 16;
/// Bits of a reference that are tags (3.14 on).
const TAGS: u64 = 3;
/// A word with this tag is a number (`Py_INT_TAG`).
const NUMBER: u64 = 3;
/// Names of variables, as long as there are so many.
const NAMED: u64 = 1 << 16;
/// `PyFrameObject.f_frame` (3.11 on)
const FRAME_OF_OBJECT: u64 = 24;
/// `_PyInterpreterFrame.owner` says that a frame lies in its frame object.
const OWNED_BY_OBJECT: u8 = 2;

impl Reader<'_, '_> {
    pub(super) fn frame_object(&mut self) {
        self.fields(self.view.objects.frame_object);
        match self.view.objects.code.names {
            VariableNames::Apart { .. } => self.frame(self.object),
            VariableNames::Together { .. } => {
                // The frame of a running thread is reported as a root, that of a generator by the
                // generator.
                let frame = self.view.word(self.object, FRAME_OF_OBJECT).map(Address);
                if let Some(frame) = frame.filter(|frame| is_owned(self.view, *frame)) {
                    self.frame(frame);
                }
            }
        }
    }

    pub(super) fn generator(&mut self) {
        let generator = self.view.objects.generator;
        // Coroutines share their struct with generators, in which nobody writes this field (`make_gen`).
        let is_there = |name| name != "cr_origin" || &*self.class.name != "generator";
        for &(name, offset) in generator.fields.iter().filter(|(name, _)| is_there(*name)) {
            self.word(offset.into(), EdgeLabel::Field(name));
        }
        if let GeneratorFrame::Embedded { frame, state, done } = generator.frame {
            let now = self.object.offset(state.into()).and_then(|at| self.view.memory.u8(at));
            let frame = self.object.offset(frame.into());
            match (now, frame) {
                (Some(now), Some(frame)) if now.cast_signed() < done => self.frame(frame),
                // It keeps its code to the end (`gen_traverse`).
                (Some(_), Some(frame)) if self.view.objects.minor >= 14 => {
                    if let Some(code) = code_of(self.view, frame) {
                        self.tell(code.0, EdgeLabel::Field("gi_code"));
                    }
                }
                _ => {}
            }
        }
    }

    /// A frame, whatever it lies in.
    fn frame(&mut self, frame: Address) {
        let layout = &self.view.objects.frame;
        for &(name, offset) in layout.fields {
            match self.view.word(frame, offset.into()) {
                Some(word) => self.tagged(word, EdgeLabel::Field(name)),
                None => self.left_out += 1,
            }
        }
        let Some(code) = code_of(self.view, frame) else { return };
        let Some(extent) = Extent::read(self.view, frame, code) else {
            self.left_out += 1;
            return;
        };
        let Some(first) = frame.offset(layout.locals.into()) else { return };
        self.words(first, extent.certain + extent.possible, |reader, index, word| {
            let index32 = u32::try_from(index).unwrap_or(u32::MAX);
            match index < extent.certain {
                true => reader.tagged(word, EdgeLabel::Local { code, index: index32 }),
                false => reader.tagged(word, EdgeLabel::Stack),
            }
        });
    }

    fn tagged(&mut self, word: u64, label: EdgeLabel) {
        if self.view.layout.frame.code_tag_mask == 0 {
            self.tell(word, label);
        } else if word & TAGS != NUMBER {
            self.tell(word & !TAGS, label);
        }
    }
}

fn is_owned(view: &View<'_>, frame: Address) -> bool {
    let owner = match view.layout.frame.entry {
        crate::python::layout::Entry::Owner(owner) => owner.read(view.memory, frame),
        // 3.11 has it behind `is_entry`.
        crate::python::layout::Entry::Flag(flag) => {
            flag.of(frame).and_then(|at| at.offset(1)).and_then(|at| view.memory.u8(at))
        }
        crate::python::layout::Entry::Each => None,
    };
    owner == Some(OWNED_BY_OBJECT)
}

/// How many words of a frame are references, and how many more may be.
struct Extent {
    certain: u64,
    possible: u64,
}

impl Extent {
    fn read(view: &View<'_>, frame: Address, code: Address) -> Option<Self> {
        let layout = &view.objects;
        let variables = variables(view, code)?;
        let stack =
            u64::from(view.memory.u32(code.offset(layout.code.stack_size.into())?)?).min(MOST);
        let first = frame.offset(layout.frame.locals.into())?;
        let below = match layout.frame.top {
            Top::Pointer(top) => {
                let top = view.word(frame, top.into())?;
                top.checked_sub(first.0).map(|bytes| bytes / 8)
            }
            Top::Depth(depth) => {
                let depth = view.memory.u32(frame.offset(depth.into())?)?.cast_signed();
                u64::try_from(depth).ok().map(|depth| variables + depth)
            }
            Top::Index(top) => {
                let top = view.memory.u32(frame.offset(top.into())?)?.cast_signed();
                u64::try_from(top).ok()
            }
        };
        // A running frame does not say where its stack ends.
        Some(match below.filter(|below| (variables..=variables + stack).contains(below)) {
            Some(below) => Self { certain: below, possible: 0 },
            None => Self { certain: variables, possible: stack },
        })
    }
}

fn code_of(view: &View<'_>, frame: Address) -> Option<Address> {
    let code = view.layout.frame.code.read(view.memory, frame)?;
    Some(Address(code.0 & !u64::from(view.layout.frame.code_tag_mask)))
        .filter(|code| !code.is_null())
}

/// Variables of a code object.
fn variables(view: &View<'_>, code: Address) -> Option<u64> {
    let count = match view.objects.code.names {
        VariableNames::Apart { locals, cells, free } => [locals, cells, free]
            .into_iter()
            .try_fold(0_u64, |sum, tuple| sum.checked_add(tuple_length(view, code, tuple)?))?,
        VariableNames::Together { count, .. } => {
            view.memory.u32(code.offset(count.into())?)?.into()
        }
    };
    (count <= MOST).then_some(count)
}

fn tuple_length(view: &View<'_>, code: Address, field: u16) -> Option<u64> {
    let tuple = Address(view.word(code, field.into())?);
    view.word(tuple, 16).filter(|length| *length <= NAMED)
}

fn tuple_text(view: &View<'_>, code: Address, field: u16, index: u64) -> Option<String> {
    let tuple = Address(view.word(code, field.into())?);
    let length = view.word(tuple, 16).filter(|length| *length <= NAMED && index < *length);
    length?;
    let item = view.word(tuple, u64::from(view.objects.tuple_items) + 8 * index)?;
    text::unicode(view.memory, view.layout, Address(item)).ok()
}

/// Words that a frame of a code object has room for: variables and stack.
pub fn frame_room(view: &View<'_>, code: Address) -> Option<u64> {
    let stack = view.memory.u32(code.offset(view.objects.code.stack_size.into())?)?;
    variables(view, code)?.checked_add(u64::from(stack).min(MOST))
}

/// Tells `out` what a running frame refers to: `_PyInterpreterFrame` (3.11 on) or `PyFrameObject`.
pub fn frame_locals(view: &View<'_>, frame: Address, out: &mut dyn FnMut(Edge)) {
    // Which class it is does not matter here.
    let class = Class::nothing();
    Reader { view, object: frame, class: &class, out, left_out: 0 }.frame(frame);
}

/// The name of a local variable of a code object, by its index; `None` for what is on the
/// evaluation stack.
pub fn local_name(view: &View<'_>, code: Address, index: u32) -> Option<String> {
    let mut index = u64::from(index);
    match view.objects.code.names {
        VariableNames::Together { names, .. } => tuple_text(view, code, names, index),
        VariableNames::Apart { locals, cells, free } => {
            for tuple in [locals, cells, free] {
                let length = tuple_length(view, code, tuple)?;
                if index < length {
                    return tuple_text(view, code, tuple, index);
                }
                index -= length;
            }
            None
        }
    }
}

/// The name of a variable that a closure has from around it (`co_freevars`), by its index.
pub fn free_variable(view: &View<'_>, code: Address, index: u32) -> Option<String> {
    match view.objects.code.names {
        VariableNames::Apart { free, .. } => tuple_text(view, code, free, index.into()),
        VariableNames::Together { names, count, free } => {
            let word = |field: u16| view.memory.u32(code.offset(field.into())?);
            let first = word(count)?.checked_sub(word(free)?)?;
            tuple_text(view, code, names, u64::from(first.checked_add(index)?))
        }
    }
}

/// The code that a frame runs.
pub fn code_of_frame(view: &View<'_>, frame: Address) -> Option<Address> {
    code_of(view, frame)
}

/// The code of a frame object or a generator.
pub fn frame_code(view: &View<'_>, object: Address, class: &Class) -> Option<Address> {
    code_of(view, frame_of(view, object, class)?)
}

/// The frame of a frame object or of a generator that has not ended.
pub fn frame_of(view: &View<'_>, object: Address, class: &Class) -> Option<Address> {
    let frame = match (class.kind, view.objects.generator.frame) {
        (Kind::Generator, GeneratorFrame::Object { frame }) => {
            Address(view.word(object, frame.into())?)
        }
        (Kind::Generator, GeneratorFrame::Embedded { frame, .. }) => object.offset(frame.into())?,
        (_, GeneratorFrame::Object { .. }) => object,
        (_, GeneratorFrame::Embedded { .. }) => Address(view.word(object, FRAME_OF_OBJECT)?),
    };
    Some(frame).filter(|frame| !frame.is_null())
}

/// What is on top of the evaluation stack of a frame that does not run: what a coroutine awaits.
pub fn frame_top(view: &View<'_>, frame: Address) -> Option<Address> {
    let code = code_of(view, frame)?;
    let extent = Extent::read(view, frame, code).filter(|extent| extent.possible == 0)?;
    let variables = variables(view, code)?;
    let top = extent.certain.checked_sub(1).filter(|top| *top >= variables)?;
    let word = view.word(frame, u64::from(view.objects.frame.locals) + 8 * top)?;
    let is_tagged = view.layout.frame.code_tag_mask != 0;
    match is_tagged {
        true => Some(Address(word & !TAGS)).filter(|_| word & TAGS != NUMBER),
        false => Some(Address(word)),
    }
    .filter(|top| !top.is_null())
}

/// Whether a generator or coroutine has returned or was closed.
pub fn is_finished(view: &View<'_>, generator: Address) -> Option<bool> {
    match view.objects.generator.frame {
        GeneratorFrame::Object { frame } => Some(view.word(generator, frame.into())? == 0),
        GeneratorFrame::Embedded { state, done, .. } => {
            let state = view.memory.u8(generator.offset(state.into())?)?;
            Some(state.cast_signed() >= done)
        }
    }
}
