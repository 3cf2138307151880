//! Strings and bytes objects, bounded.

use super::layout::Layout;
use crate::model::{Address, Memory, NoText};

/// Code points that are read of a string; longer ones are cut, and end in an ellipsis.
pub const MAX_CODE_POINTS: usize = 4096;
/// Bytes that are read of a bytes object. The largest line tables of generated modules come near a
/// mebibyte.
pub const MAX_BYTES: usize = 1 << 20;

/// No object has more elements than there are addresses.
const ABSURD: u64 = 1 << 47;
/// Step in which an object is read that was only saved in part.
const STEP: usize = 64;

/// The characters of the `str` at `object`. Lone surrogates, which file names that are not UTF-8
/// are full of, become U+FFFD, as do code points that do not exist.
///
/// `Include/cpython/unicodeobject.h`: the state word holds the kind (bytes per character) in bits 2
/// to 4, whether the characters follow the struct in bit 5, and whether all are ASCII in bit 6.
pub fn unicode(memory: &dyn Memory, layout: &Layout, object: Address) -> Result<String, NoText> {
    if object.is_null() {
        return Err(NoText::Null);
    }
    let unicode = &layout.unicode;
    let length = unicode.length.read(memory, object).ok_or(NoText::Unreadable)?;
    let state = unicode.state.read(memory, object).ok_or(NoText::Unreadable)?;
    let width = match state >> 2 & 7 {
        kind @ (1 | 2 | 4) => kind as usize,
        _ => return Err(NoText::NotText),
    };
    let (compact, ascii) = (state & 1 << 5 != 0, state & 1 << 6 != 0);
    if length > ABSURD || (ascii && width != 1) {
        return Err(NoText::NotText);
    }
    let data = match (compact, ascii) {
        (true, true) => object.offset(unicode.ascii_size.into()),
        (true, false) => object.offset(unicode.compact_size.into()),
        (false, _) => Some(unicode.data.read(memory, object).ok_or(NoText::Unreadable)?),
    };
    let data = data.ok_or(NoText::NotText)?;
    let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(MAX_CODE_POINTS);
    let bytes = part(memory, data, wanted * width);
    if bytes.len() < width && length > 0 {
        return Err(NoText::Unreadable);
    }
    let mut text: String = bytes.chunks_exact(width).map(character).collect();
    if ((bytes.len() / width) as u64) < length {
        text.push('…');
    }
    Ok(text)
}

fn character(bytes: &[u8]) -> char {
    let mut code_point = [0; 4];
    code_point[..bytes.len()].copy_from_slice(bytes);
    char::from_u32(u32::from_le_bytes(code_point)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The bytes of the `bytes` object at `object`, as many as there are up to [`MAX_BYTES`].
pub fn bytes(memory: &dyn Memory, layout: &Layout, object: Address) -> Result<Vec<u8>, NoText> {
    if object.is_null() {
        return Err(NoText::Null);
    }
    let length = layout.bytes.size.read(memory, object).ok_or(NoText::Unreadable)?;
    if length > ABSURD {
        return Err(NoText::NotText);
    }
    let data = object.offset(layout.bytes.data.into()).ok_or(NoText::NotText)?;
    let bytes = part(memory, data, usize::try_from(length).unwrap_or(usize::MAX).min(MAX_BYTES));
    if bytes.is_empty() && length > 0 {
        return Err(NoText::Unreadable);
    }
    Ok(bytes)
}

/// `wanted` bytes, or the part at the beginning that is there.
fn part(memory: &dyn Memory, address: Address, wanted: usize) -> Vec<u8> {
    if let Some(bytes) = memory.bytes(address, wanted) {
        return bytes;
    }
    let mut bytes = Vec::new();
    // What was saved of a dead object need not end at a step.
    for step in [STEP, 4] {
        while bytes.len() + step <= wanted {
            let at = address.offset(bytes.len() as u64);
            let Some(next) = at.and_then(|at| memory.bytes(at, step)) else { break };
            bytes.extend(next);
        }
    }
    bytes
}

#[cfg(test)]
mod tests;
