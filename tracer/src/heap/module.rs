//! Modules and what they are called.

use super::class::Kind;
use super::dict;
use super::edge;
use super::objects::Heap;
use super::view::{Object, View};
use crate::model::Address;
use crate::python::text;

/// The module objects of a heap, with their numbers.
pub fn all(heap: &Heap) -> impl Iterator<Item = (u32, Object)> + '_ {
    let objects = (0..).zip(heap.objects.iter());
    objects.filter(|(_, object)| heap.classes.get(object.class).kind == Kind::Module)
}

/// The name of a module: what its dict says, else the one that it was made with. Bokeh clears the
/// dicts of modules whose session has ended (`bokeh/document/modules.py`).
pub fn name(view: &View<'_>, module: Address) -> Option<String> {
    let says = edge::module_dict(view, module).and_then(|names| dict_name(view, names));
    says.or_else(|| {
        let made_as = edge::module_made_as(view, module)?;
        text::unicode(view.memory, view.layout, made_as).ok()
    })
}

/// `__name__` in the dict of a module.
pub fn dict_name(view: &View<'_>, names: Address) -> Option<String> {
    let name = dict::lookup(view, names, "__name__")?;
    text::unicode(view.memory, view.layout, name).ok()
}

/// The dict of every module of this name: each interpreter has its own.
pub fn called(view: &View<'_>, heap: &Heap, name: &str) -> Vec<Address> {
    let names = all(heap).filter_map(|(_, module)| edge::module_dict(view, module.address));
    names.filter(|names| dict_name(view, *names).as_deref() == Some(name)).collect()
}
