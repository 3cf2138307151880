//! Seconds since the epoch as a date and time of day, in UTC.

use jiff::Timestamp;

/// `2025-11-21 02:15:00 UTC`
pub fn utc(epoch_seconds: u64) -> String {
    written(epoch_seconds, "%Y-%m-%d %H:%M:%S UTC")
}

/// `20251121T021500Z`, for file names.
pub fn compact_utc(epoch_seconds: u64) -> String {
    written(epoch_seconds, "%Y%m%dT%H%M%SZ")
}

/// `02:15 UTC`
pub fn clock(epoch_seconds: u64) -> String {
    written(epoch_seconds, "%H:%M UTC")
}

/// `2025-11-21 02:15 UTC`
pub fn date_and_clock(epoch_seconds: u64) -> String {
    written(epoch_seconds, "%Y-%m-%d %H:%M UTC")
}

/// What a damaged recording says of the years after 9999 is shown as the last moment of them.
fn written(epoch_seconds: u64, format: &str) -> String {
    let moment = i64::try_from(epoch_seconds).ok().and_then(|s| Timestamp::from_second(s).ok());
    moment.unwrap_or(Timestamp::MAX).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        let expected = [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (1_709_251_200, "2024-03-01 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ];
        for (seconds, text) in expected {
            assert_eq!(utc(seconds), text);
        }
        assert_eq!(compact_utc(1_709_251_199), "20240229T235959Z");
        assert_eq!(clock(1_709_251_199), "23:59 UTC");
        assert_eq!(date_and_clock(1_709_251_199), "2024-02-29 23:59 UTC");
    }

    #[test]
    fn any_number_is_some_date() {
        for seconds in [253_402_300_800, i64::MAX.unsigned_abs(), u64::MAX] {
            assert!(utc(seconds).starts_with("9999-12-"), "{}", utc(seconds));
        }
    }
}
