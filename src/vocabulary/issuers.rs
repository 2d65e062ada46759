//! Bodies that issue documents (cơ quan ban hành) and their codes.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::Phrases;
use crate::{
    document::Span,
    shadow::{Case, Key, Kind, Reader, Token, key},
};

/// A body, or a family of bodies whose names begin alike.
#[derive(Debug)]
pub struct Body {
    /// What its name begins with.
    pub name: String,
    /// Codes it uses in symbols, folded; empty where the name says nothing of the code.
    pub codes: Vec<Key>,
    /// Whether it writes its numbers as the Party does (87-KH/TU).
    pub party: bool,
    /// Whether the name goes on in small letters.
    free: bool,
    /// Whether it is said of a level ("của tỉnh") and so written small.
    level: bool,
}

/// Bodies that issue documents (cơ quan ban hành) and their codes.
#[derive(Debug)]
pub struct Issuers {
    bodies: Vec<Body>,
    heads: Phrases<usize>,
    known_codes: FxHashSet<Key>,
    by_code: FxHashMap<Key, usize>,
    places: FxHashSet<Key>,
    stops: Phrases<()>,
    /// First words of the types of documents.
    types: Phrases<()>,
}

/// The name of a body in a text.
#[derive(Clone, Copy, Debug)]
pub struct IssuerName<'v> {
    /// Where it stands.
    pub span: Span,
    /// Codes it uses in symbols, as far as the name tells.
    pub codes: &'v [Key],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    body: Vec<Row>,
    ministry: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    name: String,
    #[serde(default)]
    pub codes: Vec<String>,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    party: bool,
    #[serde(default)]
    free: bool,
}

/// Words that belong to a name although written small.
const PLACE_WORDS: &[&str] = &[
    "tỉnh",
    "huyện",
    "xã",
    "phường",
    "quận",
    "thị",
    "trấn",
    "thành",
    "phố",
    "thôn",
    "ấp",
    "bản",
    "khu",
    "cấp",
    "trung",
    "ương",
    "khối",
    "nước",
    "TP",
    "TX",
    "đảng",
    "đặc",
];

/// Words with which the name of a document begins.
const TYPE_WORDS: &[&str] = &[
    "nghị",
    "quyết",
    "chỉ",
    "kết",
    "kế",
    "thông",
    "công văn",
    "quy",
    "luật",
    "bộ",
    "pháp",
    "hiến",
    "chương",
    "hướng",
    "văn bản",
    "đề án",
    "tờ",
    "báo cáo",
    "các",
];

/// Words at which a name ends, wherever it stands.
const STOPS: &[&str] = &[
    "về",
    "của",
    "tại",
    "trên",
    "trong",
    "cho",
    "với",
    "đã",
    "được",
    "là",
    "có",
    "để",
    "theo",
    "từ",
    "đến",
    "khóa",
    "nhiệm kỳ",
    "ngày",
    "tháng",
    "năm",
    "quy định",
    "ban hành",
    "hướng dẫn",
    "phê duyệt",
    "thực hiện",
    "triển khai",
    "báo cáo",
    "chỉ đạo",
    "yêu cầu",
    "đề nghị",
    "giao",
    "tổ chức thực hiện",
    "tiếp tục",
    "gồm",
    "do",
    "bằng",
    "khi",
    "sau",
    "trước",
    "nhằm",
    "các",
    "những",
    "mà",
    "thì",
    "này",
    "đó",
    "số",
    "gắn",
    "đối với",
    "như",
    "cùng",
    "hoặc",
    "nêu",
    "kèm",
    "vừa",
    "cũng",
    "đang",
    "sẽ",
    "chưa",
    "không",
    "phải",
    "cần",
    "nay",
    "qua",
    "tham mưu",
    "phối hợp",
    "tập trung",
    "sửa đổi",
    "bổ sung",
    "công bố",
    "thông qua",
    "xây dựng và",
    "thành lập",
    "kiện toàn",
    "tăng cường",
    "đẩy mạnh",
    "lãnh đạo",
    "quán triệt",
    "trình",
    "kính",
    "gửi",
    "nhận",
    "đạt",
    "tổng hợp",
    "phân công",
    "chủ trì",
    "đăng ký",
    "kiểm tra việc",
    "đảm bảo",
    "bảo đảm",
    "góp phần",
    "nâng cao",
    "thống nhất",
    "ký",
    "duyệt",
    "vào",
    "ra",
];

