//! Which body a code stands for and which one a name names, as far as both can be told apart.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::{
    document::Span,
    shadow::{Key, key},
    validate::{
        Context,
        support::text::{fold_code, words},
    },
};

/// A body, or a kind of body where many share one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Central Committee, Politburo, Secretariat: TW.
    CentralParty,
    /// Party committee of a province or city: TU.
    ProvinceParty,
    /// Party committee of a district: HU, QU, ThU, TXU.
    DistrictParty,
    /// Any other Party committee: ĐU.
    BaseParty,
    /// A commission or office of a Party committee: BDVTU.
    PartyOrgan(Organ, Level),
    /// Chính phủ: CP.
    Government,
    /// Thủ tướng: TTg.
    PrimeMinister,
    /// Quốc hội and its standing committee: QH15.
    NationalAssembly,
    /// Ủy ban nhân dân and its chairman: UBND.
    Committee,
    /// Hội đồng nhân dân: HĐND.
    Council,
    /// A ministry, by the index of its row in [`MINISTRIES`].
    Ministry(usize),
    /// A department of a province (sở): STC.
    Department,
}

/// A commission of the Party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Organ {
    /// Ban Dân vận.
    MassMobilisation,
    /// Ban Tổ chức.
    Organisation,
    /// Ban Tuyên giáo, since 2025 Ban Tuyên giáo và Dân vận.
    Propaganda,
    /// Ban Nội chính.
    InternalAffairs,
    /// Ủy ban Kiểm tra.
    Inspection,
    /// Văn phòng.
    Office,
    /// Ban cán sự đảng.
    PartyCaucus,
}

/// The level of a Party organ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not said.
    Unknown,
    /// TW, of the Government.
    Central,
    /// TU, of a provincial committee.
    Province,
    /// HU and the like.
    District,
}

/// Ministries: name (without "Bộ") and codes, former ones included.
pub static MINISTRIES: &[(&str, &[&str])] = &[
    ("công an", &["BCA"]),
    ("công thương", &["BCT"]),
    ("giáo dục và đào tạo", &["BGDĐT", "BGD&ĐT", "BGD"]),
    ("giao thông vận tải", &["BGTVT"]),
    ("kế hoạch và đầu tư", &["BKHĐT", "BKH"]),
    ("khoa học và công nghệ", &["BKHCN"]),
    ("lao động - thương binh và xã hội", &["BLĐTBXH"]),
    ("ngoại giao", &["BNG"]),
    ("nội vụ", &["BNV"]),
    ("nông nghiệp và phát triển nông thôn", &["BNNPTNT", "BNN"]),
    ("nông nghiệp và môi trường", &["BNNMT"]),
    ("quốc phòng", &["BQP"]),
    ("tài chính", &["BTC"]),
    ("tài nguyên và môi trường", &["BTNMT"]),
    ("thông tin và truyền thông", &["BTTTT"]),
    ("tư pháp", &["BTP"]),
    ("văn hóa, thể thao và du lịch", &["BVHTTDL"]),
    ("xây dựng", &["BXD"]),
    ("y tế", &["BYT"]),
    ("dân tộc và tôn giáo", &["BDTTG"]),
];

/// Rows of [`MINISTRIES`] by folded code.
static MINISTRY_CODES: LazyLock<FxHashMap<String, usize>> = LazyLock::new(|| {
    // Where two ministries had one code the first counts.
    let rows = MINISTRIES.iter().enumerate().rev();
    rows.flat_map(|(row, (_, codes))| codes.iter().map(move |code| (fold_code(code), row)))
        .collect()
});

/// Codes of ministries that a commission of the Party may bear, too (Ban Tổ chức: BTC).
const SHARED_WITH_PARTY: [&str; 2] = ["BTC", "BCT"];

