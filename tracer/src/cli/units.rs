//! Values with units, as people type them.

use std::time::Duration;

use crate::plot::{LARGEST, SMALLEST};
use crate::store::MAX_NAME;

/// Longest duration that is accepted: a hundred years, which every clock can add.
const MAX_SECONDS: f64 = 100.0 * 365.0 * 86_400.0;

/// `90s`, `10m`, `1h30m`, `1.5h`, `2d`, `250ms`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no length of time; try 90s, 10m or 1h30m");
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        seconds += number * unit_seconds(unit.trim()).ok_or_else(wrong)?;
        rest = after;
    }
    if seconds <= 0.0 || seconds > MAX_SECONDS {
        return Err(format!("`{text}` is too short or too long"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// `2%`, `0.5 %` or `0.02`: a share of a core, at most one.
pub fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.trim().strip_suffix('%') {
        Some(number) => (number.trim_end(), 0.01),
        None => (text.trim(), 1.0),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no share; try 2%"))?;
    let share = number * unit;
    if !(0.0..=1.0).contains(&share) || share == 0.0 {
        return Err(format!("`{text}` is no share of a core between 0 and 100%; try 2%"));
    }
    Ok(share)
}

/// A duration between savings: at least a tenth of a second, because each one is a transaction.
pub fn tick(text: &str) -> Result<Duration, String> {
    let tick = duration(text)?;
    if tick < Duration::from_millis(100) {
        return Err(format!("`{text}` is shorter than 100ms"));
    }
    Ok(tick)
}

/// Time from snapshot to snapshot: at least a second, because a snapshot reads all objects.
pub fn every(text: &str) -> Result<Duration, String> {
    let every = duration(text)?;
    if every < Duration::from_secs(1) {
        return Err(format!(
            "`{text}` is shorter than 1s, and a snapshot takes about as long; try 30s"
        ));
    }
    Ok(every)
}

/// When Python objects are counted during a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Never, and no other snapshot is taken of them.
    Off,
    /// From time to time.
    Every(Duration),
}

/// `off`, or as [`every`].
pub fn counting(text: &str) -> Result<Counting, String> {
    match text {
        "off" => Ok(Counting::Off),
        _ => every(text).map(Counting::Every),
    }
}

/// A number of rows, at least one.
pub fn rows(text: &str) -> Result<usize, String> {
    let wrong = |_| format!("`{text}` is no number of rows; try 20");
    match text.parse().map_err(wrong)? {
        0 => Err("0 rows would show nothing; try 20".to_owned()),
        rows => Ok(rows),
    }
}

/// Longest name of a type, a module or an address that can be asked for, bytes.
const LONGEST_SUBJECT: usize = 1_000;

/// Something to ask `who` for: a name or an address.
///
/// A line of a log is understood as well, if Python has described a module or an object in it.
pub fn subject(text: &str) -> Result<String, String> {
    let text = described(text).unwrap_or(text).trim();
    if text.is_empty() {
        return Err("name a type, a module, or the address of an object".to_owned());
    }
    if text.len() > LONGEST_SUBJECT {
        return Err(format!("the name is longer than {LONGEST_SUBJECT} bytes"));
    }
    let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
        return Ok(text.to_owned());
    };
    match u64::from_str_radix(digits, 16) {
        Ok(address) => Ok(format!("{address:#x}")),
        Err(_) => {
            Err(format!("`{text}` is no address; copy one from a report, such as 0x7f21c40a5d90"))
        }
    }
}

/// The module or the address in what `repr` says of an object: `<module 'NAME' from …>`,
/// `<x.Y object at 0x…>`, `<cell at 0x…: module object at 0x…>`, anywhere in a line.
fn described(text: &str) -> Option<&str> {
    if let Some((_, rest)) = text.split_once("<module '") {
        return rest.split_once('\'').map(|(name, _)| name);
    }
    let found = [" object at 0x", " at 0x"].iter().find_map(|words| {
        let begin = text.find(words)? + words.len();
        Some(begin - "0x".len())
    })?;
    let (address, digits) = (&text[found..], &text[found + "0x".len()..]);
    let end = digits.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(digits.len());
    address.get(.."0x".len() + end)
}

/// The name of a moment: something, and not a story.
pub fn mark(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("a mark needs a name".to_owned());
    }
    if text.len() > MAX_NAME {
        return Err(format!("a mark's name is longer than {MAX_NAME} bytes"));
    }
    Ok(text.to_owned())
}

/// The size of a picture in pixels: `1200x700`.
pub fn picture_size(text: &str) -> Result<(u32, u32), String> {
    let ((least_width, least_height), (most_width, most_height)) = (SMALLEST, LARGEST);
    let wrong = || {
        format!(
            "`{text}` is no size of a picture; try 1200x700, from {least_width}x{least_height} to \
             {most_width}x{most_height}"
        )
    };
    let (width, height) = text.split_once(['x', 'X', '×']).ok_or_else(wrong)?;
    let number = |digits: &str| digits.trim().parse::<u32>().map_err(|_| wrong());
    let (width, height) = (number(width)?, number(height)?);
    let fits = (least_width..=most_width).contains(&width)
        && (least_height..=most_height).contains(&height);
    if fits { Ok((width, height)) } else { Err(wrong()) }
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 0.001,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

/// Bytes: `512M`, `2G`, `2GiB`; units are powers of 1024, a bare number is bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; try 512M or 2G");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "" | "B" => 1,
        "k" | "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1_u64 << 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

/// Room in a kernel map: `65536`, `64k`, `4M`, `64Ki`; between 64 and 256 million.
pub fn capacity(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no count; try 65536, 64k or 4M");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        _ => return Err(wrong()),
    };
    number
        .checked_mul(factor)
        .filter(|count| (64..=256_000_000).contains(count))
        .ok_or_else(|| format!("`{text}` is not between 64 and 256M"))
}

