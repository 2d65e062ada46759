//! The search for mentions: numbers with their types and dates, and named laws.

use std::sync::Arc;

use super::{Mention, clauses::phrases, keys};
use crate::{
    document::Span,
    extract::{Citation, PartialDate, Symbol, dates, numerals::first_digit, symbols},
    shadow::{Case, Key, KeySet, Kind, Reader, Token, key},
    vocabulary::Vocabulary,
};

/// The first words of the types of laws: luật, pháp lệnh, Hiến pháp.
pub(crate) static LAW_WORDS: KeySet<3> = KeySet::of([keys::LAW, keys::ORDINANCE, keys::CONSTITUTION]);

/// The search for anchors.
pub(super) struct Scanner<'t, 'v> {
    pub(super) reader: Reader<'t>,
    pub(super) vocabulary: &'v Vocabulary,
    /// The report's own number.
    pub(super) own: Span,
    pub(super) own_key: Key,
    pub(super) mentions: Vec<Mention<'v>>,
}

/// What stands before a number.
struct Before {
    /// Where the mention begins.
    start: usize,
    /// Whether "số" stands there.
    numbered: bool,
    kind: Option<Arc<str>>,
    /// Whether the type takes a number without a symbol here.
    bare: bool,
    /// "Nghị quyết của Quốc hội số …".
    issuer: Option<Span>,
}