impl Row {
    /// Each way to write it.
    pub fn names(&self) -> Vec<String> {
        std::iter::once(&self.name).chain(&self.also).cloned().collect()
    }
}

impl From<Table> for Issuers {
    fn from(table: Table) -> Self {
        let mut issuers = Self {
            bodies: Vec::new(),
            heads: Phrases::over_marks(),
            known_codes: FxHashSet::default(),
            by_code: FxHashMap::default(),
            places: PLACE_WORDS.iter().map(|word| Key::new(word)).collect(),
            stops: Phrases::forwards(),
            types: Phrases::forwards(),
        };
        for word in TYPE_WORDS {
            issuers.types.insert(word, ());
        }
        for stop in STOPS {
            issuers.stops.insert(stop, ());
        }
        for row in table.body {
            let codes = row.codes.iter().map(|code| Key::new(code)).collect();
            issuers.add(&row.names(), codes, row.party, row.free);
        }
        for row in table.ministry {
            let of = |prefix: &str| {
                row.codes
                    .iter()
                    .map(|code| Key::new(&format!("{prefix}{code}")))
                    .collect()
            };
            let name = &row.name;
            let ministry = [
                format!("Bộ {name}"),
                format!("Bộ trưởng Bộ {name}"),
                format!("Thứ trưởng Bộ {name}"),
            ];
            issuers.add(&ministry, of("B"), false, false);
            let department = [
                format!("Sở {name}"),
                format!("Giám đốc Sở {name}"),
                format!("Phó Giám đốc Sở {name}"),
            ];
            issuers.add(&department, of("S"), false, false);
        }
        issuers
    }
}

impl Issuers {
    fn add(&mut self, names: &[String], codes: Vec<Key>, party: bool, free: bool) {
        let index = self.bodies.len();
        for name in names {
            self.heads.insert(name, index);
        }
        for &code in &codes {
            self.known_codes.insert(code);
            self.by_code.entry(code).or_insert(index);
        }
        let level = names[0].chars().next().is_some_and(char::is_lowercase);
        self.bodies.push(Body {
            name: names[0].clone(),
            codes,
            party,
            free,
            level,
        });
    }

    /// The body that an issuer code stands for ("TU", "UBND-VP8", "QH15").
    pub fn of_code(&self, code: &str) -> Option<&Body> {
        let index = self
            .by_code
            .get(&Key::new(code))
            .or_else(|| self.by_code.get(&first_part(code)))?;
        Some(&self.bodies[*index])
    }

    /// Whether a name and an issuer code ("TU", "UBND-VP8") can be the same body's; none where
    /// the tables don't know.
    pub fn agree(&self, name: &IssuerName<'_>, code: &str) -> Option<bool> {
        let whole = Key::new(code);
        let first = first_part(code);
        if name.codes.is_empty() || !(self.known_codes.contains(&whole) || self.known_codes.contains(&first)) {
            return None;
        }
        Some(name.codes.contains(&whole) || name.codes.contains(&first))
    }

