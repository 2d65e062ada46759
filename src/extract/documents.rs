//! Resolves mentions to the distinct documents they cite.
//!
//! A state body numbers its documents per year, a Party body per type and term of its committee,
//! so the number alone is no identity: the key of a document holds the type, number and issuer code,
//! and the year or the term. Mentions that give neither join the one document they can mean.

use std::{borrow::Cow, cmp::Reverse, hash::Hash, sync::Arc};

use rustc_hash::FxHashMap;

use crate::{
    document::{Document, Span},
    extract::{Citation, CitedDocument, NumberStyle, PartialDate, Symbol},
    shadow::{Key, is_vietnamese, letter_case},
    vocabulary::Vocabulary,
};

/// Groups the mentions by document and writes each one's index into it.
pub fn resolve(document: &Document, citations: &mut [Citation], vocabulary: &Vocabulary) -> Vec<CitedDocument> {
    let resolver = Resolver {
        text: &document.text,
        vocabulary,
    };
    let documents = resolver.documents(citations);
    for (index, document) in documents.iter().enumerate() {
        for &mention in &document.mentions {
            citations[mention].document = index;
        }
    }
    documents
}

/// What all mentions of a document have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Base<'t> {
    scheme: Scheme,
    /// Canonical type code, or the folded type where there is none.
    kind: Cow<'t, str>,
    /// The number without leading zeros; the folded name of a law.
    sequence: Cow<'t, str>,
    /// Issuer code in capitals.
    issuer: Cow<'t, str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    State,
    Party,
    Law,
}

/// How a mention marks its document.
struct Mark<'t> {
    base: Base<'t>,
    /// The year or the first year of the term, 0 when unknown.
    period: u16,
}

/// What makes two mentions of one number the same document.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Trait<'m> {
    Period(u16),
    Day(u8, u8),
    Subject(&'m str),
}

struct Resolver<'t> {
    text: &'t str,
    vocabulary: &'t Vocabulary,
}

impl<'t> Resolver<'t> {
    fn documents(&self, citations: &[Citation]) -> Vec<CitedDocument> {
        let lenders = self.lenders(citations);
        let marks: Vec<Mark<'_>> = citations
            .iter()
            .zip(&lenders)
            .map(|(citation, &lender)| self.mark(citation, lender.and_then(|lender| citations[lender].symbol.as_ref())))
            .collect();
        let mut by_mark: FxHashMap<&Base<'_>, Vec<usize>> =
            FxHashMap::with_capacity_and_hasher(citations.len(), Default::default());
        for (index, mark) in marks.iter().enumerate() {
            by_mark.entry(&mark.base).or_default().push(index);
        }
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for mentions in by_mark.into_values() {
            if self.is_one(&marks, &mentions) {
                groups.push(mentions);
            } else {
                groups.extend(self.divide(citations, &marks, &mentions));
            }
        }
        groups.sort_by_key(|group| group[0]);
        groups
            .into_iter()
            .map(|mentions| self.document(citations, &marks, mentions))
            .collect()
    }

