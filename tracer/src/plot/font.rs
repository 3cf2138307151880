//! Letters: a font of our own, so that pictures look the same on a machine without any, and how
//! much room text takes.
//!
//! Noto Sans (Google, SIL Open Font License 1.1).

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// What an SVG asks for; also the name under which our font is known to plotters.
const FAMILY: &str = "Noto Sans, Helvetica, Arial, sans-serif";

/// Height of a line over the size of its letters in Noto Sans (`hhea`: 1069 + 293 of 1000), which
/// is what plotters' bitmaps take for the size of a font.
pub const BITMAP_SIZE: f64 = 1.362;

/// What plotters takes for the same ratio in SVG.
pub const SVG_SIZE: f64 = 1.24;

/// A browser may have to take another font, and most are a little wider or narrower.
const OTHER_FONTS: f64 = 1.12;

/// Longer text is cut before it is measured.
const LONGEST: usize = 400;

/// The font at a size in the units of one of the constants above.
pub fn font(size: f64, bold: bool) -> FontDesc<'static> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        [(FontStyle::Normal, notosans::REGULAR_TTF), (FontStyle::Bold, notosans::BOLD_TTF)]
            .into_iter()
            .all(|(style, bytes)| register_font(FAMILY, style, bytes).is_ok())
    });
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

/// Pixels that `text` needs with letters of size `em`, whatever font draws it.
pub fn width(text: &str, em: f64, bold: bool) -> f64 {
    // Whole pixels are all that plotters measures in: measure large.
    const LARGE: f64 = 200.0;
    let measured = font(LARGE * BITMAP_SIZE, bold)
        .layout_box(text)
        .map_or(0.0, |((left, _), (right, _))| f64::from(right - left));
    // Letters that the font lacks may be twice as wide as its box for them.
    let wide = text.chars().filter(|c| *c >= '\u{1100}' && !"…−±–—’“”".contains(*c)).count();
    (measured / LARGE + 0.6 * wide as f64) * em * OTHER_FONTS
}

/// `text` as it fits into `room` pixels: its middle left out, because a name begins with the
/// function and ends with the line.
pub fn fit(text: &str, em: f64, room: f64) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= LONGEST && width(text, em, false) <= room {
        return text.to_owned();
    }
    let cut = |keep: usize| {
        let head = keep - keep / 2;
        let tail = letters.len() - keep / 2;
        let (head, tail) = (&letters[..head], &letters[tail..]);
        head.iter().chain(&['…']).chain(tail).collect::<String>()
    };
    let (mut fits, mut too_long) = (0, letters.len().min(LONGEST));
    while too_long - fits > 1 {
        let middle = fits.midpoint(too_long);
        if width(&cut(middle), em, false) <= room {
            fits = middle;
        } else {
            too_long = middle;
        }
    }
    if fits == 0 { String::new() } else { cut(fits) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_font_is_there() {
        assert!(width("iiii", 13.0, false) > 10.0);
        assert!(width("mmmm", 13.0, false) > width("iiii", 13.0, false));
        assert!(width("mmmm", 13.0, true) > width("mmmm", 13.0, false));
    }

    #[test]
    fn long_names_lose_their_middle() {
        let long = "a_function_with_a_very_long_name_indeed (application.py:1234)";
        let cut = fit(long, 13.0, 200.0);
        assert!(cut.starts_with("a_func") && cut.ends_with(":1234)") && cut.contains('…'), "{cut}");
        assert_eq!(fit("short", 13.0, 200.0), "short");
        assert_eq!(fit("short", 13.0, 0.0), "");
    }

    proptest! {
        #[test]
        fn what_was_fitted_fits(text in ".{0,500}", room in 0.0..500.0) {
            prop_assert!(width(&fit(&text, 13.0, room), 13.0, false) <= room);
        }
    }
}
