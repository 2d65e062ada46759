//! What the words before a number say of it: names and orders that make it no figure, how exact
//! it is, whether it is a change.

use crate::{
    extract::{Approx, Change},
    shadow::{Case, Key, KeySet, Kind, Reader, Token, key},
    vocabulary::{
        Vocabulary,
        units::{Before, Label},
    },
};

use super::is_any;

static EACH: KeySet<6> = KeySet::new(["mỗi", "một", "hằng", "hàng", "từng", "1"]);
const SO: Key = Key::new("số");
/// Words before "số" that make it a noun of its own ("tổng số", "dân số").
static SO_OF: KeySet<25> = KeySet::new([
    // "chuyển đổi số", "kinh tế số", …
    "đổi", "thuật", "nghệ", "ký", "tế", "hội", "phủ", "quyền", "tảng", "tầng", "liệu", "năng", "trị", "tổng", "trong",
    "dân", "chỉ", "điểm", "đa", "thiểu", "doanh", "con", "hệ", "sĩ", "quân",
]);
const THU: Key = Key::new("thứ");
const HANG: Key = Key::new("hạng");
const TRI: Key = Key::new("trí");
const VI: Key = Key::new("vị");
const XEP: Key = Key::new("xếp");
const DUNG: Key = Key::new("đứng");
const TOP: [Key; 3] = [Key::new("top"), Key::new("tốp"), Key::new("tóp")];
static RANKED: KeySet<5> = KeySet::of([XEP, DUNG, TRI, HANG, VI]);

/// First words of what is ranked.
pub(super) static RANKED_AMONG: KeySet<16> = KeySet::new([
    "tỉnh",
    "thành",
    "sở",
    "huyện",
    "quận",
    "thị",
    "xã",
    "phường",
    "bộ",
    "ngành",
    "địa",
    "đơn",
    "cơ",
    "nước",
    "quốc",
    "vùng",
]);
/// Words for money itself.
pub(super) static FUNDS: KeySet<12> = KeySet::new([
    "vốn", "tiền", "kinh", "ngân", "dư", "doanh", "thuế", "nợ", "lãi", "viện", "học", "trái",
]);
/// What is counted in thousands of millions all the same.
pub(super) static IN_MILLIONS: KeySet<22> = KeySet::new([
    "đồng", "người", "lượt", "con", "cây", "tấn", "kg", "m", "m2", "m3", "mét", "lít", "kwh", "sản", "cổ", "tin",
    "liều", "đơn", "trẻ", "giao", "bản", "trang",
]);

/// What the word before a number makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing: it may be a figure.
    Plain,
    /// A place in an order.
    Rank,
    /// The size of the group at the top ("top 10").
    Top,
    /// The size of a group, which is a rank where the group is the best ("nhóm 10 … cao nhất").
    Group,
    /// A name or a place in a row, whatever follows.
    Never,
    /// A name, unless a unit follows.
    Unitless,
}

/// The role that the word before a number gives it.
pub(super) fn role(reader: &Reader<'_>, vocabulary: &Vocabulary, before: Token) -> Role {
    if !before.is_word() {
        return Role::Plain;
    }
    let second = reader.previous(before);
    match before.key {
        THU => {
            return if RANKED.has(second) { Role::Rank } else { Role::Never };
        }
        HANG if is_any(second, &[XEP, THU, DUNG]) => return Role::Rank,
        TRI if second.key == VI => return Role::Rank,
        // "sắp xếp 12 phòng" puts them in order.
        XEP if is_any(second, &[key!("sắp")]) => return Role::Plain,
        XEP => return Role::Rank,
        SO => {
            return if SO_OF.has(second) { Role::Plain } else { Role::Never };
        }
        key if TOP.contains(&key) => return Role::Top,
        key if key == key!("nhóm") || key == key!("tốp") => return Role::Group,
        _ => {}
    }
    match vocabulary.units.labels.longest(reader, before) {
        None => Role::Plain,
        // "đầu năm học 38 trường": only years stand behind a school year.
        Some((_, first)) if first.key == key!("năm") && before.key == key!("học") => {
            let number = reader.next(before);
            if number.span.len() == 4 {
                Role::Never
            } else {
                Role::Plain
            }
        }
        Some((label, first)) => {
            let earlier = reader.previous(first);
            // ", Kim Bảng 39": the second word of a name.
            let inside = reader.previous(earlier);
            let of_name = first.span == before.span
                && [earlier, before]
                    .iter()
                    .all(|token| token.is_word() && token.case == Case::Title)
                && (inside.is_word() || inside.is_mark(','));
            if EACH.has(earlier) || of_name {
                return Role::Plain;
            }
            match label {
                Label::Always => Role::Never,
                Label::Unitless => Role::Unitless,
                Label::None => Role::Plain,
            }
        }
    }
}

