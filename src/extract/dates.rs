//! Dates in every written form: 03/6/2013, 3-6-2013, ngày 27 tháng 5 năm 2019, tháng 10 năm 2023,
//! năm 2015.

use std::fmt;

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
}

/// As in "YYYY-MM-DD".
impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Number of days of a month, 1 to 12.
pub fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
