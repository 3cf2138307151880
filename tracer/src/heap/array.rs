//! Arrays of numpy: what they are of, and their shape (`PyArrayObject_fields` and `PyArray_Descr`
//! in `numpy/ndarraytypes.h`, numpy 1.7 to 2).

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
}

impl Array {
    /// Reads it; `None` when there is none, or it has more axes than arrays have.
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
        Some(Self { kind: view.memory.u8(dtype.offset(24)?)?, item: item(view, dtype)?, shape })
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

/// `elsize` of a dtype: 32 bits at 32 in numpy 1, a word at 40 in numpy 2.
fn item(view: &View<'_>, dtype: Address) -> Option<u64> {
    let old = u64::from(view.memory.u32(dtype.offset(32)?)?);
    let new = view.word(dtype, 40)?;
    [old, new].into_iter().find(|size| (1..1 << 20).contains(size)).or(Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_told_as_numpy_does() {
        let words = |kind, item, shape: &[u64]| Array { kind, item, shape: shape.to_vec() }.words();
        assert_eq!(words(b'f', 8, &[1000, 50]), "float64 (1000, 50)");
        assert_eq!(words(b'u', 1, &[7]), "uint8 (7,)");
        assert_eq!(words(b'U', 40, &[]), "str of 10 ()");
        assert_eq!(words(0xff, u64::MAX, &[2]), format!("items of {} bytes (2,)", u64::MAX));
    }
}
