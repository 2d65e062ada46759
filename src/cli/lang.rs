//! The language of messages for people.

use clap::ValueEnum;

/// Languages that baocao speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Tiếng Việt
    Vi,
    /// English
    En,
}

impl Lang {
    /// The language that the locale asks for: Vietnamese if it is one of `vi`, else English.
    pub fn of_environment() -> Self {
        // The first that is set decides, as in POSIX.
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|locale| !locale.is_empty());
        match locale {
            Some(locale) if locale.to_lowercase().starts_with("vi") => Self::Vi,
            _ => Self::En,
        }
    }

    /// The text in this language.
    pub fn pick<T>(self, vi: T, en: T) -> T {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }

    /// A number and its noun: "1 file", "2 files". Vietnamese nouns have no plural.
    pub fn count(self, n: usize, vi: &str, one: &str, many: &str) -> String {
        format!("{n} {}", self.pick(vi, if n == 1 { one } else { many }))
    }

    /// Counts of findings by severity, gravest first: "2 errors, 3 warnings".
    pub fn findings(self, counts: [usize; 3]) -> String {
        let words = [
            ("lỗi", "error", "errors"),
            ("cảnh báo", "warning", "warnings"),
            ("lưu ý", "info", "infos"),
        ];
        let found: Vec<String> = counts
            .into_iter()
            .zip(words)
            .filter(|(n, _)| *n > 0)
            .map(|(n, (vi, one, many))| self.count(n, vi, one, many))
            .collect();
        if found.is_empty() {
            self.pick("không có phát hiện nào", "nothing found").to_owned()
        } else {
            found.join(", ")
        }
    }
}