    /// The name of the body that begins with the next token, up to where the name ends.
    pub fn name_at(&self, reader: &Reader<'_>, from: usize) -> Option<IssuerName<'_>> {
        let first = reader.after(from);
        let (body, last) = self.head(reader, first)?;
        let mut name = Name {
            end: last.end(),
            codes: &body.codes,
            free: body.free,
            in_place: self.places.contains(&last.key) && last.case == Case::Lower,
            shouting: is_shouted(reader, first) || is_shouted(reader, last),
            last,
            words: 0,
        };
        while self.extend(reader, &mut name) {}
        Some(IssuerName {
            span: Span::new(first.start(), name.end),
            codes: name.codes,
        })
    }

    /// Whether a name of a body begins with this token.
    pub fn begins(&self, reader: &Reader<'_>, first: Token) -> bool {
        self.head(reader, first).is_some()
    }

    fn head(&self, reader: &Reader<'_>, first: Token) -> Option<(&Body, Token)> {
        if !first.is_word() {
            return None;
        }
        let (&index, last) = self.heads.longest(reader, first)?;
        let body = &self.bodies[index];
        // One small word is a body only as a level: "của tỉnh", but not "của bộ".
        let small = first.case == Case::Lower && first.span == last.span && !body.level;
        (!small).then_some((body, last))
    }

    /// Takes the next token into the name; false where the name ends.
    fn extend<'v>(&'v self, reader: &Reader<'_>, name: &mut Name<'v>) -> bool {
        let mut next = reader.next(name.last);
        let dash = next.is_mark('-') && next.spaced;
        if dash || next.key == key!("và") {
            next = reader.next(next);
            // "Bà Rịa - Vũng Tàu", "Pháp luật và Tư pháp": the name goes on in capitals, and neither another
            // body nor a document begins.
            let open = dash || name.codes.is_empty() && !name.in_place;
            if next.case != Case::Title || !open || self.begins(reader, next) || self.types.may_begin(next.key) {
                return false;
            }
        }
        // "Bộ GD&ĐT", "Sở LĐTB&XH"
        if next.is_mark('&') {
            next = reader.next(next);
            if !next.is_capitalised() {
                return false;
            }
        }
        name.words += 1;
        if name.words > 16 {
            return false;
        }
        if next.is_number() {
            let fits = name.free && next.spaced && next.span.len() <= 3;
            return fits && name.take(next, &self.places);
        }
        name.shouting |= is_shouted(reader, next);
        let lower = next.case == Case::Lower || name.shouting;
        let stops = lower && self.stops.longest(reader, next).is_some();
        // "Ban Chỉ đạo thực hiện Quy chế dân chủ": what such a body does is its name.
        let purpose = name.free && name.words == 1 && next.key == key!("thực");
        if !next.is_word() || stops && !purpose {
            return false;
        }
        if name.shouting {
            let fits = name.free || self.places.contains(&next.key) || self.begins(reader, next) || name.words <= 3;
            return fits && name.take(next, &self.places);
        }
        if next.is_capitalised() {
            if let Some((body, last)) = self.head(reader, next).filter(|(body, _)| !body.level) {
                if name.codes.is_empty() {
                    name.codes = &body.codes;
                }
                name.free = body.free;
                return name.take(last, &self.places);
            }
            return name.take(next, &self.places);
        }
        // "Khê Giang báo": behind a place name no small word follows; "Tài chính": behind a
        // capital one does.
        let syllable = name.last.case == Case::Title && !name.in_place && !self.heads.may_begin(next.key);
        let fits = name.free || self.places.contains(&next.key) || syllable;
        fits && name.take(next, &self.places)
    }
}

