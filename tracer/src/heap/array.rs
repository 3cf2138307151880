//! Arrays of numpy: what they are of, and their shape (`PyArrayObject_fields` and `PyArray_Descr`
//! in `numpy/ndarraytypes.h`, numpy 1.7 to 2).

use super::blocks::fitting;
use super::view::View;
use crate::model::Address;

/// Most axes of an array (`NPY_MAXDIMS` of numpy 2).
const AXES: u32 = 64;

/// What an array says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// Kind of its items, a letter: `f` for floats.
    pub kind: u8,
    /// Bytes of an item; 0 where that makes no sense.
    pub item: u64,
    /// Items along each axis.
    pub shape: Vec<u64>,
    /// Data that is its own: where, and how many bytes.
    pub own: Option<(Address, u64)>,
}

impl Array {
    /// Reads it; `None` when there is none, or it has more axes than arrays have, or more data than is
    /// mapped.
    pub fn read(view: &View<'_>, object: Address) -> Option<Self> {
        const DIMENSIONS: u64 = 24;
        const SHAPE: u64 = 32;
        const DTYPE: u64 = 56;
        let axes = view.memory.u32(object.offset(DIMENSIONS)?)?;
        if axes > AXES {
            return None;
        }
        let shape = Address(view.word(object, SHAPE)?);
        let shape = (0..u64::from(axes)).map(|axis| view.word(shape, 8 * axis));
        let shape = shape.collect::<Option<Vec<u64>>>()?;
        let dtype = Address(view.word(object, DTYPE)?);
        let (kind, item) = (view.memory.u8(dtype.offset(24)?)?, item(view, dtype)?);
        if shape.iter().any(|axis| *axis > view.mapped.bytes()) {
            return None;
        }
        let own = match is_owner(view, object)? {
            true => Some(data(view, object, item, &shape)?),
            false => None,
        };
        Some(Self { kind, item, shape, own })
    }

    /// `float64 (1000, 50)`
    pub fn words(&self) -> String {
        let axes: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        let comma = if axes.len() == 1 { "," } else { "" };
        format!("{} ({}{comma})", self.item_words(), axes.join(", "))
    }

    fn item_words(&self) -> String {
        let bits = self.item.saturating_mul(8);
        match self.kind {
            b'b' => "bool".to_owned(),
            b'i' => format!("int{bits}"),
            b'u' => format!("uint{bits}"),
            b'f' => format!("float{bits}"),
            b'c' => format!("complex{bits}"),
            b'O' => "object".to_owned(),
            b'S' => format!("bytes of {}", self.item),
            b'U' => format!("str of {}", self.item / 4),
            b'M' => "datetime64".to_owned(),
            b'm' => "timedelta64".to_owned(),
            _ => format!("items of {} bytes", self.item),
        }
    }
}

/// Whether its data is its own (`NPY_ARRAY_OWNDATA`, and no `base`).
fn is_owner(view: &View<'_>, object: Address) -> Option<bool> {
    const BASE: u64 = 48;
    const FLAGS: u64 = 64;
    const OWNS: u32 = 4;
    let flags = view.memory.u32(object.offset(FLAGS)?)?;
    Some(flags & OWNS != 0 && view.word(object, BASE)? == 0)
}

/// Where its data is, and how many bytes.
fn data(view: &View<'_>, object: Address, item: u64, shape: &[u64]) -> Option<(Address, u64)> {
    const DATA: u64 = 16;
    let bytes = shape.iter().try_fold(item, |bytes, axis| bytes.checked_mul(*axis))?;
    let at = Address(view.word(object, DATA)?);
    Some((at, fitting(view, at, bytes)?))
}

/// `elsize` of a dtype. numpy 1 has it at 32 and an alignment behind it, in 32 bits each; numpy 2 has
/// flags there, which fit into 32 bits, and the size at 40.
fn item(view: &View<'_>, dtype: Address) -> Option<u64> {
    let word = view.word(dtype, 32)?;
    let size = if word >> 32 == 0 { view.word(dtype, 40)? } else { word & 0xffff_ffff };
    Some(if size < 1 << 20 { size } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_told_as_numpy_does() {
        let words = |kind, item, shape: &[u64]| {
            Array { kind, item, shape: shape.to_vec(), own: None }.words()
        };
        assert_eq!(words(b'f', 8, &[1000, 50]), "float64 (1000, 50)");
        assert_eq!(words(b'u', 1, &[7]), "uint8 (7,)");
        assert_eq!(words(b'U', 40, &[]), "str of 10 ()");
        assert_eq!(words(0xff, u64::MAX, &[2]), format!("items of {} bytes (2,)", u64::MAX));
    }
}
