//! Mentions of other documents.
//!
//! One scan looks for anchors: digits (a number and symbol, or a number alone behind a type word)
//! and the words that begin the names of laws. At an anchor the type is read backwards and the
//! date forwards, which gives the mention. Then each mention's surroundings are read on: issuer,
//! term and subject, as far as the sentence speaks of that document. At last the members of a list
//! share the issuer named at its end.

use std::sync::{Arc, LazyLock};

use crate::{
    document::{Document, Span},
    extract::{Citation, Header, Layout, PartialDate, Symbol, dates, symbols},
    shadow::{Case, Key, Kind, Reader, Token},
    vocabulary::{Phrases, Vocabulary, issuers::IssuerName},
};

mod keys {
    use crate::shadow::Key;

    pub const NUMBER: Key = Key::new("số");
    pub const OF: Key = Key::new("của");
    pub const AND: Key = Key::new("và");
    pub const OR: Key = Key::new("hoặc");
    pub const WITH: Key = Key::new("với");
    pub const ABOUT: Key = Key::new("về");
    pub const MATTER: Key = Key::new("việc");
    pub const BETWEEN: Key = Key::new("giữa");
    pub const TERM: Key = Key::new("khóa");
    pub const TENURE: Key = Key::new("nhiệm");
    pub const TENURE_2: Key = Key::new("kỳ");
    pub const DAY: Key = Key::new("ngày");
    pub const YEAR: Key = Key::new("năm");
    pub const LAW: Key = Key::new("luật");
    pub const CODE: Key = Key::new("bộ");
    pub const CONSTITUTION: Key = Key::new("hiến");
    pub const ORDINANCE: Key = Key::new("pháp");
    pub const ORDINANCE_2: Key = Key::new("lệnh");
    pub const AMENDING: Key = Key::new("sửa");
    pub const PERIOD: Key = Key::new("giai");
    pub const ON: Key = Key::new("trên");
}

/// Longest way, in tokens, from a document to the end of its subject.
const MAX_SUBJECT: usize = 260;

/// Finds every mention of another document.
pub fn extract(document: &Document, layout: &Layout, vocabulary: &Vocabulary, header: &Header) -> Vec<Citation> {
    let reader = layout.reader(document);
    let own = header.number.as_ref().map_or(Span::default(), |number| number.span);
    let mut scanner = Scanner {
        reader,
        vocabulary,
        own,
        mentions: Vec::new(),
    };
    for region in regions(document, layout) {
        scanner.scan(region);
    }
    let mut mentions = scanner.mentions;
    mentions.sort_by_key(|mention| mention.citation.span.start);
    // Only the law that another one amends lies inside a mention.
    mentions.dedup_by(|next, kept| next.citation.span.overlaps(kept.citation.span) && !(next.named && kept.named));
    Surroundings { reader, vocabulary }.read(&mut mentions);
    mentions.into_iter().map(|mention| mention.citation).collect()
}

/// Where citations can stand: everywhere but in the masthead and the closing.
fn regions(document: &Document, layout: &Layout) -> Vec<Span> {
    let mut start = layout.body.start as usize;
    let end = document.text.len();
    let mut regions = Vec::new();
    if !layout.closing.is_empty() {
        let closing = document.line(layout.closing.start).start as usize;
        if closing > start {
            regions.push(Span::new(start, closing));
        }
        start = start.max(document.line(layout.closing.end - 1).end as usize);
    }
    if start < end {
        regions.push(Span::new(start, end));
    }
    for note in &layout.notes {
        if !regions.iter().any(|region| region.contains(note.body)) {
            regions.push(note.body);
        }
    }
    regions
}

/// A mention while it is being read.
struct Mention<'v> {
    citation: Citation,
    /// Folded type code and issuer code, for comparing.
    type_code: Key,
    issuer_code: Key,
    /// What is known of the named issuer.
    issuer: Option<IssuerName<'v>>,
    /// Where the words that speak of this document end.
    end: usize,
    /// Where reading on begins, when not behind the span (a subject cut off by a footnote).
    named: bool,
}

/// The search for anchors.
struct Scanner<'t, 'v> {
    reader: Reader<'t>,
    vocabulary: &'v Vocabulary,
    own: Span,
    mentions: Vec<Mention<'v>>,
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
    fn scan(&mut self, region: Span) {
        let bytes = self.reader.text.as_bytes();
        let (mut i, end) = (region.start as usize, region.end as usize);
        while i < end {
            i = match bytes[i] {
                b'0'..=b'9' => {
                    let digits = bytes[i..end].iter().take_while(|byte| byte.is_ascii_digit()).count();
                    self.number(i).unwrap_or(i + digits)
                }
                b'l' | b'L' if matches!(bytes.get(i + 1), Some(b'u' | b'U')) => self.law(i).unwrap_or(i + 1),
                b'P' | b'H' => self.law(i).unwrap_or(i + 1),
                _ => i + 1,
            };
        }
    }