    /// `lender` is the symbol that lends its codes to a number alone; see [`Self::lenders`].
    fn mark(&self, citation: &Citation, lender: Option<&Symbol>) -> Mark<'t> {
        let date = citation.date.unwrap_or_default();
        let Some(symbol) = &citation.symbol else {
            return Mark {
                base: Base {
                    scheme: Scheme::Law,
                    kind: folded_law(&citation.document_type),
                    sequence: self.subject(citation).into(),
                    issuer: "".into(),
                },
                period: date.year,
            };
        };
        let part = |span: Option<Span>| span.map_or("".into(), |span| code(span.of(self.text)));
        let mut issuer = part(symbol.issuer_code);
        let mut style = symbol.style;
        if let Some(next) = lender.filter(|_| issuer.is_empty()) {
            issuer = part(next.issuer_code);
            style = next.style;
        }
        let scheme = match self.vocabulary.issuers.of_code(&issuer) {
            Some(body) if body.party => Scheme::Party,
            None if style == NumberStyle::Party => Scheme::Party,
            _ => Scheme::State,
        };
        // Types that share a code (Quyết định and Quy định of the Party) share their numbers.
        let types = &self.vocabulary.document_types;
        let written = symbol.type_code.map(|span| Key::new(span.of(self.text)));
        let kind = match written
            .and_then(|code| types.of_code(code))
            .or_else(|| types.named(&citation.document_type))
        {
            Some(kind) if symbol.type_code.is_none() && !symbol_is_bare(symbol) => kind_of_letter(&kind.name),
            Some(kind) if !kind.code.is_empty() => kind.code.as_str().into(),
            _ => fold(&citation.document_type).into(),
        };
        let sequence = symbol.sequence.map_or("", |span| span.of(self.text));
        let sequence = lowercase(sequence.trim_start_matches('0'));
        let year = symbol.year.unwrap_or(date.year);
        let period = match scheme {
            Scheme::Party => self.term(citation, &issuer),
            _ => year,
        };
        Mark {
            base: Base {
                scheme,
                kind,
                sequence,
                issuer,
            },
            period,
        }
    }

    /// The subject of a mention for comparing; empty where it has none.
    fn subject(&self, citation: &Citation) -> String {
        citation.subject.map_or(String::new(), |span| fold(span.of(self.text)))
    }

    /// For each citation, the one from whose symbol a number alone takes its codes: the next of its
    /// list that has any ("1084, 1085/QĐ-BNV"). From the end, so that a long list is read once.
    fn lenders(&self, citations: &[Citation]) -> Vec<Option<usize>> {
        let mut lenders = vec![None; citations.len()];
        for index in (1..citations.len()).rev() {
            let (one, next) = (&citations[index - 1], &citations[index]);
            let gap = self.text.get(one.span.end as usize..next.span.start as usize);
            let listed = gap.is_some_and(|gap| gap.len() <= 12 && !gap.contains(['.', ';']))
                && one.document_type == next.document_type;
            lenders[index - 1] = match &next.symbol {
                Some(symbol) if listed && symbol.issuer_code.is_some() => Some(index),
                Some(_) if listed => lenders[index],
                _ => None,
            };
        }
        lenders
    }

    /// First year of the term of the committee that issued a Party document.
    fn term(&self, citation: &Citation, issuer: &str) -> u16 {
        let central = issuer.contains("TW") || issuer.contains("TƯ");
        let date = citation.date.unwrap_or_default();
        if date.year != 0 {
            // Central congresses meet in January of a year that ends in 1 or 6, local ones in the autumn before.
            return match central {
                true => (date.year - 1) / 5 * 5 + 1,
                false if date.year.is_multiple_of(5) && date.month < 8 => date.year - 5,
                false => date.year / 5 * 5,
            };
        }
        match citation.term {
            Some(span) if central => roman(span.of(self.text)).map_or(0, |term| 1956 + 5 * term),
            _ => 0,
        }
    }

    /// Whether mentions of one number mean one document, since no two give another year or term.
    fn is_one(&self, marks: &[Mark<'_>], mentions: &[usize]) -> bool {
        let periods = mentions.iter().map(|&mention| marks[mention].period);
        let mut known = periods.filter(|&period| period != 0);
        known.next().is_none_or(|first| known.all(|period| period == first))
    }

    /// Divides mentions of one number into documents by year or term. A mention with another year
    /// but the same day and month, or the same subject, means the same document and errs in the year.
    fn divide(&self, citations: &[Citation], marks: &[Mark<'_>], mentions: &[usize]) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let (dated, undated): (Vec<usize>, Vec<usize>) =
            mentions.iter().partition(|&&mention| marks[mention].period != 0);
        let law = marks[mentions[0]].base.scheme == Scheme::Law;
        let subjects: Vec<String> = mentions
            .iter()
            .map(|&mention| self.subject(&citations[mention]))
            .collect();
        let subject_of = |mention: usize| mentions.binary_search(&mention).map_or("", |at| &subjects[at]);
        // The first group that holds a period, a day, a subject.
        let mut known: FxHashMap<Trait<'_>, usize> = FxHashMap::default();
        for mention in dated {
            let date = citations[mention].date.unwrap_or_default();
            let subject = subject_of(mention);
            let traits = [
                Some(Trait::Period(marks[mention].period)),
                (date.is_full() && !law).then_some(Trait::Day(date.month, date.day)),
                (!law && !subject.is_empty()).then_some(Trait::Subject(subject)),
            ];
            let traits = || traits.iter().flatten();
            let group = match traits().filter_map(|one| known.get(one).copied()).min() {
                Some(group) => group,
                None => {
                    groups.push(Vec::new());
                    groups.len() - 1
                }
            };
            groups[group].push(mention);
            for &one in traits() {
                known
                    .entry(one)
                    .and_modify(|first| *first = group.min(*first))
                    .or_insert(group);
            }
        }
        if let ([group], false) = (&mut groups[..], undated.is_empty()) {
            group.extend(undated);
            group.sort_unstable();
        } else {
            // With several candidates the subject decides; what remains is a document of its own.
            let mut rest = Vec::new();
            for mention in undated {
                match known.get(&Trait::Subject(subject_of(mention))) {
                    Some(&group) => groups[group].push(mention),
                    None => rest.push(mention),
                }
            }
            groups.iter_mut().for_each(|group| group.sort_unstable());
            if !rest.is_empty() {
                groups.push(rest);
            }
        }
        groups
    }

    fn document(&self, citations: &[Citation], marks: &[Mark<'_>], mentions: Vec<usize>) -> CitedDocument {
        let first = mentions[0];
        let base = &marks[first].base;
        let period = most(
            mentions
                .iter()
                .map(|&mention| marks[mention].period)
                .filter(|&period| period != 0),
        )
        .unwrap_or(0);
        let dates = || mentions.iter().filter_map(|&mention| citations[mention].date);
        let date: Option<PartialDate> = most(dates().filter(|date| date.is_full())).or_else(|| most(dates()));
        let issuer = self.usual(mentions.iter().filter_map(|&mention| citations[mention].issuer));
        let document_type: Arc<str> = most(mentions.iter().map(|&mention| &citations[mention].document_type))
            .map_or_else(|| "".into(), Arc::clone);
        let period = if period == 0 { String::new() } else { period.to_string() };
        let key = match base.scheme {
            Scheme::Law => ["law:", &base.kind, ":", &base.sequence, ":", &period].concat(),
            Scheme::Party => [
                "party:",
                &base.kind,
                ":",
                &base.sequence,
                ":",
                &base.issuer,
                ":",
                &period,
            ]
            .concat(),
            Scheme::State => [
                "state:",
                &base.kind,
                ":",
                &base.sequence,
                ":",
                &base.issuer,
                ":",
                &period,
            ]
            .concat(),
        };
        CitedDocument {
            key,
            number: self.number(citations, &mentions, base),
            document_type,
            date,
            issuer,
            mentions,
        }
    }

    /// The name met most often, where it stands first.
    fn usual(&self, names: impl Iterator<Item = Span> + Clone) -> Option<Span> {
        let text = |name: Span| name.of(self.text);
        let first = names.clone().next()?;
        if names.clone().all(|name| text(name) == text(first)) {
            return Some(first);
        }
        let names: Vec<Span> = names.collect();
        let folded: Vec<String> = names.iter().map(|name| fold(name.of(self.text))).collect();
        let usual = most(folded.iter());
        let first = folded.iter().position(|name| Some(name) == usual)?;
        Some(names[first])
    }

    /// The number in the notation of its kind of body, whatever separators and spaces are written.
    fn number(&self, citations: &[Citation], mentions: &[usize], base: &Base<'_>) -> String {
        let symbols = || {
            mentions
                .iter()
                .filter_map(|&mention| citations[mention].symbol.as_ref())
        };
        let Some(symbol) = symbols()
            .find(|symbol| symbol.issuer_code.is_some())
            .or_else(|| symbols().next())
        else {
            return String::new();
        };
        let part = |span: Option<Span>| span.map_or("".into(), |span| tidy(span.of(self.text)));
        let sequence = part(symbol.sequence);
        let (slash, year) = symbol.year.map_or(("", String::new()), |year| ("/", year.to_string()));
        let issuer = match part(symbol.issuer_code) {
            issuer if issuer.is_empty() => base.issuer.clone(),
            issuer => issuer,
        };
        let kind = match part(symbol.type_code) {
            kind if kind.is_empty() => kind,
            kind => self.spelled(kind),
        };
        match (base.scheme, kind.is_empty(), issuer.is_empty()) {
            (_, true, true) => [&sequence, slash, &year].concat(),
            (_, true, false) => [&sequence, slash, &year, "/", &issuer].concat(),
            (_, false, true) => [&sequence, slash, &year, "/", &kind].concat(),
            (Scheme::Party, false, false) => [&sequence, slash, &year, "-", &kind, "/", &issuer].concat(),
            (_, false, false) => [&sequence, slash, &year, "/", &kind, "-", &issuer].concat(),
        }
    }

    /// A type code in its usual capitals and with Đ for D ("Ctr", "QD").
    fn spelled(&self, written: Cow<'t, str>) -> Cow<'t, str> {
        let plain = |code: &str| code.to_uppercase().replace('Đ', "D");
        match self.vocabulary.document_types.of_code(Key::new(&written)) {
            Some(found) if found.code == written => written,
            Some(found) if plain(&found.code) == plain(&written) => found.code.as_str().into(),
            _ => written,
        }
    }
}

/// Whether it is a number without any code.
fn symbol_is_bare(symbol: &Symbol) -> bool {
    symbol.type_code.is_none() && symbol.issuer_code.is_none()
}

/// Letters of state bodies carry no type code; laws and resolutions of the National Assembly neither,
/// and there the type divides what the number does not.
fn kind_of_letter(name: &str) -> Cow<'static, str> {
    match name {
        "Công văn" | "Văn bản" | "Công điện" | "Thông báo" => "".into(),
        name => fold(name).into(),
    }
}

/// The type of a law, folded.
fn folded_law(name: &str) -> Cow<'static, str> {
    match name {
        "Luật" => "luật".into(),
        "Bộ luật" => "bộ luật".into(),
        name => fold(name).into(),
    }
}

/// In small letters; as it stands where it has no others.
fn lowercase(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return text.into();
    }
    text.to_lowercase().into()
}

