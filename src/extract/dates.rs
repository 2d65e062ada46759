//! Dates in every written form: 03/6/2013, 3-6-2013, ngày 27 tháng 5 năm 2019, tháng 10 năm 2023,
//! năm 2015.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    document::Span,
    shadow::{Key, Kind, Reader, Token},
};

/// A date as far as the text gives it; 0 for a part that is not given or left blank. It may be
/// impossible (31/02/2023): what is written is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartialDate {
    /// 1 to 9999, or 0.
    pub year: u16,
    /// 1 to 99 as written, or 0.
    pub month: u8,
    /// 1 to 99 as written, or 0.
    pub day: u8,
}

impl PartialDate {
    /// A date of these parts.
    pub const fn new(year: u16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }

    /// Whether year, month and day are all given.
    pub fn is_full(self) -> bool {
        self.year != 0 && self.month != 0 && self.day != 0
    }

    /// Whether the calendar has such a day (of a date that is full).
    pub fn exists(self) -> bool {
        self.year >= 1 && (1..=12).contains(&self.month) && (1..=days_in(self.year, self.month)).contains(&self.day)
    }

    /// Days since 1 January of the year 1, of a date that exists; for comparing dates.
    pub fn ordinal(self) -> Option<i32> {
        if !self.exists() {
            return None;
        }
        let year = i32::from(self.year) - 1;
        let before = year * 365 + year / 4 - year / 100 + year / 400;
        let months: i32 = (1..self.month).map(|month| i32::from(days_in(self.year, month))).sum();
        Some(before + months + i32::from(self.day) - 1)
    }

    /// The calendar day in Viet Nam, which keeps UTC+7 all year, at a moment from 1970 on.
    pub fn in_viet_nam(time: SystemTime) -> Self {
        const VIET_NAM: Duration = Duration::from_secs(7 * 60 * 60);
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default() + VIET_NAM;
        // Of the proleptic Gregorian calendar, by eras of 400 years that begin on 1 March.
        let days = since.as_secs() / (24 * 60 * 60) + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        // In range until the year 9999.
        Self::new(
            u16::try_from(year).unwrap_or(9999),
            u8::try_from(month).unwrap_or(12),
            u8::try_from(day).unwrap_or(31),
        )
    }
}

/// As in "YYYY-MM-DD".
impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A date and where it stands, from its first word or digit ("ngày", "03") to its last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateMention {
    /// The date.
    pub date: PartialDate,
    /// Where it stands.
    pub span: Span,
}

const DAY: Key = Key::new("ngày");
/// What scans make of "ngày"; taken for it before a full date only.
const MISREAD_DAY: [Key; 4] = [Key::new("ngay"), Key::new("ngảy"), Key::new("ngáy"), Key::new("ngây")];
const MONTH: Key = Key::new("tháng");
const YEAR: Key = Key::new("năm");

/// Parses the date that begins with the next token: 03/6/2013, 3-6-2013, 03.6.2013,
/// ngày 27 tháng 5 năm 2019, tháng 10/2023, năm 2015. What cannot be a date is none ("45/30/1"),
/// but an impossible day after "ngày" is kept as written ("ngày 31/02/2023").
pub fn parse(reader: &Reader<'_>, from: usize) -> Option<DateMention> {
    let first = reader.after(from);
    if first.is_number() {
        return numeric(reader, first, false, first.start());
    }
    if let Some(digits) = glued_day(reader, first) {
        return day_onward(reader, reader.after(digits), first.start());
    }
    match first.key {
        DAY => after_day_word(reader, first),
        key if MISREAD_DAY.contains(&key) => after_day_word(reader, first).filter(|found| found.date.is_full()),
        MONTH => month_and_year(reader, reader.next(first), 0, first.start()),
        YEAR => {
            let (year, end) = year(reader, reader.next(first))?;
            mention(year, 0, 0, first.start(), end)
        }
        _ => None,
    }
}

/// Parses the date of a masthead, whose day or month may be left blank: "ngày     tháng     năm 2024",
/// "ngày … tháng 6 năm 2024". Blanks are 0.
pub fn parse_with_blanks(reader: &Reader<'_>, from: usize) -> Option<DateMention> {
    if let Some(found) = parse(reader, from) {
        return Some(found);
    }
    let first = reader.after(from);
    if first.key != DAY {
        return None;
    }
    let (day, next) = number_or_blank(reader, first.end());
    if next.key != MONTH {
        return None;
    }
    let (month, next) = number_or_blank(reader, next.end());
    if next.key != YEAR {
        return None;
    }
    let (year, end) = match year(reader, reader.next(next)) {
        Some(found) => found,
        None => (0, next.end()),
    };
    mention(year, month, day, first.start(), end)
}