impl<'v> Scanner<'_, 'v> {
    pub(super) fn scan(&mut self, region: Span) {
        let reader = self.reader;
        let bytes = reader.text.as_bytes();
        let mut from = region.start as usize;
        for token in reader.leads_in(region) {
            let law = LAW_WORDS.has(*token);
            if !(law || token.is_number() || token.has_digits()) {
                continue;
            }
            let start = token.start();
            // "pháp" and "hiến" in small letters are other words.
            if start >= from
                && law
                && matches!(bytes[start], b'l' | b'L' | b'P' | b'H')
                && let Some(end) = self.law(start)
            {
                from = end;
            }
            while start.max(from) < token.end()
                && let Some(digit) = first_digit(bytes, *token, start.max(from)..token.end())
            {
                let number = if digit == start { *token } else { reader.after(digit) };
                from = self.number(number).unwrap_or(number.end());
            }
        }
    }

    /// Reads a mention around a number; where it ends.
    fn number(&mut self, number: Token) -> Option<usize> {
        let reader = self.reader;
        let at = number.start();
        let text = &reader.text[..at];
        // Not inside a word ("QH15") or a number ("1.497/3.602").
        let glued = !number.spaced && text.chars().next_back().is_some_and(char::is_alphabetic);
        if glued && !(text.ends_with("số") || text.ends_with("Số") || text.ends_with("SỐ")) {
            return None;
        }
        if !number.spaced && matches!(text.as_bytes(), [.., b'0'..=b'9', b'.' | b'/']) {
            return None;
        }
        if self.own.start as usize <= at && at < self.own.end as usize {
            return Some(self.own.end as usize);
        }
        let last = reader.previous(number);
        if let Some(end) = self.standard(last) {
            return Some(end);
        }
        let types = &self.vocabulary.document_types;
        let symbol = symbols::parse_with(&reader, types, number);
        if symbol.is_none() && !glued && !self.may_call_number(last) {
            return None;
        }
        if symbol.as_ref().is_some_and(|symbol| self.is_own(symbol)) {
            return symbol.map(|symbol| symbol.span.end as usize);
        }
        let before = self.before(number, glued, symbol.is_some());
        let (symbol, kind) = match symbol {
            Some(symbol) => {
                let kind = self.kind(&before, &symbol)?;
                (symbol, kind)
            }
            None => {
                let symbol = symbols::parse_bare_with(&reader, number)?;
                let kind = self.bare_kind(&before, &symbol)?;
                (symbol, kind)
            }
        };
        let end = symbol.span.end as usize;
        let mut mention = self.mention(Span::new(before.start, end), kind, Some(symbol));
        mention.citation.issuer = before.issuer;
        self.date(&mut mention);
        let end = mention.end;
        self.mentions.push(mention);
        Some(end)
    }

    /// Whether a number alone may be that of a document, by the token before it: a type, "số", or what stands
    /// between the members of a list.
    fn may_call_number(&self, last: Token) -> bool {
        match last.kind {
            Kind::Mark(mark) => matches!(mark, ':' | '.' | ',' | ';'),
            Kind::Word => {
                [keys::NUMBER, keys::AND, keys::OR].contains(&last.key)
                    || self.vocabulary.document_types.may_end(last.key)
            }
            _ => false,
        }
    }

    /// Whether it is the report's own number, as appendices repeat it ("Kèm theo Báo cáo số …").
    fn is_own(&self, symbol: &Symbol) -> bool {
        !self.own.is_empty() && self.own_key == Key::new(self.reader.str(symbol.span))
    }

    /// A technical standard: "QCVN 102:2016/BTTTT", "TCVN 6909:2001".
    fn standard(&mut self, series: Token) -> Option<usize> {
        let reader = self.reader;
        if series.case != Case::Upper || !STANDARDS.contains(&series.key) {
            return None;
        }
        let symbol = symbols::parse_standard(&reader, &self.vocabulary.document_types, series)?;
        let types = &self.vocabulary.document_types;
        let last = reader.previous(series);
        let (kind, start) = match types.ending_with(&reader, last).filter(|_| last.is_word()) {
            Some((kind, first)) => (kind, first.start()),
            None => (types.of_code(series.key)?, series.start()),
        };
        let end = symbol.span.end as usize;
        let mention = self.mention(Span::new(start, end), kind.name.clone(), Some(symbol));
        self.mentions.push(mention);
        Some(end)
    }

    fn mention(&self, span: Span, kind: Arc<str>, symbol: Option<Symbol>) -> Mention<'v> {
        let code = |span: Option<Span>| span.map_or(Key::NONE, |span| Key::new(self.reader.str(span)));
        Mention {
            type_code: code(symbol.as_ref().and_then(|symbol| symbol.type_code)),
            issuer_code: code(symbol.as_ref().and_then(|symbol| symbol.issuer_code)),
            issuer: None,
            end: span.end as usize,
            named: symbol.is_none(),
            citation: Citation {
                span,
                document_type: kind,
                symbol,
                date: None,
                date_span: None,
                issuer: None,
                issuer_implied: None,
                term: None,
                subject: None,
                document: 0,
            },
        }
    }

    /// Reads the date that follows directly: ", ngày 03/6/2013", "(ngày …)", "ký ngày …", "tháng 10/2023".
    fn date(&self, mention: &mut Mention<'_>) {
        let mut at = mention.end;
        let mut token = self.reader.after(at);
        let comma = token.is_mark(',');
        let bracket = token.is_mark('(');
        if comma || bracket {
            at = token.end();
            token = self.reader.after(at);
        }
        for _ in 0..3 {
            if token.is_word() && is_signing_word(token.key) {
                at = token.end();
                token = self.reader.after(at);
            }
        }
        // A year behind a comma begins a new phrase.
        if comma && token.key == keys::YEAR {
            return;
        }
        let Some(found) = dates::parse(&self.reader, at) else {
            return;
        };
        mention.citation.date = Some(found.date);
        mention.citation.date_span = Some(found.span);
        mention.citation.span.end = found.span.end;
        mention.end = found.span.end as usize;
        if bracket {
            let close = self.reader.after(mention.end);
            if close.is_mark(')') {
                mention.end = close.end();
            }
        }
    }

    /// Reads backwards what stands before a number.
    fn before(&self, number: Token, glued: bool, symbol: bool) -> Before {
        let reader = &self.reader;
        let at = number.start();
        let mut before = Before {
            start: at,
            numbered: glued,
            kind: None,
            bare: false,
            issuer: None,
        };
        let mut last = reader.previous(number);
        if glued {
            before.start = at - "số".len();
            last = reader.before(before.start);
        } else {
            let mut token = last;
            if token.is_mark(':') || token.is_mark('.') {
                token = reader.previous(token);
            }
            if token.key == keys::NUMBER || symbol && MISREAD_NUMBER.contains(token.key) {
                before.start = token.start();
                before.numbered = true;
                last = reader.previous(token);
            }
        }
        if !last.is_word() {
            return before;
        }
        let types = &self.vocabulary.document_types;
        if let Some((kind, first)) = types.ending_with(reader, last) {
            // "tổng số", "một số" and the like end in no type; a type word in small letters without
            // "số" is a verb more often than not ("quyết định 12").
            if before.numbered || symbol || (first.is_capitalised() && !reader.token(first).starts_with("Luật")) {
                before.bare = kind.bare;
                before.start = first.start();
                before.kind = Some(kind.name.clone());
                self.extend_law_code(&mut before);
            }
            return before;
        }
        if before.numbered {
            self.modified_type(last, &mut before);
        }
        before
    }

    /// "Bộ luật số": the table's longest match does this already; "bộ" before "Luật" in any case.
    fn extend_law_code(&self, before: &mut Before) {
        if before.kind.as_deref() == Some("Luật") {
            let previous = self.reader.before(before.start);
            if previous.key == keys::CODE {
                before.start = previous.start();
                before.kind = self
                    .vocabulary
                    .document_types
                    .named("Bộ luật")
                    .map(|kind| kind.name.clone());
            }
        }
    }

    /// A type with words of its own between it and "số": "Kế hoạch kiểm tra số", "Nghị quyết của
    /// Quốc hội số".
    fn modified_type(&self, last: Token, before: &mut Before) {
        let reader = &self.reader;
        let types = &self.vocabulary.document_types;
        let mut word = last;
        let mut of = None;
        let mut small = true;
        for count in 0..8 {
            if !word.is_word() {
                return;
            }
            if word.key == keys::OF {
                let name = self.vocabulary.issuers.name_at(reader, word.end());
                of = name
                    .filter(|name| name.span.end as usize == last.end())
                    .map(|name| name.span);
                if of.is_none() {
                    return;
                }
            } else if let Some((kind, first)) = types
                .ending_with(reader, word)
                .filter(|(_, first)| first.is_capitalised())
            {
                let modifiers = Span::new(word.end(), last.end());
                let named = self.vocabulary.issuers.name_at(reader, word.end());
                if of.is_some() {
                    before.issuer = of;
                    before.kind = Some(kind.name.clone());
                } else if named.is_some_and(|name| name.span.end as usize == last.end()) {
                    // "Kế hoạch UBND tỉnh số …".
                    before.kind = Some(kind.name.clone());
                } else if count <= 5 && (small || first.case == Case::Upper) {
                    let words = reader.str(modifiers).split_whitespace().map(str::to_lowercase);
                    let words: Vec<String> = std::iter::once(kind.name.to_string()).chain(words).collect();
                    before.kind = Some(words.join(" ").into());
                } else {
                    return;
                }
                before.bare = kind.bare;
                before.start = first.start();
                return;
            } else if of.is_none() && JOINTS.contains(word.key) {
                return;
            }
            small &= word.case == Case::Lower;
            word = reader.previous(word);
        }
    }

    /// The type of a document with this symbol, from the words before it or from its code.
    fn kind(&self, before: &Before, symbol: &Symbol) -> Option<Arc<str>> {
        if let Some(kind) = &before.kind {
            return Some(kind.clone());
        }
        let code = symbol.type_code.map(|span| Key::new(self.reader.str(span)));
        if let Some(previous) = self.listed_before(before.start) {
            let same = code.is_none() || previous.type_code == Key::NONE || code == Some(previous.type_code);
            if same {
                return Some(previous.citation.document_type.clone());
            }
        }
        let types = &self.vocabulary.document_types;
        if before.numbered && NOT_BEFORE_NUMBER.contains(self.reader.before(before.start).key) {
            return None;
        }
        if let Some(kind) = self.announced(before.start) {
            return Some(kind);
        }
        // "02/BC", "45/KH": without a type word a type code alone is too little.
        symbol.issuer_code?;
        if let Some(kind) = code.and_then(|code| types.of_code(code)) {
            let tight = !self.reader.str(symbol.span).contains(char::is_whitespace);
            return (before.numbered || tight).then(|| kind.name.clone());
        }
        // A letter has no type code; without "số" it is too little to go by.
        let letter = before.numbered && symbol.type_code.is_none() && symbol.style == symbols::NumberStyle::State;
        if letter && symbol.year.is_none() {
            return types.named("Công văn").map(|kind| kind.name.clone());
        }
        None
    }

    /// The type before a colon or bracket: "các Quy định: số 37-QĐ/TW", "Chỉ thị (số 33/CT-TTg)".
    fn announced(&self, start: usize) -> Option<Arc<str>> {
        let mark = self.reader.before(start);
        if !matches!(mark.kind, Kind::Mark(':' | '(')) {
            return None;
        }
        let last = self.reader.previous(mark);
        let types = &self.vocabulary.document_types;
        let (kind, _) = types.ending_with(&self.reader, last).filter(|_| last.is_word())?;
        // "văn bản" is any document; the code says which.
        (&*kind.name != "Văn bản").then(|| kind.name.clone())
    }

    /// The type of a document with a number alone: "Quyết định số 217", "Chỉ thị 05 của", and in
    /// lists ", số 218", ", 218".
    fn bare_kind(&self, before: &Before, symbol: &Symbol) -> Option<Arc<str>> {
        let sequence = symbol.span;
        let next = self.reader.after(sequence.end as usize);
        if let Some(kind) = &before.kind {
            let calling = self.reader.before(before.start);
            if calling.key == key!("là") && !before.numbered {
                return None;
            }
            let year = symbol.span.len() == 4 && !before.numbered;
            let fits =
                before.bare && !year && (before.numbered || self.ends_number(next)) && self.is_no_other_number(next);
            return fits.then(|| kind.clone());
        }
        let previous = self.listed_before(before.start)?;
        let alone = previous
            .citation
            .symbol
            .as_ref()
            .is_some_and(|symbol| symbol.issuer_code.is_none());
        let fits = (before.numbered || alone) && self.ends_number(next) && self.is_no_other_number(next);
        fits.then(|| previous.citation.document_type.clone())
    }

    /// Whether a number alone can end before this token.
    fn ends_number(&self, next: Token) -> bool {
        match next.kind {
            Kind::Break | Kind::End => true,
            Kind::Mark(mark) => matches!(mark, ',' | ';' | '.' | ')' | '(' | '”' | '"' | ':'),
            Kind::Number => false,
            // "Kế hoạch 30 ngày" counts days.
            Kind::Word if next.key == keys::DAY => dates::parse(&self.reader, next.start()).is_some(),
            Kind::Word => [keys::OF, keys::TERM, keys::ABOUT, keys::AND].contains(&next.key),
        }
    }

    /// Whether the number is not the first part of another one ("8,5%", "03/6/2013").
    fn is_no_other_number(&self, next: Token) -> bool {
        let divides = matches!(next.kind, Kind::Mark(',' | '.' | '/' | '-' | '%')) && !next.spaced;
        !(divides && {
            let digit = self.reader.next(next);
            digit.is_number() && !digit.spaced || next.is_mark('%')
        })
    }

    /// The mention before, when only "," ";" "và" stand between it and `start`, or when it is one
    /// of the same sentence and a comma or "và" stands here.
    fn listed_before(&self, start: usize) -> Option<&Mention<'v>> {
        let previous = self.mentions.last()?;
        let mut token = self.reader.before(start);
        let mut at = start;
        for _ in 0..2 {
            let joint = matches!(token.kind, Kind::Mark(',' | ';')) || token.key == keys::AND || token.key == keys::OR;
            if !joint {
                break;
            }
            at = token.start();
            token = self.reader.before(at);
        }
        let joined = at != start && token.end() <= start;
        let near = start.saturating_sub(previous.end) < 400
            && previous.end <= at
            && !self.reader.text[previous.end..at].contains('\n');
        (joined && (token.end() == previous.end || near)).then_some(previous)
    }

    /// Reads the name of a law at the word that begins at `at`; where it ends.
    fn law(&mut self, at: usize) -> Option<usize> {
        let reader = self.reader;
        if reader.text[..at].chars().next_back().is_some_and(char::is_alphanumeric) {
            return None;
        }
        let word = reader.after(at);
        let (mut start, mut last) = (word, word);
        let mut kind = match word.key {
            keys::LAW => "Luật",
            keys::ORDINANCE | keys::CONSTITUTION => {
                last = reader.next(word);
                match (word.key, last.key) {
                    (keys::ORDINANCE, keys::ORDINANCE_2) => "Pháp lệnh",
                    (keys::CONSTITUTION, keys::ORDINANCE) => "Hiến pháp",
                    _ => return None,
                }
            }
            _ => return None,
        };
        let previous = reader.before(at);
        if kind == "Luật" && previous.key == keys::CODE {
            start = previous;
            kind = "Bộ luật";
        } else if previous.is_word() && NOT_BEFORE_LAW.contains(previous.key) {
            return None;
        }
        let kind = self.vocabulary.document_types.named(kind)?.name.clone();
        let first = reader.next(last);
        let name = if &*kind == "Hiến pháp" {
            None
        } else {
            Some(self.law_name(word, first)?)
        };
        // A name that a footnote divides from its type word leaves the span with the type word.
        let torn = name.is_some() && reader.text[last.end()..first.start()].matches('\n').count() > 1;
        let end = match name {
            Some(name) if !torn => name.end as usize,
            _ => last.end(),
        };
        let mut mention = self.mention(Span::new(start.start(), end), kind, None);
        mention.citation.subject = name;
        mention.end = name.map_or(end, |name| name.end as usize);
        // What follows the last of the laws amended speaks of the law that amends.
        let mut before = self.mentions.iter().rev().take(3);
        let amended = before.any(|outer| mention.citation.span.overlaps(outer.citation.span));
        if !torn && !amended {
            self.law_number(&mut mention);
        }
        let end = if first.key == keys::AMENDING {
            first.end()
        } else {
            mention.end
        };
        self.mentions.push(mention);
        Some(end)
    }

    /// The name that follows the type word of a law.
    fn law_name(&self, word: Token, first: Token) -> Option<Span> {
        if !first.is_word() {
            return None;
        }
        let reader = &self.reader;
        let laws = &self.vocabulary.laws;
        if let Some(last) = laws.longest(reader, first) {
            // "luật đất đai" all small speaks of the matter, not of a law.
            let named = word.is_capitalised() || first.is_capitalised();
            return named.then(|| Span::new(first.start(), last.end()));
        }
        if !word.is_capitalised() {
            return None;
        }
        if first.key == keys::AMENDING {
            return self.amended_law(first);
        }
        let shouting = word.case == Case::Upper;
        if !first.is_capitalised() || NOT_BEHIND_LAW.contains(first.key) || shouting {
            return None;
        }
        let mut last = first;
        for _ in 0..12 {
            let next = reader.next(last);
            let digital = next.key == keys::NUMBER && !reader.next(next).is_number();
            let ends = JOINTS.contains(next.key) && !digital || phrases().resumes.longest(reader, next).is_some();
            if !next.is_word() || ends {
                break;
            }
            last = next;
        }
        Some(Span::new(first.start(), last.end()))
    }

    /// "Luật sửa đổi, bổ sung một số điều của Luật Đất đai": the name runs to the end of the last law.
    fn amended_law(&self, first: Token) -> Option<Span> {
        let reader = &self.reader;
        let mut token = first;
        for _ in 0..16 {
            token = reader.next(token);
            if token.is_end() || token.is_mark(';') {
                return None;
            }
            if token.key == keys::LAW {
                let name = reader.next(token);
                let mut last = self.vocabulary.laws.longest(reader, name)?;
                // "của Luật Tổ chức Chính phủ và Luật Tổ chức chính quyền địa phương".
                let and = reader.next(last);
                let law = reader.next(and);
                if and.key == keys::AND && law.key == keys::LAW {
                    let second = self.vocabulary.laws.longest(reader, reader.next(law));
                    last = second.unwrap_or(last);
                }
                return Some(Span::new(first.start(), last.end()));
            }
        }
        None
    }

    /// Where the number begins behind "số", a lost space between them or not.
    fn behind_number_word(&self, word: Token) -> Option<usize> {
        if word.key == keys::NUMBER {
            return Some(self.reader.next(word).start());
        }
        if !word.has_digits() {
            return None;
        }
        let text = self.reader.token(word);
        let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
        (word.is_word() && Key::new(letters) == keys::NUMBER).then(|| word.start() + letters.len())
    }

    /// The year or the number of a named law: "năm 2015", "2015", "số 31/2024/QH15 ngày …".
    fn law_number(&self, mention: &mut Mention<'_>) {
        let reader = &self.reader;
        let next = reader.after(mention.end);
        if next.key == keys::YEAR || next.key == keys::DAY {
            self.date(mention);
        } else if let Some(digits) = self.behind_number_word(next) {
            if let Some(symbol) = symbols::parse(reader, &self.vocabulary.document_types, digits) {
                mention.end = symbol.span.end as usize;
                mention.citation.span.end = symbol.span.end;
                mention.citation.symbol = Some(symbol);
                self.date(mention);
            }
        } else if next.is_number() && next.span.len() == 4 {
            let year = reader
                .token(next)
                .parse()
                .ok()
                .filter(|year| (1945..2100).contains(year));
            if let Some(year) = year.filter(|_| self.ends_number(reader.next(next))) {
                mention.citation.date = Some(PartialDate::new(year, 0, 0));
                mention.citation.date_span = Some(next.span);
                mention.citation.span.end = next.span.end;
                mention.end = next.end();
            }
        }
    }
}

