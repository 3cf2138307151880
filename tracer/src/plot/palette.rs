//! Colours that people with any kind of sight, and a grey printer, can tell apart.
//!
//! Okabe and Ito, "Color Universal Design", 2008.

use super::scene::Paint;

const fn opaque(red: u8, green: u8, blue: u8) -> Paint {
    Paint { rgb: (red, green, blue), alpha: 1.0 }
}

/// Letters and axes.
pub const INK: Paint = opaque(0x22, 0x22, 0x22);
/// What stands back.
pub const GREY: Paint = opaque(0x66, 0x66, 0x66);
/// Lines of the grid.
pub const GRID: Paint = opaque(0xe4, 0xe4, 0xe4);
/// Paper.
pub const WHITE: Paint = opaque(0xff, 0xff, 0xff);

pub const ORANGE: Paint = opaque(0xe6, 0x9f, 0x00);
pub const SKY: Paint = opaque(0x56, 0xb4, 0xe9);
pub const GREEN: Paint = opaque(0x00, 0x9e, 0x73);
pub const YELLOW: Paint = opaque(0xf0, 0xe4, 0x42);
pub const BLUE: Paint = opaque(0x00, 0x72, 0xb2);
pub const VERMILION: Paint = opaque(0xd5, 0x5e, 0x00);
pub const PURPLE: Paint = opaque(0xcc, 0x79, 0xa7);

/// For lines side by side, in this order.
pub const LINES: [Paint; 6] = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY];