/// A number, or 0 for a blank of dots and spaces; and the token behind.
fn number_or_blank(reader: &Reader<'_>, from: usize) -> (u8, Token) {
    let mut token = reader.after(from);
    while matches!(token.kind, Kind::Mark('.' | '…' | '-')) {
        token = reader.next(token);
    }
    match small(reader, token) {
        Some(value) => (value, skip_comma(reader, token.end())),
        None => (0, token),
    }
}

/// Where the digits begin in "ngày26/5/2023", which lost its space.
fn glued_day(reader: &Reader<'_>, word: Token) -> Option<usize> {
    if !word.has_digits() {
        return None;
    }
    let text = reader.token(word);
    let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let glued = word.is_word() && letters.len() < text.len() && Key::new(letters) == DAY;
    glued.then(|| word.start() + letters.len())
}

/// What follows "ngày": 27 tháng 5 năm 2019, 27/5/2019, 27/5 năm 2019, 27/5.
fn after_day_word(reader: &Reader<'_>, word: Token) -> Option<DateMention> {
    day_onward(reader, reader.next(word), word.start())
}

fn day_onward(reader: &Reader<'_>, first: Token, start: usize) -> Option<DateMention> {
    let day = small(reader, first)?;
    let next = skip_comma(reader, first.end());
    if next.key == MONTH {
        return month_and_year(reader, reader.next(next), day, start);
    }
    numeric(reader, first, true, start)
}

/// What follows "tháng": 5 năm 2019, 5/2019.
fn month_and_year(reader: &Reader<'_>, first: Token, day: u8, start: usize) -> Option<DateMention> {
    let month = small(reader, first)?;
    let separator = skip_comma(reader, first.end());
    let next = if separator.key == YEAR || is_separator(separator) {
        reader.next(separator)
    } else {
        // "ngày 27 tháng 5" alone is a date of its own; "tháng 5" is none.
        return if day != 0 {
            mention(0, month, day, start, first.end())
        } else {
            None
        };
    };
    match year(reader, next) {
        Some((year, end)) => mention(year, month, day, start, end),
        None if day != 0 => mention(0, month, day, start, first.end()),
        None => None,
    }
}

/// 03/6/2013 from its first number on. `named`: behind "ngày", where day and month are taken as
/// written and the year may be missing.
fn numeric(reader: &Reader<'_>, first: Token, named: bool, start: usize) -> Option<DateMention> {
    let day = small(reader, first)?;
    let separator = reader.next(first);
    if !is_separator(separator) {
        return None;
    }
    let second = reader.next(separator);
    let month = small(reader, second)?;
    let plausible = (1..=31).contains(&day) && (1..=12).contains(&month);
    if !named && (!plausible || separator.spaced || second.spaced) {
        return None;
    }
    let separator = reader.next(second);
    let goes_on = is_separator(separator) || (named && separator.key == YEAR);
    let end = if goes_on {
        year(reader, reader.next(separator))
    } else {
        None
    };
    if let Some((year, end)) = end {
        return mention(year, month, day, start, end);
    }
    if named && plausible {
        mention(0, month, day, start, second.end())
    } else {
        None
    }
}

fn mention(year: u16, month: u8, day: u8, start: usize, end: usize) -> Option<DateMention> {
    Some(DateMention {
        date: PartialDate::new(year, month, day),
        span: Span::new(start, end),
    })
}

fn is_separator(token: Token) -> bool {
    matches!(token.kind, Kind::Mark('/' | '-' | '.'))
}

/// The next token, a comma passed over.
fn skip_comma(reader: &Reader<'_>, from: usize) -> Token {
    let token = reader.after(from);
    if token.is_mark(',') { reader.next(token) } else { token }
}

/// A day or month: one or two digits.
fn small(reader: &Reader<'_>, token: Token) -> Option<u8> {
    if token.is_number() && token.span.len() <= 2 {
        reader.token(token).parse().ok()
    } else {
        None
    }
}

