//! What the sentence says of a document behind its mention: issuer, term, subject.

use super::{Mention, clauses::phrases, keys};
use crate::{
    document::Span,
    shadow::{Case, Key, KeySet, Kind, Reader, Token, key},
    vocabulary::{Vocabulary, issuers::IssuerName},
};

/// Most documents cited inside one subject.
const MAX_INNER: usize = 8;

/// First word of "Hội nghị".
const CONFERENCE: Key = Key::new("hội");

/// Longest way, in tokens, from a document to the end of its subject.
const MAX_SUBJECT: usize = 260;
/// What follows a document and speaks of it: issuer, term, subject.
pub(super) struct Surroundings<'t, 'v> {
    pub(super) reader: Reader<'t>,
    pub(super) vocabulary: &'v Vocabulary,
}

impl<'v> Surroundings<'_, 'v> {
    pub(super) fn read(&self, mentions: &mut [Mention<'v>]) {
        let starts: Vec<Span> = mentions.iter().map(|mention| mention.citation.span).collect();
        for (index, mention) in mentions.iter_mut().enumerate() {
            self.read_one(mention, &starts[index + 1..]);
        }
        self.share(mentions, &starts);
        for mention in mentions.iter_mut() {
            self.implied(mention);
        }
        self.share_implied(mentions, &starts);
    }

    /// Reads what follows one mention, up to where the sentence speaks of something else.
    fn read_one(&self, mention: &mut Mention<'v>, later: &[Span]) {
        for _ in 0..10 {
            let token = self.reader.after(mention.end);
            let went_on = match token.kind {
                Kind::Mark('(') => self.bracket(mention, token),
                Kind::Mark(')') => self.behind_bracket(mention, token),
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
            CONFERENCE if token.is_capitalised() => self.conference(mention, token),
            _ if mention.named => false,
            keys::ABOUT => {
                let mut first = self.reader.next(token);
                // "về của UBND tỉnh về …": the first "về" is a slip.
                if first.key == keys::OF && mention.citation.issuer.is_none() {
                    return self.issuer(mention, first);
                }
                if first.key == keys::MATTER {
                    first = self.reader.next(first);
                }
                self.subject(mention, first, later)
            }
            _ if phrases().openers.longest(&self.reader, token).is_some() => self.subject(mention, token, later),
            _ if token.key == key!("v") => self.shorthand_about(mention, token, later),
            _ => false,
        }
    }

    /// "V/v …".
    fn shorthand_about(&self, mention: &mut Mention<'v>, token: Token, later: &[Span]) -> bool {
        let slash = self.reader.next(token);
        let second = self.reader.next(slash);
        slash.is_mark('/') && second.key == token.key && self.subject(mention, self.reader.next(second), later)
    }

    /// A mark of a footnote (¹, [1]) is passed over.
    fn note_mark(&self, mention: &mut Mention<'v>, token: Token, mark: char) -> bool {
        match mark {
            '¹' | '²' | '³' | '⁰' | '⁴'..='⁹' => {
                mention.end = token.end();
                true
            }
            '[' => {
                let number = self.reader.next(token);
                let close = self.reader.next(number);
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
        let first = self.reader.next(open);
        if first.key == keys::ABOUT && mention.citation.subject.is_none() && !mention.named {
            mention.end = open.end();
            return true;
        }
        if matches!(first.key, keys::TERM | keys::TENURE) && !self.term(mention, first) {
            return false;
        }
        for token in self.reader.walk(mention.end.max(open.end())).take(60) {
            if token.is_end() {
                return false;
            }
            if token.is_mark(')') {
                mention.end = token.end();
                return true;
            }
        }
        false
    }

    /// "(Nghị quyết A, Nghị quyết B) của …": the bracket closes around the list.
    fn behind_bracket(&self, mention: &mut Mention<'v>, close: Token) -> bool {
        let of = self.reader.next(close);
        of.key == keys::OF && self.issuer(mention, of)
    }

    fn behind_comma(&self, mention: &mut Mention<'v>, comma: Token) -> bool {
        let next = self.reader.next(comma);
        if next.key == CONFERENCE && next.is_capitalised() && mention.citation.subject.is_none() {
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

    /// "Hội nghị lần thứ bảy Ban Chấp hành Trung ương khóa X về …", "Hội nghị Trung ương 6 (khóa XII)":
    /// says where, passed over up to the term or the subject.
    fn conference(&self, mention: &mut Mention<'v>, first: Token) -> bool {
        let mut last = self.reader.next(first);
        if last.key != key!("nghị") {
            return false;
        }
        for _ in 0..16 {
            let next = self.reader.next(last);
            let reached = matches!(next.key, keys::TERM | keys::ABOUT)
                || next.is_mark('(') && self.reader.next(next).key == keys::TERM;
            if reached {
                mention.end = last.end();
                return true;
            }
            if !next.is_word() && !next.is_number() {
                return false;
            }
            last = next;
        }
        false
    }

    /// "khóa XI", "nhiệm kỳ 2020 - 2025".
    fn term(&self, mention: &mut Mention<'v>, word: Token) -> bool {
        let mut value = self.reader.next(word);
        if word.key == keys::TENURE {
            if value.key != keys::TENURE_2 {
                return false;
            }
            value = self.reader.next(value);
        }
        if !value.is_number() && !is_roman(self.reader.token(value)) {
            return false;
        }
        let mut span = value.span;
        let dash = self.reader.next(value);
        let second = self.reader.next(dash);
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
        let Some(mut name) = self.names(of.end(), jointly) else {
            return false;
        };
        // "Tổ công tác … của Thủ tướng Chính phủ".
        let second = self.reader.after(name.span.end as usize);
        if second.key == keys::OF {
            let whole = self.vocabulary.issuers.name_at(&self.reader, second.end());
            name.span.end = whole.map_or(name.span.end, |whole| whole.span.end);
        }
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
                // "…, Ủy ban Kiểm tra (UBKT) Huyện ủy báo cáo": the bracket is that of the subject.
                Kind::Mark(mark) => !matches!(mark, ',' | '-' | '(') || joint.key == keys::AND,
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
            let second = self.reader.next(first);
            let start = if second.key == keys::MATTER {
                self.reader.next(second).start()
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
        let first = self.reader.next(open);
        let start = first.start();
        let mut depth = 1;
        let mut fallback = None;
        for token in self.reader.walk(open.end()).take(MAX_SUBJECT) {
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
        }
        fallback.or_else(|| self.unquoted(first, wanted, later))
    }

    /// Whether a quote opens, by the space around it rather than by its shape, which is often wrong.
    fn opens(&self, quote: Token) -> bool {
        let next = self.reader.next(quote);
        let before = self.reader.previous(quote);
        let begins = quote.spaced || matches!(before.kind, Kind::Mark('(' | '“' | '"' | '„') | Kind::Break | Kind::End);
        match quote.kind {
            Kind::Mark('"') => begins && !next.spaced && (next.is_word() || next.is_number() || next.is_quote()),
            Kind::Mark('”' | '»') => quote.spaced && !next.spaced && (next.is_word() || next.is_number()),
            _ => !(!begins && (next.spaced || !(next.is_word() || next.is_number()))),
        }
    }

    /// Whether the text goes on behind this inner quote as it does behind a whole title.
    fn ends_title(&self, quote: Token, wanted: Option<Span>, later: &[Span]) -> bool {
        let next = self.reader.next(quote);
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
        let mut end = from;
        let mut token = self.reader.after(from);
        let (mut quotes, mut brackets) = (0, 0);
        let mut quoted_from = end;
        let (mut behind_inner, mut inner_count) = (0, 0);
        for count in 0..MAX_SUBJECT {
            // Documents inside the subject are taken whole: their dates and numbers end nothing.
            if let Some(inner) = self.mention_at(token.start(), later) {
                end = inner.end as usize;
                token = self.reader.after(end);
                behind_inner = end;
                inner_count += 1;
                if inner_count > MAX_INNER {
                    break;
                }
                continue;
            }
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
                    Kind::Mark('.') if self.ends_sentence(token, end) => break,
                    Kind::Mark(',') if self.clause_ends_behind_comma(token, later) => break,
                    Kind::Mark('¹' | '²' | '³' | '⁰' | '⁴'..='⁹') if !self.reader.next(token).is_word() => {
                        break;
                    }
                    Kind::Mark('[') if self.reader.next(token).is_number() => break,
                    Kind::Word if token.key == keys::AND && self.clause_ends_behind_and(token, later) => break,
                    Kind::Word
                        if token.key == keys::OF
                            && end != behind_inner
                            && self.wanted_issuer(token, wanted)
                            && self.issuer_ends_clause(token, later) =>
                    {
                        break;
                    }
                    Kind::Word if count > 0 && self.resumes(token) => break,
                    _ => {}
                }
            }
            end = token.end();
            token = self.reader.next(token);
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
            if token.is_word() && LIST_WORDS.contains(token.key) {
                token = self.reader.next(token);
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
        let next = self.reader.next(comma);
        if self.listed(comma.end(), later) || self.issues(next, later) {
            return true;
        }
        match next.kind {
            Kind::Number => !self.reader.previous(comma).is_number() || comma.spaced || next.spaced,
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
        if first.key == key!("Đảng") && name.span == first.span {
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
            token = self.reader.next(token);
            if token.is_mark(',') {
                continue;
            }
            if !token.is_word() || PREPOSITIONS.contains(token.key) {
                return false;
            }
            if phrases().actions.longest(&self.reader, token).is_some() {
                return true;
            }
        }
        false
    }

    fn clause_ends_behind_and(&self, and: Token, later: &[Span]) -> bool {
        let next = self.reader.next(and);
        self.listed(and.end(), later)
            || self.issues(next, later)
            || phrases().behind_and.longest(&self.reader, next).is_some()
    }

    /// A bracket that remarks on the document instead of belonging to its title.
    fn is_remark(&self, open: Token) -> bool {
        let first = self.reader.next(open);
        first.is_number() || phrases().remarks.longest(&self.reader, first).is_some()
    }

    fn ends_sentence(&self, stop: Token, at: usize) -> bool {
        let next = self.reader.next(stop);
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
                let against = self.reader.previous(token).key == key!("đối");
                !against && self.reader.next(last).is_number()
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
                next.key == keys::AND && self.listed(next.end(), later) || self.resumes(next) || next.key == key!("đến")
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
        for (count, token) in self.reader.walk(from).take(5).enumerate() {
            if token.start() >= until {
                return count > 0;
            }
            let joint = matches!(token.kind, Kind::Mark(',' | ';')) || LIST_WORDS.contains(token.key);
            if !joint {
                return false;
            }
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

    /// "UBND tỉnh ban hành A; B và C": the body that acts is that of the whole list.
    fn share_implied(&self, mentions: &mut [Mention<'v>], starts: &[Span]) {
        for index in 0..mentions.len() {
            let Some(implied) = mentions[index].citation.issuer_implied else {
                continue;
            };
            let end = mentions[index].end;
            let next = starts.partition_point(|span| (span.start as usize) < end);
            if next <= index || next >= mentions.len() || !self.only_joints(end, starts[next].start as usize) {
                continue;
            }
            let member = &mut mentions[next];
            let free = !member.named && member.citation.issuer.is_none() && member.citation.issuer_implied.is_none();
            if free {
                member.citation.issuer_implied = Some(implied);
            }
        }
    }

    /// "UBND tỉnh đã ban hành …": the body that acts, directly before the mention.
    fn implied(&self, mention: &mut Mention<'v>) {
        if mention.citation.issuer.is_some() || mention.named {
            return;
        }
        let mut token = self.reader.before(mention.citation.span.start as usize);
        if token.key == key!("các") {
            token = self.reader.previous(token);
        }
        if !token.is_word() {
            return;
        }
        let Some((_, first)) = phrases().issuing.longest(&self.reader, token) else {
            return;
        };
        let mut end = self.reader.previous(first);
        while end.is_word() && ADVERBS.contains(end.key) {
            end = self.reader.previous(end);
        }
        // The longest name that ends here; it begins at most a dozen words before.
        let mut word = end;
        for _ in 0..14 {
            if !word.is_word() {
                return;
            }
            let previous = self.reader.previous(word);
            if word.is_capitalised() {
                let name = self.vocabulary.issuers.name_at(&self.reader, word.start());
                if let Some(name) = name.filter(|name| name.span.end as usize == end.end()) {
                    mention.citation.issuer_implied = Some(name.span);
                }
            }
            word = previous;
        }
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
static LIST_WORDS: KeySet<6> = KeySet::of([
    keys::AND,
    keys::OR,
    Key::new("các"),
    Key::new("cùng"),
    keys::WITH,
    Key::new("những"),
]);

/// Words between a body and its verb.
static ADVERBS: KeySet<8> = KeySet::new(["đã", "cũng", "tiếp", "tục", "kịp", "thời", "chủ", "động"]);

/// Bodies that stand in the middle of titles more often than they begin a clause.
const NO_ACTORS: [Key; 3] = [Key::new("Nhà"), Key::new("MTTQ"), Key::new("Mặt")];

/// Words behind which a verb tells nothing of who acts.
static PREPOSITIONS: KeySet<10> = KeySet::of([
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
]);

fn is_roman(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| matches!(byte, b'I' | b'V' | b'X' | b'L' | b'i' | b'v' | b'x'))
}