    /// Reads a mention around the number at `at`; where it ends.
    fn number(&mut self, at: usize) -> Option<usize> {
        let reader = self.reader;
        let text = &reader.text[..at];
        // Not inside a word ("QH15") or a number ("1.497/3.602").
        let glued = text.chars().next_back().is_some_and(char::is_alphabetic);
        if glued && !(text.ends_with("số") || text.ends_with("Số") || text.ends_with("SỐ")) {
            return None;
        }
        let bytes = text.as_bytes();
        if matches!(bytes, [.., b'0'..=b'9', b'.' | b'/']) {
            return None;
        }
        if self.own.start as usize <= at && at < self.own.end as usize {
            return Some(self.own.end as usize);
        }
        let types = &self.vocabulary.document_types;
        let symbol = symbols::parse(&reader, types, at);
        let before = self.before(at, glued, symbol.is_some());
        let (symbol, kind) = match symbol {
            Some(symbol) => {
                let kind = self.kind(&before, &symbol)?;
                (symbol, kind)
            }
            None => {
                let symbol = symbols::parse_bare(&reader, at)?;
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

    /// Reads backwards what stands before the number at `at`.
    fn before(&self, at: usize, glued: bool, symbol: bool) -> Before {
        let reader = &self.reader;
        let mut before = Before {
            start: at,
            numbered: glued,
            kind: None,
            bare: false,
            issuer: None,
        };
        if glued {
            before.start = at - "số".len();
        } else {
            let mut token = reader.before(at);
            if token.is_mark(':') || token.is_mark('.') {
                token = reader.before(token.start());
            }
            if token.key == keys::NUMBER {
                before.start = token.start();
                before.numbered = true;
            }
        }
        let last = reader.before(before.start);
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
                if of.is_some() {
                    before.issuer = of;
                    before.kind = Some(kind.name.clone());
                } else if count <= 5 {
                    let words = reader.str(modifiers).split_whitespace().map(str::to_lowercase);
                    let words: Vec<String> = std::iter::once(kind.name.to_string()).chain(words).collect();
                    before.kind = Some(words.join(" ").into());
                } else {
                    return;
                }
                before.bare = kind.bare;
                before.start = first.start();
                return;
            } else if of.is_none()
                && (word.case != Case::Lower || JOINTS.contains(&word.key))
                && count > 0
                && !self.may_be_name(word)
            {
                return;
            }
            word = reader.before(word.start());
        }
    }

    /// Whether a capitalised word may belong to the name of an issuer before "số".
    fn may_be_name(&self, word: Token) -> bool {
        word.is_capitalised()
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
        if before.numbered && NOT_BEFORE_NUMBER.contains(&self.reader.before(before.start).key) {
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
        let last = self.reader.before(mark.start());
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
            if calling.key == Key::new("là") && !before.numbered {
                return None;
            }
            let fits = before.bare && (before.numbered || self.ends_number(next)) && self.is_no_other_number(next);
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
            Kind::Word => [keys::OF, keys::DAY, keys::TERM, keys::ABOUT, keys::AND].contains(&next.key),
        }
    }

    /// Whether the number is not the first part of another one ("8,5%", "03/6/2013").
    fn is_no_other_number(&self, next: Token) -> bool {
        let divides = matches!(next.kind, Kind::Mark(',' | '.' | '/' | '-' | '%')) && !next.spaced;
        !(divides && {
            let digit = self.reader.after(next.end());
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
                last = reader.after(word.end());
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
        } else if previous.is_word() && NOT_BEFORE_LAW.contains(&previous.key) {
            return None;
        }
        let kind = self.vocabulary.document_types.named(kind)?.name.clone();
        let first = reader.after(last.end());
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
        if !torn {
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
        if !first.is_capitalised() || NOT_BEHIND_LAW.contains(&first.key) || shouting {
            return None;
        }
        let mut last = first;
        for _ in 0..12 {
            let next = reader.after(last.end());
            let digital = next.key == keys::NUMBER && !reader.after(next.end()).is_number();
            let ends = JOINTS.contains(&next.key) && !digital || phrases().resumes.longest(reader, next).is_some();
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
            token = reader.after(token.end());
            if token.is_end() || token.is_mark(';') {
                return None;
            }
            if token.key == keys::LAW {
                let name = reader.after(token.end());
                let last = self.vocabulary.laws.longest(reader, name)?;
                return Some(Span::new(first.start(), last.end()));
            }
        }
        None
    }

    /// Where the number begins behind "số", a lost space between them or not.
    fn behind_number_word(&self, word: Token) -> Option<usize> {
        if word.key == keys::NUMBER {
            return Some(self.reader.after(word.end()).start());
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
            if let Some(year) = year.filter(|_| self.ends_number(reader.after(next.end()))) {
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
    const WORDS: [Key; 5] = [
        Key::new("ký"),
        Key::new("ban"),
        Key::new("hành"),
        Key::new("đề"),
        Key::new("được"),
    ];
    WORDS.contains(&key)
}

/// Words that no type or name runs across.
const JOINTS: [Key; 26] = [
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
];

/// Words before "số" that number something else: a form, a table, an annex, a telephone.
const NOT_BEFORE_NUMBER: [Key; 8] = [
    Key::new("mẫu"),
    Key::new("biểu"),
    Key::new("lục"),
    Key::new("thoại"),
    Key::new("bảng"),
    Key::new("tổng"),
    Key::new("một"),
    Key::new("tổ"),
];

/// Words before "luật" that make it no law: pháp luật, kỷ luật, Hội Luật gia.
const NOT_BEFORE_LAW: [Key; 9] = [
    Key::new("pháp"),
    Key::new("kỷ"),
    Key::new("kỉ"),
    Key::new("đạo"),
    Key::new("quy"),
    Key::new("hội"),
    Key::new("đoàn"),
    Key::new("trường"),
    Key::new("khoa"),
];

/// Words behind "Luật" that make it no law: Luật sư, Luật gia.
const NOT_BEHIND_LAW: [Key; 4] = [Key::new("sư"), Key::new("gia"), Key::new("số"), Key::new("pháp")];

/// What follows a document and speaks of it: issuer, term, subject.
struct Surroundings<'t, 'v> {
    reader: Reader<'t>,
    vocabulary: &'v Vocabulary,
}

impl<'v> Surroundings<'_, 'v> {
    fn read(&self, mentions: &mut [Mention<'v>]) {
        let starts: Vec<Span> = mentions.iter().map(|mention| mention.citation.span).collect();
        for (index, mention) in mentions.iter_mut().enumerate() {
            self.read_one(mention, &starts[index + 1..]);
        }
        self.share(mentions, &starts);
        for mention in mentions {
            self.implied(mention);
        }
    }

    /// Reads what follows one mention, up to where the sentence speaks of something else.
    fn read_one(&self, mention: &mut Mention<'v>, later: &[Span]) {
        for _ in 0..10 {
            let token = self.reader.after(mention.end);
            let went_on = match token.kind {
                Kind::Mark('(') => self.bracket(mention, token),
                Kind::Mark(',') => self.behind_comma(mention, token),
                Kind::Mark(_) if token.is_quote() && !mention.named && self.opens(token) => {
                    self.subject(mention, token, later)
                }
                Kind::Mark(mark) => self.note_mark(mention, token, mark),
                Kind::Word => self.word(mention, token, later),
                _ => false,
            };
            if !went_on {
                return;
            }
        }
    }

    fn word(&self, mention: &mut Mention<'v>, token: Token, later: &[Span]) -> bool {
        match token.key {
            keys::TERM | keys::TENURE => self.term(mention, token),
            keys::OF => self.issuer(mention, token),
            keys::BETWEEN => self.between(mention, token),
            _ if mention.named => false,
            keys::ABOUT => {
                let mut first = self.reader.after(token.end());
                // "về của UBND tỉnh về …": the first "về" is a slip.
                if first.key == keys::OF && mention.citation.issuer.is_none() {
                    return self.issuer(mention, first);
                }
                if first.key == keys::MATTER {
                    first = self.reader.after(first.end());
                }
                self.subject(mention, first, later)
            }
            _ if phrases().openers.longest(&self.reader, token).is_some() => self.subject(mention, token, later),
            _ if token.key == Key::new("v") => self.shorthand_about(mention, token, later),
            _ => false,
        }
    }

    /// "V/v …".
    fn shorthand_about(&self, mention: &mut Mention<'v>, token: Token, later: &[Span]) -> bool {
        let slash = self.reader.after(token.end());
        let second = self.reader.after(slash.end());
        slash.is_mark('/') && second.key == token.key && self.subject(mention, self.reader.after(second.end()), later)
    }

    /// A mark of a footnote (¹, [1]) is passed over.
    fn note_mark(&self, mention: &mut Mention<'v>, token: Token, mark: char) -> bool {
        match mark {
            '¹' | '²' | '³' | '⁰' | '⁴'..='⁹' => {
                mention.end = token.end();
                true
            }
            '[' => {
                let number = self.reader.after(token.end());
                let close = self.reader.after(number.end());
                if number.is_number() && close.is_mark(']') {
                    mention.end = close.end();
                    return true;
                }
                false
            }
            _ => false,
        }
    }

    /// A bracket: a term, a footnote's number, or a remark ("sau đây gọi tắt là …") to pass over.
    fn bracket(&self, mention: &mut Mention<'v>, open: Token) -> bool {
        let first = self.reader.after(open.end());
        if first.key == keys::ABOUT && mention.citation.subject.is_none() && !mention.named {
            mention.end = open.end();
            return true;
        }
        if matches!(first.key, keys::TERM | keys::TENURE) && !self.term(mention, first) {
            return false;
        }
        let mut at = mention.end.max(open.end());
        for _ in 0..60 {
            let token = self.reader.after(at);
            if token.is_end() {
                return false;
            }
            at = token.end();
            if token.is_mark(')') {
                mention.end = at;
                return true;
            }
        }
        false
    }

    fn behind_comma(&self, mention: &mut Mention<'v>, comma: Token) -> bool {
        let next = self.reader.after(comma.end());
        if next.key == Key::new("hội") && mention.citation.subject.is_none() {
            return self.conference(mention, next);
        }
        let fits = match next.key {
            keys::TERM | keys::TENURE => mention.citation.term.is_none(),
            keys::OF => mention.citation.issuer.is_none(),
            keys::BETWEEN | keys::ABOUT => mention.citation.subject.is_none(),
            _ => false,
        };
        if fits {
            mention.end = comma.end();
        }
        fits
    }

    /// ", Hội nghị lần thứ bảy Ban Chấp hành Trung ương khóa X về …": says where, passed over.
    fn conference(&self, mention: &mut Mention<'v>, first: Token) -> bool {
        let ordinal = self.reader.after(self.reader.after(first.end()).end());
        let Some(name) = self.vocabulary.issuers.name_at(&self.reader, first.start()) else {
            return false;
        };
        let behind = self.reader.after(name.span.end as usize);
        let fits =
            ordinal.key == Key::new("lần") && matches!(behind.key, keys::TERM | keys::ABOUT) || behind.is_mark('(');
        if fits {
            mention.end = name.span.end as usize;
        }
        fits
    }

    /// "khóa XI", "nhiệm kỳ 2020 - 2025".
    fn term(&self, mention: &mut Mention<'v>, word: Token) -> bool {
        let mut value = self.reader.after(word.end());
        if word.key == keys::TENURE {
            if value.key != keys::TENURE_2 {
                return false;
            }
            value = self.reader.after(value.end());
        }
        if !value.is_number() && !is_roman(self.reader.token(value)) {
            return false;
        }
        let mut span = value.span;
        let dash = self.reader.after(value.end());
        let second = self.reader.after(dash.end());
        if value.is_number() && dash.is_mark('-') && second.is_number() {
            span.end = second.span.end;
        }
        mention.citation.term.get_or_insert(span);
        mention.end = span.end as usize;
        true
    }

    /// "của …": one body, or several issuing together.
    fn issuer(&self, mention: &mut Mention<'v>, of: Token) -> bool {
        if mention.citation.issuer.is_some() {
            return false;
        }
        let kind = &mention.citation.document_type;
        let jointly = kind.contains("liên") || kind.contains("phối hợp");
        let Some(name) = self.names(of.end(), jointly) else {
            return false;
        };
        mention.citation.issuer = Some(name.span);
        mention.issuer = Some(name);
        mention.end = name.span.end as usize;
        true
    }

    /// The name of the body or bodies at `from`. Behind a document issued jointly every body belongs
    /// to the name; behind others one may be the subject of what follows.
    fn names(&self, from: usize, all: bool) -> Option<IssuerName<'v>> {
        let issuers = &self.vocabulary.issuers;
        let mut name = issuers.name_at(&self.reader, from)?;
        for _ in 0..4 {
            let joint = self.reader.after(name.span.end as usize);
            if !(joint.key == keys::AND || joint.is_mark(',') || joint.key == keys::WITH) {
                break;
            }
            let Some(next) = issuers.name_at(&self.reader, joint.end()) else {
                break;
            };
            // The next body is the subject of what follows, unless the names end the phrase.
            let behind = self.reader.after(next.span.end as usize);
            let ends = match behind.kind {
                Kind::Break | Kind::End => true,
                Kind::Mark(mark) => mark != ',' && mark != '-' || joint.key == keys::AND,
                Kind::Word => {
                    matches!(behind.key, keys::ABOUT | keys::TERM) || joint.key == keys::AND && behind.key == keys::AND
                }
                Kind::Number => false,
            };
            if !ends && !all {
                break;
            }
            name.span.end = next.span.end;
        }
        Some(name)
    }

    /// "giữa A và B": passed over, names no issuer.
    fn between(&self, mention: &mut Mention<'v>, word: Token) -> bool {
        let issuers = &self.vocabulary.issuers;
        let Some(first) = issuers.name_at(&self.reader, word.end()) else {
            return false;
        };
        mention.end = first.span.end as usize;
        for _ in 0..4 {
            let joint = self.reader.after(mention.end);
            if !(matches!(joint.key, keys::AND | keys::WITH) || joint.is_mark(',')) {
                break;
            }
            let Some(next) = issuers.name_at(&self.reader, joint.end()) else {
                break;
            };
            mention.end = next.span.end as usize;
        }
        true
    }

    /// Reads the subject from its first token on, and an issuer at its end.
    fn subject(&self, mention: &mut Mention<'v>, first: Token, later: &[Span]) -> bool {
        if mention.citation.subject.is_some() || first.is_end() {
            return false;
        }
        let wanted = if mention.citation.issuer.is_none() {
            mention.issuer_span()
        } else {
            None
        };
        let end = if first.is_quote() {
            self.quoted(first, wanted, later)
        } else {
            self.unquoted(first, wanted, later)
        };
        let Some(end) = end else { return false };
        let subject = self.trim(end.subject);
        if subject.is_empty() {
            return false;
        }
        mention.citation.subject = Some(subject);
        mention.end = end.behind;
        true
    }

    /// A leading Về/Về việc and outer marks dropped.
    fn trim(&self, mut subject: Span) -> Span {
        let first = self.reader.after(subject.start as usize);
        if first.key == keys::ABOUT && first.end() < subject.end as usize {
            let second = self.reader.after(first.end());
            let start = if second.key == keys::MATTER {
                self.reader.after(second.end()).start()
            } else {
                second.start()
            };
            subject.start = (start as u32).min(subject.end);
        }
        subject
    }

    /// The subject between quotes that opens at `open`. Where the closing quote is missing it ends at
    /// an inner one behind which the sentence goes on as behind a title.
    fn quoted(&self, open: Token, wanted: Option<Span>, later: &[Span]) -> Option<End> {
        let start = self.reader.after(open.end()).start();
        let mut depth = 1;
        let mut at = open.end();
        let mut fallback = None;
        for _ in 0..MAX_SUBJECT {
            let token = self.reader.after(at);
            if token.is_end() {
                break;
            }
            if token.is_quote() {
                if self.opens(token) {
                    depth += 1;
                } else {
                    depth -= 1;
                    let end = End {
                        subject: Span::new(start, token.start()),
                        behind: token.end(),
                    };
                    if depth == 0 {
                        return Some(self.beyond_quote(open, end, wanted, later));
                    }
                    if fallback.is_none() && self.ends_title(token, wanted, later) {
                        fallback = Some(End {
                            subject: Span::new(start, token.end()),
                            behind: token.end(),
                        });
                    }
                }
            }
            at = token.end();
        }
        fallback.or_else(|| self.unquoted(self.reader.after(open.end()), wanted, later))
    }

    /// Whether a quote opens, by the space around it rather than by its shape, which is often wrong.
    fn opens(&self, quote: Token) -> bool {
        let next = self.reader.after(quote.end());
        let before = self.reader.before(quote.start());
        let begins = quote.spaced || matches!(before.kind, Kind::Mark('(' | '“' | '"' | '„') | Kind::Break | Kind::End);
        match quote.kind {
            Kind::Mark('"') => begins && !next.spaced && (next.is_word() || next.is_number() || next.is_quote()),
            Kind::Mark('”' | '»') => quote.spaced && !next.spaced && (next.is_word() || next.is_number()),
            _ => !(!begins && (next.spaced || !(next.is_word() || next.is_number()))),
        }
    }

    /// Whether the text goes on behind this inner quote as it does behind a whole title.
    fn ends_title(&self, quote: Token, wanted: Option<Span>, later: &[Span]) -> bool {
        let next = self.reader.after(quote.end());
        match next.kind {
            Kind::Break | Kind::End | Kind::Mark('.' | ';') => true,
            Kind::Mark(',') => self.listed(next.end(), later),
            Kind::Word if next.key == keys::AND => self.listed(next.end(), later),
            Kind::Word if next.key == keys::OF => self.wanted_issuer(next, wanted),
            _ => false,
        }
    }

    /// A title goes on behind its quote with a year or a period: “Năm dân vận chính quyền” 2018.
    fn beyond_quote(&self, open: Token, end: End, wanted: Option<Span>, later: &[Span]) -> End {
        let next = self.reader.after(end.behind);
        let goes_on = next.is_number() && next.spaced || [keys::YEAR, keys::PERIOD, keys::ON].contains(&next.key);
        if !goes_on {
            return end;
        }
        self.unquoted_from(open.start(), end.behind, wanted, later)
            .unwrap_or(end)
    }

    fn unquoted(&self, first: Token, wanted: Option<Span>, later: &[Span]) -> Option<End> {
        self.unquoted_from(first.start(), first.start(), wanted, later)
    }

    /// The subject without quotes: up to where the clause ends.
    fn unquoted_from(&self, start: usize, from: usize, wanted: Option<Span>, later: &[Span]) -> Option<End> {
        let mut at = from;
        let mut end = from;
        let (mut quotes, mut brackets) = (0, 0);
        let mut quoted_from = end;
        let mut behind_inner = 0;
        for count in 0..MAX_SUBJECT {
            // Documents inside the subject are taken whole: their dates and numbers end nothing.
            if let Some(inner) = self.mention_at(self.reader.after(at).start(), later) {
                at = inner.end as usize;
                end = at;
                behind_inner = at;
                continue;
            }
            let token = self.reader.after(at);
            if token.is_end() {
                break;
            }
            if token.is_quote() {
                if self.opens(token) {
                    if quotes == 0 {
                        quoted_from = end;
                    }
                    quotes += 1;
                } else if quotes == 0 {
                    // The quote closes around the whole mention.
                    break;
                } else {
                    quotes -= 1;
                }
            } else if quotes == 0 {
                match token.kind {
                    Kind::Mark('(') if self.is_remark(token) => break,
                    Kind::Mark('(') => brackets += 1,
                    Kind::Mark(')') if brackets == 0 => break,
                    Kind::Mark(')') => brackets -= 1,
                    _ if brackets > 0 => {}
                    Kind::Mark(';' | ':') => break,
                    Kind::Mark('.') if self.ends_sentence(token, at) => break,
                    Kind::Mark(',') if self.clause_ends_behind_comma(token, later) => break,
                    Kind::Mark('¹' | '²' | '³' | '⁰' | '⁴'..='⁹') if !self.reader.after(token.end()).is_word() =>
                    {
                        break;
                    }
                    Kind::Mark('[') if self.reader.after(token.end()).is_number() => break,
                    Kind::Word if token.key == keys::AND && self.clause_ends_behind_and(token, later) => break,
                    Kind::Word
                        if token.key == keys::OF
                            && at != behind_inner
                            && self.wanted_issuer(token, wanted)
                            && self.issuer_ends_clause(token, later) =>
                    {
                        break;
                    }
                    Kind::Word if count > 0 && self.resumes(token) => break,
                    _ => {}
                }
            }
            at = token.end();
            end = at;
        }
        // A quote that never closes is none: the clause ended where it opened, at the latest.
        if quotes > 0 && end - quoted_from > 600 {
            end = quoted_from;
        }
        (end > start).then(|| End {
            subject: Span::new(start, end),
            behind: end,
        })
    }

    /// The mention that begins at `start`.
    fn mention_at(&self, start: usize, later: &[Span]) -> Option<Span> {
        let index = later.binary_search_by_key(&(start as u32), |span| span.start).ok()?;
        Some(later[index])
    }

    /// Whether a mention begins at `from`, "các" passed over: the next member of a list.
    fn listed(&self, from: usize, later: &[Span]) -> bool {
        let mut token = self.reader.after(from);
        for _ in 0..2 {
            if token.is_word() && LIST_WORDS.contains(&token.key) {
                token = self.reader.after(token.end());
            }
        }
        self.mention_at(token.start(), later).is_some()
    }

    /// Whether another document is issued here: ", ban hành Kế hoạch số …".
    fn issues(&self, verb: Token, later: &[Span]) -> bool {
        let found = phrases().issues.longest(&self.reader, verb);
        found.is_some_and(|((), last)| self.listed(last.end(), later))
    }

    fn clause_ends_behind_comma(&self, comma: Token, later: &[Span]) -> bool {
        let next = self.reader.after(comma.end());
        if self.listed(comma.end(), later) || self.issues(next, later) {
            return true;
        }
        match next.kind {
            Kind::Number => !self.reader.before(comma.start()).is_number() || comma.spaced || next.spaced,
            Kind::Word => {
                let starts = phrases().behind_comma.longest(&self.reader, next).is_some();
                starts || self.new_subject(next) || self.new_actor(next)
            }
            _ => false,
        }
    }

    /// Whether a body that acts begins here: ", UBND tỉnh đã …", ", Sở Nội vụ báo cáo …".
    fn new_subject(&self, first: Token) -> bool {
        if !first.is_capitalised() || NO_ACTORS.contains(&first.key) {
            return false;
        }
        let issuers = &self.vocabulary.issuers;
        let Some(name) = issuers.name_at(&self.reader, first.start()) else {
            return false;
        };
        if first.key == Key::new("Đảng") && name.span == first.span {
            return false;
        }
        let behind = self.reader.after(name.span.end as usize);
        behind.is_word() || behind.is_mark(',')
    }

    /// Whether somebody named in small letters acts here: ", các sở, ngành đã …". A verb behind a
    /// preposition is still part of the title (", các ngành trong việc thực hiện …").
    fn new_actor(&self, first: Token) -> bool {
        if phrases().actors.longest(&self.reader, first).is_none() {
            return false;
        }
        let mut token = first;
        for _ in 0..12 {
            token = self.reader.after(token.end());
            if token.is_mark(',') {
                continue;
            }
            if !token.is_word() || PREPOSITIONS.contains(&token.key) {
                return false;
            }
            if phrases().actions.longest(&self.reader, token).is_some() {
                return true;
            }
        }
        false
    }

    fn clause_ends_behind_and(&self, and: Token, later: &[Span]) -> bool {
        let next = self.reader.after(and.end());
        self.listed(and.end(), later)
            || self.issues(next, later)
            || phrases().behind_and.longest(&self.reader, next).is_some()
    }

    /// A bracket that remarks on the document instead of belonging to its title.
    fn is_remark(&self, open: Token) -> bool {
        let first = self.reader.after(open.end());
        first.is_number() || phrases().remarks.longest(&self.reader, first).is_some()
    }

    fn ends_sentence(&self, stop: Token, at: usize) -> bool {
        let next = self.reader.after(stop.end());
        let previous = self.reader.before(at);
        if next.is_number() && !next.spaced && previous.is_number() {
            return false;
        }
        // "TP. Hồ Chí Minh".
        !(previous.case == Case::Upper && previous.span.len() <= 2 && next.is_capitalised())
    }

    /// Whether the sentence goes on with its own verb here.
    fn resumes(&self, token: Token) -> bool {
        match phrases().resumes.longest(&self.reader, token) {
            Some((true, _)) => true,
            // These do so before a figure only: "với 08 nội dung", "là 1.927 người".
            Some((false, last)) => {
                let against = self.reader.before(token.start()).key == Key::new("đối");
                !against && self.reader.after(last.end()).is_number()
            }
            None => false,
        }
    }

    /// Whether "của" names the body that the document's symbol belongs to.
    fn wanted_issuer(&self, of: Token, wanted: Option<Span>) -> bool {
        let Some(code) = wanted else { return false };
        let Some(name) = self.names(of.end(), false) else {
            return false;
        };
        self.vocabulary.issuers.agree(&name, self.reader.str(code)) == Some(true)
    }

    /// Whether the clause ends behind the name, so that "của" belongs to the document and not to
    /// the last noun of the subject.
    fn issuer_ends_clause(&self, of: Token, later: &[Span]) -> bool {
        let Some(name) = self.names(of.end(), false) else {
            return false;
        };
        let next = self.reader.after(name.span.end as usize);
        match next.kind {
            Kind::Break | Kind::End | Kind::Mark('.' | ';' | ')' | '(' | ':' | '¹' | '²' | '³' | '⁴'..='⁹') => {
                true
            }
            Kind::Mark(',') => true,
            Kind::Word => {
                next.key == keys::AND && self.listed(next.end(), later)
                    || self.resumes(next)
                    || next.key == Key::new("đến")
            }
            _ => false,
        }
    }

    /// Members of a list without an issuer take the one named at the end of the list.
    fn share(&self, mentions: &mut [Mention<'v>], starts: &[Span]) {
        for index in (0..mentions.len()).rev() {
            // A term of its own says that it speaks of another committee.
            let apart = mentions[index].citation.issuer.is_some() || mentions[index].citation.term.is_some();
            if apart || mentions[index].named {
                continue;
            }
            let Some(last) = self.list_end(index, mentions, starts) else {
                continue;
            };
            let (issuer, term) = (mentions[last].issuer, mentions[last].citation.term);
            let Some(name) = issuer else { continue };
            if self.may_share(&mentions[index], &mentions[last], &name) {
                let mention = &mut mentions[index];
                mention.issuer = Some(name);
                mention.citation.issuer = Some(name.span);
                if mention.citation.term.is_none() {
                    mention.citation.term = term;
                }
            }
        }
    }

    /// The first member of the list behind this one that has an issuer.
    fn list_end(&self, index: usize, mentions: &[Mention<'v>], starts: &[Span]) -> Option<usize> {
        let mut member = index;
        for _ in 0..30 {
            let end = mentions[member].end;
            let next = starts.partition_point(|span| (span.start as usize) < end);
            if next >= mentions.len() || next <= member || !self.only_joints(end, starts[next].start as usize) {
                return None;
            }
            if mentions[next].citation.issuer.is_some() {
                return Some(next);
            }
            member = next;
        }
        None
    }

    /// Whether nothing but commas, "và" and "các" stands between two offsets.
    fn only_joints(&self, from: usize, until: usize) -> bool {
        let mut at = from;
        for _ in 0..5 {
            let token = self.reader.after(at);
            if token.start() >= until {
                return at != from;
            }
            let joint = matches!(token.kind, Kind::Mark(',' | ';')) || LIST_WORDS.contains(&token.key);
            if !joint {
                return false;
            }
            at = token.end();
        }
        false
    }

    fn may_share(&self, mention: &Mention<'v>, bearer: &Mention<'v>, name: &IssuerName<'v>) -> bool {
        let Some(code) = mention.issuer_span() else {
            return mention.citation.symbol.is_some();
        };
        mention.issuer_code == bearer.issuer_code
            || self.vocabulary.issuers.agree(name, self.reader.str(code)) == Some(true)
    }

    /// "UBND tỉnh đã ban hành …": the body that acts, directly before the mention.
    fn implied(&self, mention: &mut Mention<'v>) {
        if mention.citation.issuer.is_some() || mention.named {
            return;
        }
        let mut token = self.reader.before(mention.citation.span.start as usize);
        if token.key == Key::new("các") {
            token = self.reader.before(token.start());
        }
        if !token.is_word() {
            return;
        }
        let Some((_, first)) = phrases().issuing.longest(&self.reader, token) else {
            return;
        };
        let mut end = self.reader.before(first.start());
        while end.is_word() && ADVERBS.contains(&end.key) {
            end = self.reader.before(end.start());
        }
        // The name that ends here begins at most a dozen words before.
        let mut word = end;
        for _ in 0..14 {
            if !word.is_word() {
                return;
            }
            let previous = self.reader.before(word.start());
            if word.is_capitalised()
                && !(previous.is_capitalised() && self.vocabulary.issuers.begins(&self.reader, previous))
            {
                let name = self.vocabulary.issuers.name_at(&self.reader, word.start());
                if let Some(name) = name.filter(|name| name.span.end as usize == end.end()) {
                    mention.citation.issuer_implied = Some(name.span);
                    return;
                }
            }
            word = previous;
        }
    }
}

impl Mention<'_> {
    /// The issuer code of the symbol.
    fn issuer_span(&self) -> Option<Span> {
        self.citation.symbol.as_ref()?.issuer_code
    }
}

/// Where a subject ends.
struct End {
    /// The subject, without outer quotes.
    subject: Span,
    /// Where reading goes on.
    behind: usize,
}

/// Words between the members of a list.
const LIST_WORDS: [Key; 6] = [
    keys::AND,
    keys::OR,
    Key::new("các"),
    Key::new("cùng"),
    keys::WITH,
    Key::new("những"),
];

/// Words between a body and its verb.
const ADVERBS: [Key; 8] = [
    Key::new("đã"),
    Key::new("cũng"),
    Key::new("tiếp"),
    Key::new("tục"),
    Key::new("kịp"),
    Key::new("thời"),
    Key::new("chủ"),
    Key::new("động"),
];

/// Bodies that stand in the middle of titles more often than they begin a clause.
const NO_ACTORS: [Key; 3] = [Key::new("Nhà"), Key::new("MTTQ"), Key::new("Mặt")];

/// Words behind which a verb tells nothing of who acts.
const PREPOSITIONS: [Key; 10] = [
    Key::new("trong"),
    Key::new("để"),
    keys::ABOUT,
    keys::MATTER,
    keys::ON,
    Key::new("theo"),
    Key::new("đối"),
    Key::new("nhằm"),
    Key::new("khi"),
    Key::new("cho"),
];

fn is_roman(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| matches!(byte, b'I' | b'V' | b'X' | b'L' | b'i' | b'v' | b'x'))
}

/// Phrases by which clauses are told apart.
struct ClausePhrases {
    /// Verbs with which a subject begins directly: "quy định …", "phê duyệt …".
    openers: Phrases<()>,
    /// The sentence's own verbs; false for those that need a figure behind them.
    resumes: Phrases<bool>,
    /// What begins a new clause behind a comma.
    behind_comma: Phrases<()>,
    /// Who may act behind a comma, and the verbs that say that they do.
    actors: Phrases<()>,
    actions: Phrases<()>,
    /// What begins a new clause behind "và".
    behind_and: Phrases<()>,
    /// What begins a bracket that is no part of a title.
    remarks: Phrases<()>,
    /// Verbs of issuing.
    issues: Phrases<()>,
    /// The same, read backwards.
    issuing: Phrases<()>,
}

fn phrases() -> &'static ClausePhrases {
    static PHRASES: LazyLock<ClausePhrases> = LazyLock::new(|| {
        let set = |list: &str| {
            let mut phrases = Phrases::over_marks();
            for phrase in list.split(';') {
                phrases.insert(phrase, ());
            }
            phrases
        };
        let mut resumes = Phrases::forwards();
        for phrase in RESUMES.split(';') {
            resumes.insert(phrase, true);
        }
        for phrase in RESUMES_BEFORE_FIGURES.split(';') {
            resumes.insert(phrase, false);
        }
        let mut issuing = Phrases::backwards();
        for phrase in ISSUING.split(';') {
            issuing.insert(phrase, ());
        }
        ClausePhrases {
            openers: set(OPENERS),
            resumes,
            behind_comma: set(BEHIND_COMMA),
            actors: set(ACTORS),
            actions: set(ACTIONS),
            behind_and: set(BEHIND_AND),
            remarks: set(REMARKS),
            issues: set("ban hành;ký ban hành;xây dựng;ký;tham mưu;đồng thời ban hành;đồng thời;có;ra;trình"),
            issuing,
        }
    });
    &PHRASES
}

const OPENERS: &str = "ban hành;quy định;thực hiện;triển khai;tổ chức;phê duyệt;phê chuẩn;hướng dẫn;kiểm tra;giám sát;\
    sửa đổi;bổ sung;bãi bỏ;hủy bỏ;thay thế;công bố;công nhận;thành lập;kiện toàn;tăng cường;đẩy mạnh;nâng cao;chấn chỉnh;\
    đôn đốc;giao;phân công;phân cấp;phân bổ;điều chỉnh;đề nghị;yêu cầu;cho ý kiến;khen thưởng;tập trung;phối hợp;tổng kết;\
    sơ kết;phát động;xử lý;rà soát;góp ý;chỉ đạo;thông báo;quán triệt;phòng chống;ứng phó;khắc phục;bảo đảm;đảm bảo;hỗ trợ;\
    cải cách;xây dựng;phát triển;tuyên truyền;thi hành;cụ thể hóa;đánh giá;bổ nhiệm;thu hồi;tiếp tục;đổi mới;phát huy;\
    hợp nhất;sắp xếp;quy hoạch;lãnh đạo;ủy quyền;thẩm định;thanh tra;củng cố;báo cáo;kết luận;trả lời;mời;cử;chuyển";

const RESUMES: &str = "đã;được thực hiện;được triển khai;được duy trì;được ban hành;được tổ chức;cơ bản;như sau;trong đó;\
    đến nay;theo đó;qua đó;cũng;vẫn;đang;gắn với các;gắn với việc;gắn với thực hiện;gắn với triển khai;\
    gắn với nhiệm vụ;sẽ;đạt kết quả;bảo đảm đúng;nhằm;nêu trên;nói trên";

const RESUMES_BEFORE_FIGURES: &str = "là;với;cho;tại;đạt;có;gồm;còn;được;tổng số;qua";

const BEHIND_COMMA: &str = "đến nay;trong đó;qua đó;theo đó;từ đó;đồng thời;trong năm;trong kỳ;trong quý;trong tháng;\
    gắn với;hai;ba;chỉ đạo;giao các;giao cho;giao sở;giao UBND;giao trách nhiệm;yêu cầu;áp dụng;nhân rộng;kết quả đạt;\
    kết quả đã;kết quả là;góp phần;nhằm;tạo điều kiện;tạo sự;tạo chuyển biến;toàn tỉnh;toàn huyện;toàn xã;toàn thành phố;\
    toàn ngành;đã;cơ bản;nhất là;đặc biệt là;cụ thể;bao gồm;gồm;như;hoàn thành;sau khi;sau;trên cơ sở;khi;ngay;phân công;\
    kèm theo;có;với;tham mưu;theo;là;được;do;phấn đấu;xem xét;để;cùng với;đôn đốc;trong thời gian;hằng năm;hàng năm;bên cạnh";

/// Who may act behind a comma, when a verb follows: ", các sở, ngành đã …".
const ACTORS: &str =
    "các;lực lượng;chính quyền;cấp ủy;cán bộ;đơn vị;cơ quan;địa phương;công an;quân đội;đài;trường;nhân dân";

const ACTIONS: &str = "đã;tập trung;triển khai;thực hiện;chủ động;tích cực;tổ chức;ban hành;xây dựng;phối hợp;tiếp tục;phân công;\
    chỉ đạo;báo cáo;quán triệt;tham mưu;kịp thời;gọi hỏi;tiến hành;đẩy mạnh;tăng cường;rà soát;cơ bản;thường xuyên;hoàn thành";

const BEHIND_AND: &str = "phối hợp với;giao;chỉ đạo;đã;yêu cầu;ban hành;các văn bản;các nội dung;các kế hoạch;các nhiệm vụ;\
    được;các quy định;các chỉ thị;các nghị quyết;văn bản;tham mưu;trình;báo cáo kết quả;triển khai đến";

const REMARKS: &str =
    "sau đây;gọi;gọi tắt;gọi chung;viết tắt;có hiệu lực;kèm theo;đã;nay;thay thế;theo;trong đó;cũ;mới;khóa;nhiệm kỳ";

const ISSUING: &str = "ban hành;ký ban hành;xây dựng;có;ký;ký kết;thông qua;phê duyệt;phê duyệt tại;tham mưu;gửi;ra;\
    xây dựng và ban hành;ban hành mới;triển khai;trình";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract;

    /// Citations of a text as "span|type|number|date|issuer|term|subject".
    fn cited(text: &str) -> Vec<String> {
        let document = Document::plain(text);
        let report = extract::extract(&document, Vocabulary::embedded());
        let part = |span: Option<Span>| span.map_or("", |span| span.of(&document.text));
        let show = |citation: &Citation| {
            let number = part(citation.symbol.as_ref().map(|symbol| symbol.span));
            let date = citation.date.map_or(String::new(), |date| date.to_string());
            format!(
                "{}|{}|{number}|{date}|{}|{}|{}",
                citation.span.of(&document.text),
                citation.document_type,
                part(citation.issuer),
                part(citation.term),
                part(citation.subject)
            )
        };
        report.citations.iter().map(show).collect()
    }

    #[test]
    fn one_document() {
        for (text, expected) in [
            (
                "Thực hiện Kế hoạch số 12/KH-UBND, ngày 03/4/2022 của UBND tỉnh về trồng rừng, Sở đã làm.",
                "Kế hoạch số 12/KH-UBND, ngày 03/4/2022|Kế hoạch|12/KH-UBND|2022-04-03|UBND tỉnh||trồng rừng",
            ),
            (
                "theo QĐ 31-QĐ/TU của Ban Thường vụ Tỉnh ủy (khóa XX) về “Về việc ban hành Quy chế “một cửa” mới”; và",
                "QĐ 31-QĐ/TU|Quyết định|31-QĐ/TU||Ban Thường vụ Tỉnh ủy|XX|ban hành Quy chế “một cửa” mới",
            ),
            (
                "nêu tại văn bản (số 33/CT-TTg) trên",
                "số 33/CT-TTg|Chỉ thị|33/CT-TTg||||",
            ),
            (
                "theo số31-QĐ/TW, ngày 5 tháng 6 năm 2021.",
                "số31-QĐ/TW, ngày 5 tháng 6 năm 2021|Quyết định|31-QĐ/TW|2021-06-05|||",
            ),
        ] {
            assert_eq!(cited(text), [expected], "{text}");
        }
    }
}