/// The code of the body without its unit or the number of its term: "UBND" of "UBND-VP8", "QH" of
/// "QH15".
fn first_part(code: &str) -> Key {
    let body = code.split(['-', '/', '–']).next().unwrap_or(code);
    Key::new(body.trim().trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// Whether a word is in capitals that no abbreviation has: "TỈNH", "CÔNG".
fn is_shouted(reader: &Reader<'_>, word: Token) -> bool {
    let is_accented = |text: &str| !text.is_ascii() && text.contains(['Ă', 'Â', 'Ê', 'Ô', 'Ơ']);
    word.case == Case::Upper && (word.key.has_tone() || is_accented(reader.token(word)))
}

/// A name as far as it is read.
struct Name<'v> {
    end: usize,
    codes: &'v [Key],
    free: bool,
    /// Whether a place word ("tỉnh") was read.
    in_place: bool,
    last: Token,
    words: usize,
    /// Whether all is in capitals, as in headings, so that capitals tell nothing.
    shouting: bool,
}

impl Name<'_> {
    fn take(&mut self, token: Token, places: &FxHashSet<Key>) -> bool {
        self.end = token.end();
        self.in_place |= token.case == Case::Lower && places.contains(&token.key);
        self.last = token;
        token.kind != Kind::End
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{shadow::Flow, vocabulary::Vocabulary};

    #[test]
    fn a_name_ends_where_the_sentence_goes_on() {
        let issuers = &Vocabulary::embedded().issuers;
        let flow = Flow::default();
        for (text, name) in [
            (
                "Viện trưởng VKSND tối cao ban hành Quy chế",
                "Viện trưởng VKSND tối cao",
            ),
            ("VKSND tỉnh Đông Lĩnh về công tác", "VKSND tỉnh Đông Lĩnh"),
            ("BHXH Việt Nam.", "BHXH Việt Nam"),
            ("Bộ GD&ĐT về công khai", "Bộ GD&ĐT"),
            ("Sở LĐTB&XH tỉnh Hải Sơn, đơn vị", "Sở LĐTB&XH tỉnh Hải Sơn"),
            (
                "Ban Chấp hành Trung ương Đảng khóa XII",
                "Ban Chấp hành Trung ương Đảng",
            ),
            ("Ban Chấp hành Đảng bộ Tỉnh về", "Ban Chấp hành Đảng bộ Tỉnh"),
            ("Thủ tướng Chính phủ phê duyệt", "Thủ tướng Chính phủ"),
            ("UBND tỉnh Bà Rịa - Vũng Tàu ban hành", "UBND tỉnh Bà Rịa - Vũng Tàu"),
            ("UBND tỉnh Khê Giang báo cáo", "UBND tỉnh Khê Giang"),
            (
                "Ủy ban nhân dân thành phố Hồ Chí Minh;",
                "Ủy ban nhân dân thành phố Hồ Chí Minh",
            ),
            (
                "Bộ trưởng Bộ Văn hóa, Thể thao và Du lịch quy định",
                "Bộ trưởng Bộ Văn hóa, Thể thao và Du lịch",
            ),
            (
                "Bộ Lao động - Thương binh và Xã hội về",
                "Bộ Lao động - Thương binh và Xã hội",
            ),
            (
                "Sở Nông nghiệp và Phát triển nông thôn và",
                "Sở Nông nghiệp và Phát triển nông thôn",
            ),
            (
                "Ban Chỉ đạo cải cách hành chính tỉnh về",
                "Ban Chỉ đạo cải cách hành chính tỉnh",
            ),
            (
                "Ban Chỉ đạo thực hiện Quy chế dân chủ ở cơ sở tỉnh về",
                "Ban Chỉ đạo thực hiện Quy chế dân chủ ở cơ sở tỉnh",
            ),
            ("Ủy ban Pháp luật và Tư pháp,", "Ủy ban Pháp luật và Tư pháp"),
            ("Ban Chỉ đạo 35 tỉnh.", "Ban Chỉ đạo 35 tỉnh"),
            (
                "Ban Cán sự Đảng Ủy ban Nhân dân tỉnh về",
                "Ban Cán sự Đảng Ủy ban Nhân dân tỉnh",
            ),
            ("Giám đốc Sở:", "Giám đốc Sở"),
            ("Sở về cải cách", "Sở"),
            ("tỉnh về", "tỉnh"),
            ("UBND TỈNH VỀ CÔNG TÁC", "UBND TỈNH"),
            ("BAN THƯỜNG VỤ TỈNH ỦY VỀ CÔNG TÁC", "BAN THƯỜNG VỤ TỈNH ỦY"),
            ("Đảng ủy xã Yên Hạc về", "Đảng ủy xã Yên Hạc"),
        ] {
            let found = issuers
                .name_at(&Reader::new(text, &flow), 0)
                .map(|found| found.span.of(text));
            assert_eq!(found, Some(name), "{text}");
        }
    }

    #[test]
    fn names_agree_with_codes() {
        let issuers = &Vocabulary::embedded().issuers;
        let flow = Flow::default();
        for (text, code, agree) in [
            ("Ban Thường vụ Tỉnh ủy", "TU", Some(true)),
            ("Ban Thường vụ Tỉnh ủy", "TW", Some(false)),
            ("Bộ Chính trị", "TW", Some(true)),
            ("Thủ tướng Chính phủ", "CP", Some(false)),
            ("Chủ tịch UBND tỉnh", "UBND-VP8", Some(true)),
            ("Quốc hội", "QH15", Some(true)),
            ("Bộ trưởng Bộ Nội vụ", "BTC", Some(false)),
            ("Ban Thường vụ", "TU", None),
        ] {
            let name = issuers.name_at(&Reader::new(text, &flow), 0);
            assert_eq!(name.and_then(|name| issuers.agree(&name, code)), agree, "{text} {code}");
        }
    }
}