/// The value met most often; the first of several.
fn most<T: Eq + Hash>(values: impl Iterator<Item = T> + Clone) -> Option<T> {
    let first = values.clone().next()?;
    if values.clone().all(|value| value == first) {
        return Some(first);
    }
    // How often each is met, and where first.
    let mut counts: FxHashMap<T, (usize, Reverse<usize>)> = FxHashMap::default();
    for (at, value) in values.enumerate() {
        counts.entry(value).or_insert((0, Reverse(at))).0 += 1;
    }
    counts.into_iter().max_by_key(|&(_, rank)| rank).map(|(value, _)| value)
}

/// The number of a term in Roman or Arabic digits.
fn roman(text: &str) -> Option<u16> {
    if let Ok(number) = text.parse() {
        return (1..40).contains(&number).then_some(number);
    }
    let mut sum: i32 = 0;
    let mut last = 0;
    for letter in text.chars().rev() {
        let value = match letter.to_ascii_uppercase() {
            'I' => 1,
            'V' => 5,
            'X' => 10,
            _ => return None,
        };
        sum += if value < last { -value } else { value };
        last = value;
    }
    u16::try_from(sum).ok().filter(|sum| (1..40).contains(sum))
}

/// A code without spaces, in one kind of dash and Đ.
fn tidy(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/'))
    {
        return text.into();
    }
    let letters = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '*' | '_'));
    letters
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            'Ð' | 'Ɖ' => 'Đ',
            c => c,
        })
        .collect()
}