/// Codes of departments that begin like no other body.
const DEPARTMENTS: [&str; 27] = [
    "SNV", "STC", "STP", "SXD", "SGDDT", "SGD&DT", "SYT", "SCT", "SNNMT", "SNN", "SNNPTNT", "STNMT", "SKHCN", "STTTT",
    "SKHDT", "SGTVT", "SLDTBXH", "SVHTTDL", "SVHTT", "SDL", "SDTTG", "SNGV", "SVHTTVDL", "SNGOV", "SVHTT&DL",
    "SLDTB&XH", "SNN&PTNT",
];

/// Beginnings of Party organs' codes, folded.
const ORGANS: [(&str, Organ); 10] = [
    ("BTGDV", Organ::Propaganda),
    ("BTG", Organ::Propaganda),
    ("BDV", Organ::MassMobilisation),
    ("BTC", Organ::Organisation),
    ("BNC", Organ::InternalAffairs),
    ("UBKT", Organ::Inspection),
    ("VP", Organ::Office),
    ("BCSDCP", Organ::PartyCaucus),
    ("BCSDUBND", Organ::PartyCaucus),
    ("BCSD", Organ::PartyCaucus),
];

impl Body {
    /// Whether it writes its symbols the Party's way.
    pub fn is_party(self) -> bool {
        use Body::{BaseParty, CentralParty, DistrictParty, PartyOrgan, ProvinceParty};
        matches!(
            self,
            CentralParty | ProvinceParty | DistrictParty | BaseParty | PartyOrgan(..)
        )
    }

    /// Whether a document of this body may bear a code of that one.
    pub fn agrees(self, code: Body) -> bool {
        match (self, code) {
            (Body::PartyOrgan(a, at), Body::PartyOrgan(b, level)) => {
                a == b && (at == level || at == Level::Unknown || level == Level::Unknown)
            }
            // The Party committee of a city below a province is a Thành ủy as well.
            (Body::ProvinceParty, Body::DistrictParty) => false,
            (a, b) => a == b,
        }
    }
}

/// The body one part of a folded issuer code stands for.
pub fn of_code(part: &str) -> Option<Body> {
    match part {
        "TW" => return Some(Body::CentralParty),
        "TU" => return Some(Body::ProvinceParty),
        "HU" | "QU" | "THU" | "TXU" => return Some(Body::DistrictParty),
        "DU" => return Some(Body::BaseParty),
        "CP" => return Some(Body::Government),
        "TTG" => return Some(Body::PrimeMinister),
        "UBND" => return Some(Body::Committee),
        "HDND" => return Some(Body::Council),
        _ => {}
    }
    let digits = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    if part.strip_prefix("QH").is_some_and(digits) || part.strip_prefix("UBTVQH").is_some_and(digits) {
        return Some(Body::NationalAssembly);
    }
    // All codes of departments begin with S (sở), so that others are not compared with each.
    if part.starts_with('S') && DEPARTMENTS.contains(&part) {
        return Some(Body::Department);
    }
    if let Some(&row) = MINISTRY_CODES.get(part) {
        return Some(Body::Ministry(row));
    }
    let (prefix, organ) = ORGANS.iter().find(|(prefix, _)| part.starts_with(prefix))?;
    let level = match (&part[prefix.len()..], *prefix) {
        ("TW", _) | ("", "BCSDCP") => Level::Central,
        ("TU", _) | ("", "BCSDUBND") => Level::Province,
        ("HU" | "QU", _) => Level::District,
        ("", _) if *organ != Organ::Office => Level::Unknown,
        _ => return None,
    };
    Some(Body::PartyOrgan(*organ, level))
}

/// The bodies a folded issuer code stands for; None when its first part is not known.
pub fn of_codes<'c>(mut parts: impl Iterator<Item = &'c str>) -> Option<Vec<Body>> {
    let first = of_code(parts.next()?)?;
    Some(std::iter::once(first).chain(parts.filter_map(of_code)).collect())
}