/// "ký ngày", "ban hành ngày", "đề ngày" before a date.
fn is_signing_word(key: Key) -> bool {
    static WORDS: KeySet<5> = KeySet::new(["ký", "ban", "hành", "đề", "được"]);
    WORDS.contains(key)
}

/// Words that no type or name runs across.
static JOINTS: KeySet<26> = KeySet::of([
    keys::OF,
    keys::AND,
    keys::OR,
    keys::WITH,
    keys::ABOUT,
    keys::YEAR,
    keys::NUMBER,
    keys::DAY,
    keys::TERM,
    Key::new("các"),
    Key::new("theo"),
    Key::new("tại"),
    Key::new("trong"),
    Key::new("cho"),
    Key::new("để"),
    Key::new("đã"),
    Key::new("được"),
    Key::new("có"),
    Key::new("là"),
    Key::new("từ"),
    Key::new("đến"),
    Key::new("trên"),
    Key::new("do"),
    Key::new("bằng"),
    Key::new("những"),
    Key::new("tổng"),
]);

/// Words before "số" that number something else: a form, a table, an annex, a telephone.
static NOT_BEFORE_NUMBER: KeySet<8> = KeySet::new(["mẫu", "biểu", "lục", "thoại", "bảng", "tổng", "một", "tổ"]);

/// What scans make of "số"; taken for it before a number and symbol only.
static MISREAD_NUMBER: KeySet<5> = KeySet::new(["sổ", "sô", "só", "sỗ", "so"]);

/// Series of technical standards.
const STANDARDS: [Key; 3] = [Key::new("QCVN"), Key::new("TCVN"), Key::new("QCĐP")];

/// Words before "luật" that make it no law: pháp luật, kỷ luật, Hội Luật gia.
static NOT_BEFORE_LAW: KeySet<9> = KeySet::new(["pháp", "kỷ", "kỉ", "đạo", "quy", "hội", "đoàn", "trường", "khoa"]);

/// Words behind "Luật" that make it no law: Luật sư, Luật gia.
static NOT_BEHIND_LAW: KeySet<4> = KeySet::new(["sư", "gia", "số", "pháp"]);
