//! What the words before a number say of it: names and orders that make it no figure, how exact
//! it is, whether it is a change.

use crate::{
    extract::{Approx, Change},
    shadow::{Case, Key, Kind, Reader, Token, key},
    vocabulary::{
        Vocabulary,
        units::{Before, Label},
    },
};

use super::is_any;

const EACH: [Key; 6] = [
    Key::new("mỗi"),
    Key::new("một"),
    Key::new("hằng"),
    Key::new("hàng"),
    Key::new("từng"),
    Key::new("1"),
];
const SO: Key = Key::new("số");
/// Words before "số" that make it a noun of its own ("tổng số", "dân số").
const SO_OF: [Key; 25] = [
    // "chuyển đổi số", "kinh tế số", …
    Key::new("đổi"),
    Key::new("thuật"),
    Key::new("nghệ"),
    Key::new("ký"),
    Key::new("tế"),
    Key::new("hội"),
    Key::new("phủ"),
    Key::new("quyền"),
    Key::new("tảng"),
    Key::new("tầng"),
    Key::new("liệu"),
    Key::new("năng"),
    Key::new("trị"),
    Key::new("tổng"),
    Key::new("trong"),
    Key::new("dân"),
    Key::new("chỉ"),
    Key::new("điểm"),
    Key::new("đa"),
    Key::new("thiểu"),
    Key::new("doanh"),
    Key::new("con"),
    Key::new("hệ"),
    Key::new("sĩ"),
    Key::new("quân"),
];
const THU: Key = Key::new("thứ");
const HANG: Key = Key::new("hạng");
const TRI: Key = Key::new("trí");
const VI: Key = Key::new("vị");
const XEP: Key = Key::new("xếp");
const DUNG: Key = Key::new("đứng");
const TOP: [Key; 3] = [Key::new("top"), Key::new("tốp"), Key::new("tóp")];
const RANKED: [Key; 5] = [XEP, DUNG, TRI, HANG, VI];

/// First words of what is ranked.
pub(super) const RANKED_AMONG: [Key; 16] = [
    Key::new("tỉnh"),
    Key::new("thành"),
    Key::new("sở"),
    Key::new("huyện"),
    Key::new("quận"),
    Key::new("thị"),
    Key::new("xã"),
    Key::new("phường"),
    Key::new("bộ"),
    Key::new("ngành"),
    Key::new("địa"),
    Key::new("đơn"),
    Key::new("cơ"),
    Key::new("nước"),
    Key::new("quốc"),
    Key::new("vùng"),
];
/// Words for money itself.
pub(super) const FUNDS: [Key; 12] = [
    Key::new("vốn"),
    Key::new("tiền"),
    Key::new("kinh"),
    Key::new("ngân"),
    Key::new("dư"),
    Key::new("doanh"),
    Key::new("thuế"),
    Key::new("nợ"),
    Key::new("lãi"),
    Key::new("viện"),
    Key::new("học"),
    Key::new("trái"),
];
/// What is counted in thousands of millions all the same.
pub(super) const IN_MILLIONS: [Key; 22] = [
    Key::new("đồng"),
    Key::new("người"),
    Key::new("lượt"),
    Key::new("con"),
    Key::new("cây"),
    Key::new("tấn"),
    Key::new("kg"),
    Key::new("m"),
    Key::new("m2"),
    Key::new("m3"),
    Key::new("mét"),
    Key::new("lít"),
    Key::new("kwh"),
    Key::new("sản"),
    Key::new("cổ"),
    Key::new("tin"),
    Key::new("liều"),
    Key::new("đơn"),
    Key::new("trẻ"),
    Key::new("giao"),
    Key::new("bản"),
    Key::new("trang"),
];

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
            return if is_any(second, &RANKED) {
                Role::Rank
            } else {
                Role::Never
            };
        }
        HANG if is_any(second, &[XEP, THU, DUNG]) => return Role::Rank,
        TRI if second.key == VI => return Role::Rank,
        // "sắp xếp 12 phòng" puts them in order.
        XEP if is_any(second, &[key!("sắp")]) => return Role::Plain,
        XEP => return Role::Rank,
        SO => {
            return if is_any(second, &SO_OF) {
                Role::Plain
            } else {
                Role::Never
            };
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
            if is_any(earlier, &EACH) || of_name {
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
    const OTHER: [Key; 14] = [
        Key::new("tại"),
        Key::new("ở"),
        Key::new("có"),
        Key::new("cho"),
        Key::new("với"),
        Key::new("gồm"),
        Key::new("và"),
        Key::new("thành"),
        Key::new("hoàn"),
        Key::new("trong"),
        Key::new("điểm"),
        Key::new("tăng"),
        Key::new("giảm"),
        Key::new("phần"),
    ];
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
            if OTHER.contains(&token.key) {
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
    if said.approx == Approx::Exact && said.change == Change::None && is_estimate(reader, at, floor) {
        said.approx = Approx::Estimated;
    }
    said
}

/// "chuyển lên trên 06 vụ": to those above, not more than six.
fn is_sent_up(reader: &Reader<'_>, above: Token) -> bool {
    const LEN: Key = Key::new("lên");
    const SENT: [Key; 4] = [Key::new("chuyển"), Key::new("gửi"), Key::new("cáo"), Key::new("trình")];
    let up = reader.previous(above);
    is_any(up, &[LEN]) && is_any(reader.previous(up), &SENT)
}

/// Whether the clause before a figure says that it is an estimate ("ước thực hiện năm 2024 …").
fn is_estimate(reader: &Reader<'_>, from: usize, floor: usize) -> bool {
    const UOC: Key = Key::new("ước");
    const BEHIND: [Key; 7] = [
        Key::new("đạt"),
        Key::new("thực"),
        Key::new("tính"),
        Key::new("cả"),
        Key::new("năm"),
        Key::new("có"),
        Key::new("đến"),
    ];
    let mut last = Token::default();
    let mut token = reader.before(from);
    for _ in 0..8 {
        if token.start() < floor || !(token.is_word() || token.is_number()) {
            return false;
        }
        if token.is_word() && token.key == UOC {
            return is_any(last, &BEHIND);
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
    const WORDS: [Key; 14] = [
        Key::new("ngày"),
        Key::new("từ"),
        Key::new("đến"),
        Key::new("tới"),
        Key::new("hết"),
        Key::new("trước"),
        Key::new("sau"),
        Key::new("sáng"),
        Key::new("chiều"),
        Key::new("tối"),
        Key::new("lễ"),
        Key::new("kể"),
        Key::new("dịp"),
        Key::new("tháng"),
    ];
    is_any(token, &WORDS)
}

/// Words before a time of day ("lúc 14 giờ", "trước 17 giờ ngày …").
pub(super) fn is_clock_word(token: Token) -> bool {
    const WORDS: [Key; 8] = [
        Key::new("lúc"),
        Key::new("hồi"),
        Key::new("vào"),
        Key::new("trước"),
        Key::new("sau"),
        Key::new("từ"),
        Key::new("đến"),
        Key::new("tới"),
    ];
    is_any(token, &WORDS)
}