/// How a body must write its symbols: as the Party does (true) or as the State does (false); None
/// where the code does not tell.
pub fn writes_as_party<'c>(mut parts: impl Iterator<Item = &'c str> + Clone) -> Option<bool> {
    let mut bodies = parts.clone().filter_map(of_code);
    let first = bodies.next()?;
    let clear = parts
        .next()
        .is_some_and(|part| of_code(part).is_some() && !SHARED_WITH_PARTY.contains(&part));
    if first.is_party() || bodies.any(Body::is_party) {
        // A joint document of both kinds takes the form of the one that leads.
        return (first.is_party() && clear).then_some(true);
    }
    clear.then_some(false)
}

/// The bodies a name names; empty where it names none that is known for certain.
pub fn of_name(context: &Context<'_>, name: Span) -> Vec<Body> {
    of_pieces(context, &[name])
}

/// The bodies a name in several pieces names, as mastheads have it.
pub fn of_pieces(context: &Context<'_>, name: &[Span]) -> Vec<Body> {
    const AND: [Key; 2] = [Key::new("và"), Key::new("với")];
    let words: Vec<Key> = name.iter().flat_map(|&piece| words(context, piece)).collect();
    // A ministry's name has an "và" of its own, so the whole is tried first.
    if let Some(ministry) = ministry(&words) {
        return vec![ministry];
    }
    words.split(|word| AND.contains(word)).filter_map(of_words).collect()
}

fn ministry(words: &[Key]) -> Option<Body> {
    static NAMES: LazyLock<Vec<Vec<Key>>> = LazyLock::new(|| MINISTRIES.iter().map(|(name, _)| keys(name)).collect());
    let at = words.iter().position(|&word| word == key!("bộ"))?;
    let after = &words[at + 1..];
    let after = match after {
        [a, b, rest @ ..] if *a == key!("trưởng") && *b == key!("bộ") => rest,
        _ => after,
    };
    NAMES
        .iter()
        .position(|name| after.starts_with(name))
        .map(Body::Ministry)
}

fn keys(phrase: &str) -> Vec<Key> {
    phrase
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(Key::new)
        .collect()
}

/// A phrase as keys, computed by the compiler.
macro_rules! phrase {
    ($($word:literal)+) => {
        const { &[$(Key::new($word)),+] as &[Key] }
    };
}