/// A code for comparing: tidy and in capitals.
fn code(text: &str) -> Cow<'_, str> {
    let code = tidy(text);
    if code.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_lowercase()) {
        return code;
    }
    code.to_uppercase().into()
}

/// Words for comparing: small letters, single spaces, no marks, the tone mark where hòa has it.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if c.is_ascii_lowercase() {
            begin_word(&mut folded, &mut inside);
            folded.push(c);
            continue;
        }
        let case = letter_case(c);
        if case.is_none() && !c.is_numeric() {
            if inside {
                settle_tone(&mut folded);
            }
            inside = false;
            continue;
        }
        begin_word(&mut folded, &mut inside);
        match case {
            Some(false) if c.is_ascii() || is_vietnamese(c) => folded.push(c),
            _ => folded.extend(c.to_lowercase()),
        }
    }
    if inside {
        settle_tone(&mut folded);
    }
    folded
}

/// Sets a space before a word, unless it goes on or is the first.
fn begin_word(folded: &mut String, inside: &mut bool) {
    if !*inside && !folded.is_empty() {
        folded.push(' ');
    }
    *inside = true;
}

/// "hoà" as "hòa", "thuý" as "thúy": the tone mark of open oa, oe, uy at the end on the first vowel.
fn settle_tone(text: &mut String) {
    const FIRST: [&str; 2] = ["oòỏõóọ", "uùủũúụ"];
    const SECOND: [(char, &str, usize); 3] = [('o', "aàảãáạ", 0), ('o', "eèẻẽéẹ", 0), ('u', "yỳỷỹýỵ", 1)];
    let mut letters = text.chars().rev();
    let (Some(vowel), Some(glide @ ('o' | 'u'))) = (letters.next(), letters.next()) else {
        return;
    };
    if vowel.is_ascii() || letters.next() == Some('q') {
        return;
    }
    for (first, seconds, row) in SECOND {
        let tone = seconds.chars().position(|second| second == vowel);
        if let (true, Some(tone)) = (glide == first, tone) {
            text.truncate(text.len() - vowel.len_utf8() - glide.len_utf8());
            text.extend(FIRST[row].chars().nth(tone));
            text.extend(seconds.chars().next());
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract;

    fn keys(text: &str) -> Vec<(String, String, usize)> {
        let document = Document::plain(text);
        let report = extract::extract(&document, Vocabulary::embedded());
        let documents = report.documents.into_iter();
        documents
            .map(|document| (document.key, document.number, document.mentions.len()))
            .collect()
    }

    fn row(key: &str, number: &str, mentions: usize) -> (String, String, usize) {
        (key.to_owned(), number.to_owned(), mentions)
    }

    #[test]
    fn spellings_of_one_number_are_one_document() {
        let text = "Kế hoạch số 07/KH-UBND, ngày 03/4/2022 về trồng rừng; theo Kế hoạch số 07-KH/UBND, ngày 03/4/2022 và \
                    Kế hoạch số 07/KH- UBND.";
        assert_eq!(keys(text), [row("state:KH:7:UBND:2022", "07/KH-UBND", 3)]);
    }

    #[test]
    fn the_year_or_the_term_divides_what_the_number_does_not() {
        let text = "Chỉ thị số 05-CT/TW, ngày 15/5/2016 của Bộ Chính trị, Chỉ thị số 05-CT/TW, ngày 07/9/2021 của Ban Bí thư. \
                    Quyết định số 9/QĐ-UBND ngày 01/02/2020 và Quyết định số 9/QĐ-UBND ngày 05/3/2021.";
        assert_eq!(
            keys(text),
            [
                row("party:CT:5:TW:2016", "05-CT/TW", 1),
                row("party:CT:5:TW:2021", "05-CT/TW", 1),
                row("state:QĐ:9:UBND:2020", "9/QĐ-UBND", 1),
                row("state:QĐ:9:UBND:2021", "9/QĐ-UBND", 1),
            ]
        );
    }

    #[test]
    fn a_wrong_year_makes_no_second_document() {
        let text =
            "Nghị quyết số 25-NQ/TW, ngày 03/6/2013 và Nghị quyết số 25-NQ/TW, ngày 03/6/2023; Nghị quyết số 25-NQ/TW.";
        assert_eq!(keys(text).len(), 1);
    }

    #[test]
    fn lists_lend_their_codes_and_terms_give_years() {
        let text = "các Quyết định số 1084, 1085/QĐ-BNV. Quyết định số 217-QĐ/TW của Bộ Chính trị (khóa XI).";
        assert_eq!(
            keys(text),
            [
                row("state:QĐ:1084:BNV:", "1084/BNV", 1),
                row("state:QĐ:1085:BNV:", "1085/QĐ-BNV", 1),
                row("party:QĐ:217:TW:2011", "217-QĐ/TW", 1),
            ]
        );
    }

    #[test]
    fn laws_by_name() {
        let text = "theo Luật Hoà giải ở cơ sở và Luật Hòa giải ở cơ sở năm 2013.";
        assert_eq!(keys(text), [row("law:luật:hòa giải ở cơ sở:2013", "", 2)]);
    }

    #[test]
    fn roman_terms() {
        for (text, number) in [
            ("IX", Some(9)),
            ("XI", Some(11)),
            ("XIV", Some(14)),
            ("XXIV", Some(24)),
            ("12", Some(12)),
            ("ABC", None),
        ] {
            assert_eq!(roman(text), number, "{text}");
        }
    }
}
