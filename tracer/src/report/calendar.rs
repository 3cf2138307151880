//! Seconds since the epoch as a date and time of day, in UTC.

/// `2025-11-21 02:15:00 UTC`
pub fn utc(epoch_seconds: u64) -> String {
    let (year, month, day) = civil(epoch_seconds / 86_400);
    let (hour, minute, second) = time_of_day(epoch_seconds);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// `20251121T021500Z`, for file names.
pub fn compact_utc(epoch_seconds: u64) -> String {
    let (year, month, day) = civil(epoch_seconds / 86_400);
    let (hour, minute, second) = time_of_day(epoch_seconds);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// `02:15 UTC`
pub fn clock(epoch_seconds: u64) -> String {
    let (hour, minute, _) = time_of_day(epoch_seconds);
    format!("{hour:02}:{minute:02} UTC")
}

/// `2025-11-21 02:15 UTC`
pub fn date_and_clock(epoch_seconds: u64) -> String {
    let (year, month, day) = civil(epoch_seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02} {}", clock(epoch_seconds))
}

fn time_of_day(epoch_seconds: u64) -> (u64, u64, u64) {
    let seconds = epoch_seconds % 86_400;
    (seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Year, month and day of the proleptic Gregorian calendar, from days since 1970-01-01.
/// Counts in years that begin in March, so that the leap day is the last; Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
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
        assert!(utc(u64::MAX).ends_with("UTC"));
    }
}