/// The body that a name without "và" names.
fn of_words(words: &[Key]) -> Option<Body> {
    let has = |phrase: &[Key]| words.windows(phrase.len()).any(|window| window == phrase);
    let any = |phrases: &[&[Key]]| phrases.iter().any(|phrase| has(phrase));
    // Bodies whose names hold those of others.
    if any(&[
        phrase!("mặt" "trận"),
        phrase!("mttq"),
        phrase!("đoàn"),
        phrase!("hội" "liên" "hiệp"),
        phrase!("ban" "chỉ" "đạo"),
        phrase!("liên" "đoàn"),
        phrase!("đại" "hội"),
        phrase!("hội" "đồng" "thi" "đua"),
    ]) {
        return None;
    }
    if has(phrase!("ban" "cán" "sự")) {
        let level = match () {
            () if any(&[phrase!("ubnd"), phrase!("ủy" "ban" "nhân" "dân")]) => Level::Province,
            () if has(phrase!("chính" "phủ")) => Level::Central,
            () => Level::Unknown,
        };
        return Some(Body::PartyOrgan(Organ::PartyCaucus, level));
    }
    let province = any(&[
        phrase!("tỉnh" "ủy"),
        phrase!("thành" "ủy"),
        phrase!("đảng" "bộ" "tỉnh"),
        phrase!("đảng" "bộ" "thành" "phố"),
    ]);
    let district = any(&[
        phrase!("huyện" "ủy"),
        phrase!("quận" "ủy"),
        phrase!("thị" "ủy"),
        phrase!("đảng" "bộ" "huyện"),
        phrase!("đảng" "bộ" "quận"),
        phrase!("đảng" "bộ" "thị" "xã"),
    ]);
    let central = any(&[phrase!("trung" "ương"), phrase!("tw")]);
    let organ = [
        (phrase!("ban" "tuyên" "giáo"), Organ::Propaganda),
        (phrase!("ban" "dân" "vận"), Organ::MassMobilisation),
        (phrase!("ban" "tổ" "chức"), Organ::Organisation),
        (phrase!("ban" "nội" "chính"), Organ::InternalAffairs),
        (phrase!("ủy" "ban" "kiểm" "tra"), Organ::Inspection),
        (phrase!("ubkt"), Organ::Inspection),
        (phrase!("văn" "phòng"), Organ::Office),
    ];
    if let Some((_, organ)) = organ.iter().find(|(name, _)| has(name)) {
        return match () {
            () if central => Some(Body::PartyOrgan(*organ, Level::Central)),
            () if province => Some(Body::PartyOrgan(*organ, Level::Province)),
            () if district => Some(Body::PartyOrgan(*organ, Level::District)),
            () => None,
        };
    }
    match () {
        () if any(&[phrase!("bộ" "chính" "trị"), phrase!("ban" "bí" "thư")])
            || (central
                && any(&[
                    phrase!("ban" "chấp" "hành" "trung" "ương"),
                    phrase!("trung" "ương" "đảng"),
                ])) =>
        {
            Some(Body::CentralParty)
        }
        () if province => Some(Body::ProvinceParty),
        () if district => Some(Body::DistrictParty),
        () if any(&[
            phrase!("đảng" "ủy"),
            phrase!("đảng" "bộ" "xã"),
            phrase!("đảng" "bộ" "phường"),
            phrase!("đảng" "bộ" "thị" "trấn"),
        ]) =>
        {
            Some(Body::BaseParty)
        }
        () if has(phrase!("thủ" "tướng")) => Some(Body::PrimeMinister),
        () if any(&[phrase!("thanh" "tra" "chính" "phủ"), phrase!("đảng")]) => None,
        () if has(phrase!("chính" "phủ")) => Some(Body::Government),
        () if any(&[phrase!("ubnd"), phrase!("ủy" "ban" "nhân" "dân")]) => Some(Body::Committee),
        () if any(&[phrase!("hđnd"), phrase!("hội" "đồng" "nhân" "dân")]) => Some(Body::Council),
        () if has(phrase!("quốc" "hội")) => Some(Body::NationalAssembly),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Option<Body> {
        let words = keys(name);
        ministry(&words).or_else(|| of_words(&words))
    }

    #[test]
    fn names() {
        assert_eq!(named("Ban Thường vụ Tỉnh uỷ"), Some(Body::ProvinceParty));
        assert_eq!(named("Ban Chấp hành Đảng bộ tỉnh"), Some(Body::ProvinceParty));
        assert_eq!(named("Ban Bí thư Trung ương Đảng"), Some(Body::CentralParty));
        assert_eq!(named("Chủ tịch UBND tỉnh"), Some(Body::Committee));
        assert_eq!(named("Thủ tướng Chính phủ"), Some(Body::PrimeMinister));
        assert_eq!(
            named("Ban Dân vận Tỉnh ủy"),
            Some(Body::PartyOrgan(Organ::MassMobilisation, Level::Province))
        );
        assert_eq!(named("Bộ trưởng Bộ Nội vụ"), Some(Body::Ministry(8)));
        assert_eq!(named("Trung ương Đoàn"), None);
    }

    #[test]
    fn codes() {
        assert_eq!(
            of_code("BDVTW"),
            Some(Body::PartyOrgan(Organ::MassMobilisation, Level::Central))
        );
        assert_eq!(
            of_code("BCSDCP"),
            Some(Body::PartyOrgan(Organ::PartyCaucus, Level::Central))
        );
        assert_eq!(of_code("QH15"), Some(Body::NationalAssembly));
        assert_eq!(of_code("TWDTN"), None);
        let party = |code: &str| writes_as_party(code.split('-'));
        assert_eq!(party("UBND-VP8"), Some(false));
        assert_eq!(party("TU"), Some(true));
        assert_eq!(party("BTC"), None);
        assert_eq!(party("BDVTU-SNV"), Some(true));
    }
}