/// Whether an index is named shortly before a ratio, which then is its rank ("Chỉ số PAR INDEX năm
/// 2018 đạt 28/63").
pub(super) fn is_of_index(reader: &Reader<'_>, before: Token, floor: usize) -> bool {
    const NAMES: [Key; 9] = [
        Key::new("index"),
        Key::new("papi"),
        Key::new("pci"),
        Key::new("sipas"),
        Key::new("dti"),
        Key::new("ddci"),
        Key::new("dci"),
        Key::new("pgi"),
        Key::new("pii"),
    ];
    static OTHER: KeySet<14> = KeySet::new([
        "tại", "ở", "có", "cho", "với", "gồm", "và", "thành", "hoàn", "trong", "điểm", "tăng", "giảm", "phần",
    ]);
    const CHI: Key = Key::new("chỉ");
    let mut token = before;
    for _ in 0..10 {
        if token.is_end() || token.start() < floor || matches!(token.kind, Kind::Mark('.' | ';')) {
            return false;
        }
        if token.is_word() {
            if NAMES.contains(&token.key) {
                return true;
            }
            if OTHER.contains(token.key) {
                return false;
            }
            if token.key == SO && reader.previous(token).key == CHI {
                return true;
            }
        }
        token = reader.previous(token);
    }
    false
}

/// What is said of a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) approx: Approx,
    pub(super) change: Change,
    /// Where the words that say it begin.
    pub(super) lead: usize,
    /// Whether "từ" stands before it, which may go with "trở lên" behind it.
    pub(super) from: bool,
}

/// Most words that are read backwards from a number.
const MAX_BEFORE: usize = 8;

/// Reads backwards from the number at `start`; `floor` is the end of the figure before it.
pub(super) fn said(reader: &Reader<'_>, vocabulary: &Vocabulary, start: usize, floor: usize) -> Said {
    const TU: Key = Key::new("từ");
    const TREN: Key = Key::new("trên");
    const TONG: Key = Key::new("tổng");
    const THANH: Key = Key::new("thành");
    const BEFORE_THANH: [Key; 2] = [Key::new("hoàn"), Key::new("hình")];
    let mut said = Said {
        approx: Approx::Exact,
        change: Change::None,
        lead: start,
        from: false,
    };
    let mut level = false;
    let mut at = start;
    let mut before = reader.before(start);
    for _ in 0..MAX_BEFORE {
        let token = before;
        if !token.is_word() || token.start() < floor {
            break;
        }
        if token.key == TU {
            said.from = at == start;
            break;
        }
        // "73 học sinh trên 93 học sinh" puts two figures in relation.
        if token.key == TREN && at == start && floor > 0 && reader.after(floor).span == token.span {
            break;
        }
        if token.key == TREN && is_sent_up(reader, token) {
            break;
        }
        let Some((&meaning, first)) = vocabulary.units.before.longest(reader, token) else {
            break;
        };
        match meaning {
            Before::Approx(approx) if said.approx == Approx::Exact && said.change == Change::None => {
                said.approx = approx;
            }
            Before::Approx(approx) => {
                // "ước tăng 7,51%": the word before the change is about the figure, too.
                if said.approx == Approx::Exact {
                    said.approx = approx;
                }
            }
            Before::Change(change) => {
                if said.change != Change::None {
                    break;
                }
                if !level {
                    said.change = change;
                }
            }
            // "hoàn thành 12 xã" reaches no level.
            Before::Level if first.key == THANH && is_any(reader.previous(first), &BEFORE_THANH) => break,
            Before::Level => level = true,
            // "73 học sinh … trên tổng số 93": the figure is the whole, and "trên" goes with it.
            Before::Filler if first.key == TONG => {
                said.lead = first.start();
                break;
            }
            Before::Filler => {}
        }
        at = first.start();
        said.lead = at;
        before = reader.previous(first);
    }
    if said.approx == Approx::Exact && said.change == Change::None && is_estimate(reader, before, floor) {
        said.approx = Approx::Estimated;
    }
    said
}