/// Growth as bytes per day: `256KiB/day`, `1MB/h`, `512/m`.
pub fn growth(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is no growth; try 256KiB/day or 1MiB/h");
    let (size, time) = text.split_once('/').ok_or_else(wrong)?;
    let seconds = match time.trim() {
        "hour" => 3_600.0,
        "day" => 86_400.0,
        "" => return Err(wrong()),
        unit => unit_seconds(unit).ok_or_else(wrong)?,
    };
    let per_day = size_bytes(size.trim()).ok_or_else(wrong)? * 86_400.0 / seconds;
    if per_day.is_finite() { Ok(per_day) } else { Err(wrong()) }
}

/// A size with a binary or a decimal unit.
fn size_bytes(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "k" | "K" | "Ki" | "KiB" => 1024.0,
        "M" | "Mi" | "MiB" => 1_048_576.0,
        "G" | "Gi" | "GiB" => 1_073_741_824.0,
        _ => return None,
    };
    Some(number * factor)
}

/// A pid or the name of a process.
pub fn target(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("give a pid, or the name of a process".to_owned());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.parse::<u32>().is_ok_and(|pid| pid > 0 && pid <= i32::MAX.unsigned_abs())
    {
        return Err(format!("`{text}` cannot be a pid"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_units() {
        let expected = [
            ("90", 90.0),
            ("90s", 90.0),
            ("10m", 600.0),
            ("10min", 600.0),
            ("1h30m", 5_400.0),
            ("1.5h", 5_400.0),
            ("2d", 172_800.0),
            ("250ms", 0.25),
            (" 1m 5s ", 65.0),
        ];
        for (text, seconds) in expected {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", " ", "0", "0s", "m", "10x", "-5s", "1e9", "1..5s", "9999999d", "5 m s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(tick("50ms").is_err());
        assert!(tick("100ms").is_ok());
    }

    #[test]
    fn lines_of_a_log_name_what_they_describe() {
        let bokeh = "2026-11-27 03:27:44,719 Module <module 'bokeh_app_46' from '/srv/app.py'> has extra unexpected \
                     referrers! Extra referrers: [<cell at 0x7f2477d17550: module object at 0x7f2477d2f420>]";
        for (line, said) in [
            (bokeh, "bokeh_app_46"),
            ("[<cell at 0x7f2477d17550: module object at 0x7f2477d2f420>]", "0x7f2477d2f420"),
            ("kept <x.Y object at 0x00AB> again", "0xab"),
            ("failed at noon: <function f at 0x7f00>", "0x7f00"),
            ("look at this", "look at this"),
        ] {
            assert_eq!(subject(line).as_deref(), Ok(said), "{line}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("0", 0), ("512M", 512 << 20), ("2GiB", 2 << 30), ("7k", 7168)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "2 G", "2GB", "99999999T"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn capacities_have_units() {
        let expected = [("65536", 65_536), ("64k", 64_000), ("64Ki", 65_536), ("4M", 4_000_000)];
        for (text, count) in expected {
            assert_eq!(capacity(text), Ok(count), "{text}");
        }
        for text in ["", "k", "1", "0", "-1", "5G", "99999999999", "4000M", "1.5M"] {
            assert!(capacity(text).is_err(), "{text}");
        }
    }

    #[test]
    fn growth_has_a_size_and_a_time() {
        let expected = [
            ("256KiB/day", 262_144.0),
            ("256KiB/d", 262_144.0),
            ("1MB/h", 24e6),
            ("1 MiB / hour", 25_165_824.0),
            ("512/m", 737_280.0),
            ("0/day", 0.0),
            ("1.5GB/d", 1.5e9),
        ];
        for (text, per_day) in expected {
            assert_eq!(growth(text), Ok(per_day), "{text}");
        }
        for text in ["", "/", "1MiB", "1MiB/", "/day", "-1/day", "1/year", "1XB/day", "1/day/day"] {
            assert!(growth(text).is_err(), "{text}");
        }
    }

    #[test]
    fn targets_are_pids_or_names() {
        for text in ["1", "4711", "gunicorn", "3d-server"] {
            assert_eq!(target(text).as_deref(), Ok(text));
        }
        for text in ["", "0", "99999999999", "4294967295"] {
            assert!(target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_two_sides() {
        assert_eq!(picture_size("1200x700"), Ok((1_200, 700)));
        assert_eq!(picture_size("800X600"), Ok((800, 600)));
        for text in ["", "x", "1200", "1200x", "10x10", "1200x-7", "99999x700", "1x2x3"] {
            assert!(picture_size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_an_answer(text in ".{0,20}") {
            let _ = (every(&text), rows(&text), subject(&text));
            let _ = (duration(&text), capacity(&text), target(&text), growth(&text), picture_size(&text), picture_size(&text));
        }
    }
}
