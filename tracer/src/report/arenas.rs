//! What Python's small-object allocator retains, in words.

use super::quantity::{bytes, counted, rough_percent};
use crate::model::ArenaUse;

/// `67.0 MiB in 81 of Python's arenas, of which objects use 13.0 MiB (16 %): 70 of them are used by less than a quarter,
/// 40.0 MiB are in empty pools`
pub fn free(arenas: &ArenaUse) -> String {
    let of = match arenas.arenas {
        0 => "Python's arenas".to_owned(),
        arenas => counted(arenas, "arena of Python", "arenas of Python"),
    };
    let text = format!(
        "{} in {of}, of which objects use {} ({})",
        bytes(arenas.retained_bytes()),
        bytes(arenas.used_bytes),
        rough_percent(share(arenas.used_bytes, arenas.bytes))
    );
    match arenas.arenas {
        0 => text,
        _ => format!(
            "{text}; {} of them are used by less than a quarter, {} are in pools without any object",
            arenas.sparse_arenas,
            bytes(arenas.empty_bytes)
        ),
    }
}

/// What would have to change.
pub const ADVICE: &str = "Python gives an arena back only when no object is left in it: make fewer small objects at a \
                          time (parse in parts), do such work in a process that ends, or recycle workers; with \
                          PYTHONMALLOC=malloc in its environment malloc has them, which can be trimmed";

#[expect(clippy::cast_precision_loss, reason = "shares are told roughly")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Arenas that are mostly empty, for tests.
#[cfg(test)]
pub fn sample() -> ArenaUse {
    ArenaUse {
        arenas: 81,
        sparse_arenas: 70,
        bytes: 80 << 20,
        used_bytes: 13 << 20,
        empty_bytes: 40 << 20,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retained_is_said() {
        let text = "67.0 MiB in 81 arenas of Python, of which objects use 13.0 MiB (16 %); 70 of them are used by less \
                    than a quarter, 40.0 MiB are in pools without any object";
        assert_eq!(free(&sample()), text);
        let earlier = ArenaUse { arenas: 0, sparse_arenas: 0, empty_bytes: 0, ..sample() };
        assert_eq!(
            free(&earlier),
            "67.0 MiB in Python's arenas, of which objects use 13.0 MiB (16 %)"
        );
    }
}