/// A year of four digits, 1900 to 2199, and where it ends.
fn year(reader: &Reader<'_>, token: Token) -> Option<(u16, usize)> {
    if !token.is_number() || token.span.len() != 4 {
        return None;
    }
    let year = reader.token(token).parse().ok()?;
    (1900..2200).contains(&year).then_some((year, token.end()))
}

/// Number of days of a month, 1 to 12.
pub fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::Flow;

    fn read(text: &str) -> Option<(u16, u8, u8, String)> {
        let flow = Flow::default();
        let found = parse(&Reader::new(text, &flow), 0)?;
        let date = found.date;
        Some((date.year, date.month, date.day, found.span.of(text).to_owned()))
    }

    #[test]
    fn every_written_form() {
        for (text, year, month, day, span) in [
            ("03/6/2013 của", 2013, 6, 3, "03/6/2013"),
            ("3-6-2013", 2013, 6, 3, "3-6-2013"),
            ("03.6.2013.", 2013, 6, 3, "03.6.2013"),
            ("ngày 27 tháng 5 năm 2019", 2019, 5, 27, "ngày 27 tháng 5 năm 2019"),
            (
                "ngày 27, tháng 5, năm 2019 của",
                2019,
                5,
                27,
                "ngày 27, tháng 5, năm 2019",
            ),
            ("ngày 27 tháng 5/2019", 2019, 5, 27, "ngày 27 tháng 5/2019"),
            ("ngày 5/4 năm 2020", 2020, 4, 5, "ngày 5/4 năm 2020"),
            ("ngày 31/02/2023", 2023, 2, 31, "ngày 31/02/2023"),
            ("ngày 24 / 7 /2023", 2023, 7, 24, "ngày 24 / 7 /2023"),
            ("tháng 10 năm 2023,", 2023, 10, 0, "tháng 10 năm 2023"),
            ("tháng 10/2023", 2023, 10, 0, "tháng 10/2023"),
            ("năm 2015 cho", 2015, 0, 0, "năm 2015"),
            ("ngày 15/3 về", 0, 3, 15, "ngày 15/3"),
            ("ngày26/5/2023 về", 2023, 5, 26, "ngày26/5/2023"),
        ] {
            assert_eq!(read(text), Some((year, month, day, span.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "45/30/1",
            "226/226 xã",
            "12/13/2020",
            "năm 15",
            "tháng 10",
            "ngày càng",
            "10/10 huyện",
            "1.497/3.602",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn blanks_of_a_masthead() {
        let flow = Flow::default();
        for (text, year, month, day) in [
            ("ngày     tháng     năm 2024", 2024, 0, 0),
            ("ngày … tháng 6 năm 2024", 2024, 6, 0),
            ("ngày ..... tháng ..... năm 2024", 2024, 0, 0),
            ("ngày 7 tháng 6 năm 2024", 2024, 6, 7),
        ] {
            let found = parse_with_blanks(&Reader::new(text, &flow), 0).map(|found| found.date);
            assert_eq!(found, Some(PartialDate::new(year, month, day)), "{text}");
        }
    }

    #[test]
    fn days_turn_at_midnight_in_viet_nam() {
        for (seconds, date) in [
            (0, PartialDate::new(1970, 1, 1)),
            (951_782_400 - 7 * 3600 - 1, PartialDate::new(2000, 2, 28)),
            (951_782_400 - 7 * 3600, PartialDate::new(2000, 2, 29)),
            (951_782_400 + 17 * 3600, PartialDate::new(2000, 3, 1)),
            (1_735_689_599 - 7 * 3600, PartialDate::new(2024, 12, 31)),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(PartialDate::in_viet_nam(time), date, "{seconds}");
        }
    }

    #[test]
    fn days_follow_each_other() {
        let date = |days: u64| PartialDate::in_viet_nam(UNIX_EPOCH + Duration::from_secs(days * 86_400));
        assert_eq!(date(0), PartialDate::new(1970, 1, 1));
        assert_eq!(date(19_782), PartialDate::new(2024, 2, 29));
        assert_eq!(date(19_783), PartialDate::new(2024, 3, 1));
        assert_eq!(date(20_453), PartialDate::new(2025, 12, 31));
        let ordinal = |days| date(days).ordinal().unwrap();
        for days in 0..60_000 {
            assert_eq!(ordinal(days + 1), ordinal(days) + 1, "{days}");
        }
    }
}