/// "chuyển lên trên 06 vụ": to those above, not more than six.
fn is_sent_up(reader: &Reader<'_>, above: Token) -> bool {
    const LEN: Key = Key::new("lên");
    static SENT: KeySet<4> = KeySet::new(["chuyển", "gửi", "cáo", "trình"]);
    let up = reader.previous(above);
    is_any(up, &[LEN]) && SENT.has(reader.previous(up))
}

/// Whether the clause that ends with this token, before a figure, says that it is an estimate ("ước thực hiện năm 2024 …").
fn is_estimate(reader: &Reader<'_>, before: Token, floor: usize) -> bool {
    const UOC: Key = Key::new("ước");
    static BEHIND: KeySet<7> = KeySet::new(["đạt", "thực", "tính", "cả", "năm", "có", "đến"]);
    let mut last = Token::default();
    let mut token = before;
    for _ in 0..8 {
        if token.start() < floor || !(token.is_word() || token.is_number()) {
            return false;
        }
        if token.is_word() && token.key == UOC {
            return BEHIND.has(last);
        }
        last = token;
        token = reader.previous(token);
    }
    false
}

/// Whether "trở lên" (or "trở xuống") stands soon behind a figure.
pub(super) fn and_more(reader: &Reader<'_>, end: usize, within: usize) -> Option<Approx> {
    const TRO: Key = Key::new("trở");
    const LEN: Key = Key::new("lên");
    const XUONG: Key = Key::new("xuống");
    for token in reader.walk(end).take(within) {
        if token.is_end() || token.is_number() || matches!(token.kind, Kind::Mark('.' | ';' | ')' | '(')) {
            return None;
        }
        if token.key == TRO && token.is_word() {
            return match reader.next(token).key {
                LEN => Some(Approx::Over),
                XUONG => Some(Approx::Under),
                _ => None,
            };
        }
    }
    None
}

/// Whether the group that ends at `end` is said to be the best ("… có kết quả cao nhất").
pub(super) fn is_best(reader: &Reader<'_>, end: usize) -> bool {
    const NHAT: Key = Key::new("nhất");
    const DAU: Key = Key::new("đầu");
    const DAN: Key = Key::new("dẫn");
    let mut last = Token::default();
    for token in reader.walk(end).take(14) {
        if token.is_end() || token.is_number() || matches!(token.kind, Kind::Mark('.' | ';' | ')' | '(')) {
            return false;
        }
        if token.is_word() && (token.key == NHAT && last.key != key!("thống") || token.key == DAU && last.key == DAN)
        {
            return true;
        }
        last = token;
    }
    false
}

/// Words between which and a date no figure stands ("từ 01/7 đến 30/9").
pub(super) fn is_date_word(token: Token) -> bool {
    static WORDS: KeySet<14> = KeySet::new([
        "ngày", "từ", "đến", "tới", "hết", "trước", "sau", "sáng", "chiều", "tối", "lễ", "kể", "dịp", "tháng",
    ]);
    WORDS.has(token)
}

/// Words before a time of day ("lúc 14 giờ", "trước 17 giờ ngày …").
pub(super) fn is_clock_word(token: Token) -> bool {
    static WORDS: KeySet<8> = KeySet::new(["lúc", "hồi", "vào", "trước", "sau", "từ", "đến", "tới"]);
    WORDS.has(token)
}
