//! Attributes of instances by name, however they are kept.

use super::dict;
use super::edge::{self, EdgeLabel};
use super::objects::Heap;
use super::view::View;
use crate::model::Address;
use crate::python::text;

/// The value of an attribute of an instance.
pub fn attribute(view: &View<'_>, heap: &Heap, object: Address, name: &str) -> Option<Address> {
    let class = heap.classes.get(heap.objects.object(heap.objects.number(object)?).class);
    let in_dict =
        edge::attributes(view, object, class).and_then(|dict| dict::lookup(view, dict, name));
    if in_dict.is_some() {
        return in_dict;
    }
    let mut found = None;
    edge::edges(view, object, class, &mut |edge| {
        let is = match edge.label {
            EdgeLabel::Attribute { name: at } => {
                text::unicode(view.memory, view.layout, at).is_ok_and(|text| text == name)
            }
            EdgeLabel::Slot(slot) => {
                class.slots.get(slot as usize).is_some_and(|slot| slot.1 == name)
            }
            _ => false,
        };
        if is {
            found = Some(edge.to);
        }
    });
    found
}
