//! Names of threads, as the module `threading` has them.

use std::collections::HashMap;

use super::attribute::attribute;
use super::dict;
use super::edge;
use super::module;
use super::objects::Heap;
use super::roots::Named;
use super::view::View;
use crate::model::Address;
use crate::python::text;

/// Most threads that are asked.
const THREADS: usize = 1 << 14;
/// Characters of a name that are reported.
const SHOWN: usize = 40;

/// Puts the names of threads behind their numbers: `thread 4711 (worker), frame …`.
pub fn name_threads(view: &View<'_>, heap: &Heap, frames: &mut [Named]) {
    let names = names(view, heap);
    for frame in frames {
        if let Some((thread, rest)) = frame.name.split_once(',')
            && let Some(name) = frame.thread.and_then(|thread| names.get(&thread))
        {
            frame.name = format!("{thread} ({name}),{rest}");
        }
    }
}

/// Names by identifier (`threading.get_ident()`): `threading._active` has the threads that were
/// begun with that module.
fn names(view: &View<'_>, heap: &Heap) -> HashMap<u64, String> {
    let mut names = HashMap::new();
    for threading in module::called(view, heap, "threading") {
        let Some(active) = dict::lookup(view, threading, "_active") else { continue };
        dict::entries(view, active, &mut |key, thread| {
            let number = edge::int_value(view, key).and_then(|number| u64::try_from(number).ok());
            if let Some(number) = number
                && names.len() < THREADS
                && let Some(name) = name(view, heap, thread)
            {
                names.insert(number, name);
            }
        });
    }
    names
}

fn name(view: &View<'_>, heap: &Heap, thread: Address) -> Option<String> {
    let name = attribute(view, heap, thread, "_name")?;
    let name = text::unicode(view.memory, view.layout, name).ok()?;
    // What separates the parts of a root's name is not to be imitated.
    let harmless = |letter: char| if ",()".contains(letter) { '_' } else { letter };
    let mut shown: String = name.chars().take(SHOWN).map(harmless).collect();
    if name.chars().count() > SHOWN {
        shown.push('…');
    }
    Some(shown)
}
