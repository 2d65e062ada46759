//! What each figure counts: the noun behind it with its attributes, and the words before it where
//! those are few.

use crate::{
    document::Span,
    extract::{Change, MeasureKind, Unit},
    shadow::{Case, Key, KeySet, Kind, Reader, Token, key},
    vocabulary::{Vocabulary, units::UnitKind},
};

use super::{Figure, context::FUNDS, is_any, sentence_ends};

/// Most words of a subject.
const MAX_WORDS: usize = 11;
/// Most words read before a figure.
const MAX_BEFORE: usize = 13;

/// Words at which the attributes behind a figure end.
static END: KeySet<18> = KeySet::new([
    "chiếm", "bằng", "gồm", "theo", "để", "nhằm", "so", "tương", "với", "tăng", "giảm", "trong", "tại", "qua", "bao",
    "trở", "cụ", "trị",
]);
/// Words that do not end a subject.
static TRAILING: KeySet<23> = KeySet::new([
    "trở", "và", "với", "cho", "của", "tại", "đến", "là", "đạt", "được", "có", "còn", "từ", "trên", "dưới", "trong",
    "gồm", "số", "ở", "đã", "đó", "bằng", "đối",
]);
/// The same, and words that only lead to a percentage or a rank ("chiếm", "xếp thứ", "tỷ lệ").
static TRAILING_BEFORE: KeySet<37> = KeySet::new([
    "trở", "và", "với", "cho", "của", "tại", "đến", "là", "đạt", "được", "có", "còn", "từ", "trên", "dưới", "trong",
    "gồm", "số", "ở", "đã", "đó", "bằng", "đối", "chiếm", "xếp", "đứng", "thứ", "hạng", "vị", "trí", "thuộc", "nhóm",
    "nằm", "top", "tương", "ứng", "vào",
]);
static NO_WORDS: KeySet<0> = KeySet::new([]);
/// Words for people named before, and the first syllables of the nouns that they stand for ("đảng
/// viên", "cán bộ", "cấp ủy viên", "học sinh").
const STAND_INS: [(&str, &[Key]); 3] = [
    ("đồng chí", &COMRADES),
    ("đ/c", &COMRADES),
    (
        "em",
        &[
            Key::new("học"),
            Key::new("hs"),
            Key::new("trẻ"),
            Key::new("thiếu"),
            Key::new("sinh"),
        ],
    ),
];
const COMRADES: [Key; 11] = [
    Key::new("đảng"),
    Key::new("cán"),
    Key::new("công"),
    Key::new("viên"),
    Key::new("cấp"),
    Key::new("ủy"),
    Key::new("đại"),
    Key::new("chiến"),
    Key::new("cbgv"),
    Key::new("giáo"),
    Key::new("gv"),
];
/// Words that only say that a sum of money follows ("với tổng trị giá", "số tiền", "kinh phí").
static SUMS: KeySet<17> = KeySet::new([
    "với", "tổng", "số", "tiền", "trị", "giá", "kinh", "phí", "giải", "ngân", "phạt", "nộp", "thu", "chi", "hồi",
    "vốn", "mức",
]);
/// Verbs that say nothing of what is counted.
static GENERIC: KeySet<12> = KeySet::new([
    "tổ", "chức", "ban", "hành", "thực", "hiện", "triển", "khai", "mở", "ra", "lập", "nhận",
]);
/// First syllables of nouns that are named in rows ("xã, phường, thị trấn").
static SIBLINGS: KeySet<38> = KeySet::new([
    "áp",
    "cụm",
    "tố",
    "phản",
    "kiến",
    "khiếu",
    "xã",
    "phường",
    "thị",
    "thành",
    "huyện",
    "quận",
    "sở",
    "ban",
    "ngành",
    "đơn",
    "cơ",
    "tỉnh",
    "thôn",
    "bản",
    "ấp",
    "khu",
    "tổ",
    "khóm",
    "bài",
    "tin",
    "công",
    "viên",
    "đảng",
    "hội",
    "đoàn",
    "bộ",
    "kiểm",
    "thanh",
    "phòng",
    "điển",
    "đặc",
    "buôn",
]);
/// Words that do not begin a subject taken from before the figure.
static LEADING: KeySet<19> = KeySet::new([
    "trở", "và", "trong", "đó", "có", "còn", "đã", "được", "là", "với", "đạt", "riêng", "nay", "như", "vậy", "của",
    "cho", "tại", "đang",
]);

/// Finds the subject of every figure, in order.
pub(super) fn name(reader: Reader<'_>, vocabulary: &Vocabulary, figures: &mut [Figure]) {
    for index in 0..figures.len() {
        let stream = figures[index].stream;
        let floor = match index.checked_sub(1).map(|previous| &figures[previous]) {
            Some(previous) if previous.stream == stream => previous.span.end as usize,
            _ => 0,
        };
        let ceiling_from = |next: usize| match figures.get(next) {
            Some(next) if next.stream == stream => next.lead as usize,
            _ => reader.text.len(),
        };
        let ceiling = ceiling_from(index + 1);
        let beyond = bracket_behind(&reader, figures[index].span.end as usize).map(|end| {
            let inside =
                figures[index + 1..].partition_point(|next| next.stream == stream && (next.span.end as usize) < end);
            (end, ceiling_from(index + 1 + inside))
        });
        let namer = Namer {
            reader,
            vocabulary,
            floor,
            ceiling,
            beyond,
        };
        let (before, rest) = figures.split_at_mut(index);
        let previous = before
            .last()
            .filter(|previous| previous.stream == stream)
            .filter(|previous| !sentence_ends(&reader, previous.span.end as usize, rest[0].number.start as usize));
        let (subject, qualifier) = namer.subject(&rest[0], previous, before);
        rest[0].subject = subject;
        rest[0].qualifier = qualifier;
        if rest[0].change != Change::None
            && let Some(compared) = namer.compared(&rest[0])
        {
            rest[0].qualifier = Some(compared);
        }
        namer.change_of_clause(&mut rest[0]);
    }
    share_predicates(&reader, vocabulary, figures);
}

/// "16/17 sở, ngành; 10/10 huyện, thành phố; 226/226 xã thực hiện …": what is said of the last goes for all.
fn share_predicates(reader: &Reader<'_>, vocabulary: &Vocabulary, figures: &mut [Figure]) {
    let mut said: Option<Span> = None;
    for index in (0..figures.len()).rev() {
        let figure = &figures[index];
        if figure.kind != MeasureKind::Ratio || !matches!(figure.unit, Unit::Own(_)) {
            said = None;
            continue;
        }
        let joined = figures.get(index + 1).is_some_and(|next| {
            let row = row_end(reader, vocabulary, figure.span.end as usize);
            let mark = reader.after(row);
            let and = is_any(mark, &[key!("và")]) || matches!(mark.kind, Kind::Mark(',' | ';'));
            and && next.stream == figure.stream && reader.next(mark).start() == next.number.start as usize
        });
        if joined && said.is_some() && figure.qualifier.is_none() {
            figures[index].qualifier = said;
            continue;
        }
        let row = row_end(reader, vocabulary, figure.span.end as usize);
        let first = reader.after(row);
        said = figure
            .subject
            .filter(|subject| {
                first.is_word() && subject.end as usize > first.end() && subject.start <= first.span.start
            })
            .map(|subject| Span::new(first.start(), subject.end as usize));
    }
}

/// The end of the nouns that a ratio's unit stands in a row with, and of their bracket.
fn row_end(reader: &Reader<'_>, vocabulary: &Vocabulary, from: usize) -> usize {
    let mut end = from;
    loop {
        let comma = reader.after(end);
        let next = reader.next(comma);
        if !comma.is_mark(',') || !SIBLINGS.has(next) {
            break;
        }
        match vocabulary.units.behind.longest(reader, next) {
            Some((UnitKind::Noun, last)) => end = last.end(),
            _ => break,
        }
    }
    bracket_behind(reader, end).unwrap_or(end)
}

/// The figures before one that stand in its stream; only the last few matter.
fn before_in(before: &[Figure], stream: usize) -> &[Figure] {
    let few = before.len().saturating_sub(4);
    let start = before[few..]
        .iter()
        .rposition(|figure| figure.stream != stream)
        .map_or(few, |index| few + index + 1);
    &before[start..]
}

struct Namer<'t, 'v> {
    reader: Reader<'t>,
    vocabulary: &'v Vocabulary,
    /// The end of the figure before.
    floor: usize,
    /// The start of the figure behind.
    ceiling: usize,
    /// The end of a bracket right behind the figure, and the start of the first figure behind that.
    beyond: Option<(usize, usize)>,
}

/// The end of the bracket that opens right behind an offset and closes in the same line.
fn bracket_behind(reader: &Reader<'_>, at: usize) -> Option<usize> {
    const LONGEST: usize = 40;
    let mut token = reader.after(at);
    if !token.is_mark('(') {
        return None;
    }
    for _ in 0..LONGEST {
        token = reader.next(token);
        match token.kind {
            Kind::Mark(')') => return Some(token.end()),
            Kind::Mark('(') => return None,
            _ if token.is_end() => return None,
            _ => {}
        }
    }
    None
}

impl Namer<'_, '_> {
    fn subject(
        &self,
        figure: &Figure,
        previous: Option<&Figure>,
        all_before: &[Figure],
    ) -> (Option<Span>, Option<Span>) {
        let before = before_in(all_before, figure.stream);
        let inherited = |subject: Option<Span>| match subject {
            Some(_) => (subject, None),
            None => previous.map_or((None, None), |previous| (previous.subject, previous.qualifier)),
        };
        match figure.kind {
            MeasureKind::Percent => self.percent(figure, before),
            _ if figure.change != Change::None
                && self.before(figure).is_none()
                && self.behind(figure.span.end as usize, 0).is_none()
                && previous.is_some_and(|previous| self.same_unit(previous, figure)) =>
            {
                inherited(None)
            }
            MeasureKind::Rank | MeasureKind::Score => inherited(self.before(figure)),
            MeasureKind::Duration => match self.behind(figure.span.end as usize, 0) {
                Some(behind) => (Some(behind), None),
                None => inherited(self.before(figure)),
            },
            MeasureKind::Money | MeasureKind::Area => {
                let behind = self.behind(figure.span.end as usize, 0);
                let before = self.before(figure);
                match (before, behind) {
                    (Some(before), Some(behind)) if figure.kind == MeasureKind::Area => (Some(behind), Some(before)),
                    // "1,2 tỷ vốn vay"
                    (_, Some(behind)) if FUNDS.has(self.reader.after(behind.start as usize)) => (Some(behind), None),
                    (Some(before), _) => (Some(before), self.paid_for(before, figure, previous)),
                    (None, Some(behind)) => (Some(behind), None),
                    (None, None) => inherited(None),
                }
            }
            MeasureKind::Count | MeasureKind::Ratio => {
                let (mut subject, qualifier) = self.counted(figure, previous, all_before);
                subject = subject.or_else(|| self.list_head(figure));
                match self.holder(figure, before) {
                    Some(holder) => (subject, Some(holder)),
                    None => (subject, qualifier),
                }
            }
        }
    }

    /// What a sum is paid for, where the words before it say only that it is one and the figure
    /// before counts the things: "tặng 312 suất quà, trị giá 156 triệu đồng".
    fn paid_for(&self, before: Span, figure: &Figure, previous: Option<&Figure>) -> Option<Span> {
        const MOST: usize = 4;
        if figure.kind != MeasureKind::Money || self.words(before) > MOST {
            return None;
        }
        let says_only = self
            .tokens_of(before)
            .filter(|token| token.start() < before.end as usize)
            .all(|token| SUMS.contains(token.key));
        let previous = previous.filter(|previous| previous.counts())?;
        let apart = self
            .reader
            .previous(self.reader.after(before.start as usize))
            .is_mark(';');
        (says_only && !apart).then_some(previous.subject)?
    }

    /// The words that lead a list to which the line of a figure belongs: "Kết quả kiểm tra: | - Năm
    /// 2016: 14 cuộc".
    fn list_head(&self, figure: &Figure) -> Option<Span> {
        const LONGEST: usize = 150;
        let mut token = self.reader.before(figure.lead as usize);
        for _ in 0..LONGEST {
            let bullet = matches!(token.kind, Kind::Mark('-' | '+' | '•'));
            token = self.reader.previous(token);
            if !token.is_end() {
                continue;
            }
            if !bullet || token.start() == 0 {
                return None;
            }
            while token.kind == Kind::Break {
                token = self.reader.previous(token);
            }
            if token.is_mark(':') {
                break;
            }
        }
        if !token.is_mark(':') {
            return None;
        }
        let mut span: Option<Span> = None;
        for _ in 0..MAX_WORDS {
            token = self.reader.previous(token);
            if !token.is_word() {
                break;
            }
            span = Some(span.map_or(token.span, |span| span.join(token.span)));
        }
        self.trim(span?, &LEADING, &TRAILING)
    }

    /// What holds at the places that a ratio counts, said before the first of them: "X đồng thời là Y
    /// tại 5/15 huyện (33,3%), tại 58/145 xã".
    fn holder(&self, figure: &Figure, before: &[Figure]) -> Option<Span> {
        const AT: [Key; 2] = [Key::new("tại"), Key::new("ở")];
        if figure.kind != MeasureKind::Ratio {
            return None;
        }
        let mut joint = self.reader.before(figure.lead as usize);
        if is_any(joint, &AT) {
            joint = self.reader.previous(joint);
        }
        let and = joint.is_mark(',') || is_any(joint, &[key!("và")]);
        let first = before.iter().rev().find(|other| other.kind == MeasureKind::Ratio)?;
        let placed = is_any(self.reader.before(first.lead as usize), &AT);
        let one = !sentence_ends(&self.reader, first.span.end as usize, figure.number.start as usize);
        let near = self.words(Span::new(
            first.span.end as usize,
            joint.start().max(first.span.end as usize),
        )) <= 6;
        (and && placed && one && near).then_some(first.qualifier)?
    }

    /// The counted noun with its attributes; where there are few, the words before the figure.
    fn counted(
        &self,
        figure: &Figure,
        previous: Option<&Figure>,
        all_before: &[Figure],
    ) -> (Option<Span>, Option<Span>) {
        let steps = is_steps(&self.reader, figure);
        if steps {
            let subject = self
                .before(figure)
                .or_else(|| previous.and_then(|previous| previous.subject));
            return (subject, None);
        }
        let (head, words) = match (figure.unit, figure.noun) {
            (Unit::Own(_), Some(noun)) if self.is_quantity(noun) => match self.behind(noun.end as usize, 0) {
                Some(behind) => (Some(behind), self.words(behind)),
                None => (None, 0),
            },
            (Unit::Own(_), Some(noun)) => match (self.extended(noun), self.people_before(noun, all_before)) {
                ((own, words), Some(people)) if own == Some(noun) => (Some(people), words),
                (extended, _) => extended,
            },
            (Unit::Own(_), None) => match self.behind(figure.span.end as usize, 0) {
                Some(behind) => (Some(behind), self.words(behind)),
                None => (None, 0),
            },
            // "38 đồng chí hoàn thành xuất sắc, 176 hoàn thành tốt"
            (_, Some(noun)) if self.reader.after(figure.number.end as usize).is_word() => {
                match self.behind(figure.number.end as usize, 1) {
                    Some(behind) => return (Some(noun), Some(behind)),
                    None => (Some(noun), 1),
                }
            }
            (_, noun) => (noun, 1),
        };
        let own = figure.noun.map(|noun| self.words(noun));
        // "09/13 doanh nghiệp (69,2%) tổ chức hội nghị"
        if let Some(behind) = self.behind_bracket()
            && words <= own.unwrap_or(0)
            && head.is_some()
        {
            return (head, Some(behind));
        }
        if head.is_some() && words > 2 + own.unwrap_or(0) && figure.change == Change::None {
            return (head, None);
        }
        let mut context = self.before(figure).and_then(|context| self.predicate(context, words));
        if figure.noun.is_none() && matches!(figure.unit, Unit::Own(_)) {
            // "156 cuộc đối thoại (cấp huyện 77 cuộc, …)": the classifier alone means the same.
            let same =
                previous.filter(|previous| previous.kind == MeasureKind::Count && self.same_unit(previous, figure));
            if let Some(same) = same.filter(|_| words < 2) {
                let noun = same.noun.or(same.subject);
                return (noun.or(context), context.filter(|_| noun.is_some()));
            }
        }
        let plain = words <= own.unwrap_or(1);
        if context.is_none() && plain {
            // "(53 hộ)", "06 tổ chức đảng, 08 đảng viên", "45 lượt/ 61 người".
            context = previous.and_then(|previous| match previous.kind {
                MeasureKind::Count => previous.qualifier.or(previous.subject.filter(|_| head.is_none())),
                MeasureKind::Ratio => previous.qualifier.or(previous.subject),
                // "diện tích tự nhiên 1.846 ha, có 11 thôn": a quantity says nothing of the next thing.
                MeasureKind::Money | MeasureKind::Area | MeasureKind::Duration if !self.is_aside(figure) => None,
                _ => previous.subject,
            });
        }
        match head {
            Some(_) => (head, context),
            None => (context, None),
        }
    }

    /// Who "đồng chí" or "em" are: the people that a figure before it in the paragraph counts ("47 đảng
    /// viên, gồm: khiển trách 31 đồng chí").
    fn people_before(&self, noun: Span, all_before: &[Figure]) -> Option<Span> {
        const FAR: usize = 24;
        let word = noun.of(self.reader.text);
        // Their capitals are as long as their small letters.
        let means = |stand_in: &str| stand_in.len() == word.len() && stand_in == word.to_lowercase();
        let (_, people) = STAND_INS.iter().find(|(stand_in, _)| means(stand_in))?;
        all_before
            .iter()
            .rev()
            .take(FAR)
            .take_while(|figure| !self.paragraph_ends(figure.span.end as usize, noun.start as usize))
            .filter_map(|figure| figure.noun.filter(|_| figure.kind == MeasureKind::Count))
            .find(|noun| is_any(self.reader.after(noun.start as usize), people))
    }

    fn paragraph_ends(&self, from: usize, until: usize) -> bool {
        from > until
            || self
                .reader
                .stops(from)
                .take_while(|(_, token)| token.start() < until)
                .any(|(_, token)| token.is_end())
    }

    /// Whether a noun only says how things are counted or measured ("con", "km").
    fn is_quantity(&self, noun: Span) -> bool {
        let first = self.reader.after(noun.start as usize);
        let longest = self.vocabulary.units.quantities.longest(&self.reader, first);
        longest.is_some_and(|(_, last)| last.end() == noun.end as usize)
    }

    /// Whether a figure stands right behind a bracket or a slash, as another word for the one before.
    fn is_aside(&self, figure: &Figure) -> bool {
        matches!(
            self.reader.before(figure.lead as usize).kind,
            Kind::Mark('(' | '/' | '=')
        )
    }

    fn same_unit(&self, one: &Figure, other: &Figure) -> bool {
        let key = |figure: &Figure| {
            figure
                .unit
                .span()
                .map(|unit| self.reader.after(unit.start as usize).key)
        };
        key(one).is_some() && key(one) == key(other)
    }

    /// What a clause says of the things counted: the words behind "đã"; nothing where these are
    /// as general as "tổ chức" and the noun has attributes of its own.
    fn predicate(&self, context: Span, words: usize) -> Option<Span> {
        const DA: Key = Key::new("đã");
        let (mut start, mut generic) = (context.start as usize, true);
        for token in self.tokens_of(context) {
            if is_any(token, &[DA]) {
                start = token.end();
                generic = true;
            } else if token.is_word() {
                generic &= GENERIC.contains(token.key);
            }
        }
        if generic && words > 1 {
            return None;
        }
        let first = self.reader.after(start);
        (first.start() < context.end as usize).then(|| Span::new(first.start(), context.end as usize))
    }

    fn percent(&self, figure: &Figure, before: &[Figure]) -> (Option<Span>, Option<Span>) {
        const PLAN: [Key; 3] = [Key::new("kế"), Key::new("dự"), Key::new("chỉ")];
        const OF_ALL: [Key; 3] = [Key::new("số"), Key::new("tổng"), Key::new("so")];
        let behind = self.behind(figure.span.end as usize, 0);
        let context = self.before(figure).filter(|context| !self.is_plain_rate(*context));
        let behind = behind.filter(|behind| {
            context.is_some() || before.is_empty() || !is_any(self.reader.after(behind.start as usize), &OF_ALL)
        });
        let base = before
            .iter()
            .rev()
            .take(3)
            .take_while(|other| !sentence_ends(&self.reader, other.span.end as usize, figure.number.start as usize))
            .find(|other| other.kind != MeasureKind::Percent || other.subject.is_some());
        let whole = figure.value == rust_decimal::Decimal::ONE_HUNDRED;
        match (behind, context) {
            // "có trên 95% cơ quan đạt chuẩn"
            (Some(behind), Some(_))
                if is_any(self.reader.before(figure.lead as usize), &[key!("có")]) && self.words(behind) > 1 =>
            {
                (Some(behind), None)
            }
            (Some(behind), _) if whole && !is_any(self.reader.after(behind.start as usize), &PLAN) => {
                (Some(behind), None)
            }
            (Some(behind), None) if is_any(self.reader.after(behind.start as usize), &PLAN) => {
                (Some(behind), base.and_then(|base| base.qualifier.or(base.subject)))
            }
            (behind, Some(context)) => match behind {
                Some(behind) if self.words(context) < 3 => (Some(behind), Some(context)),
                _ => (Some(context), None),
            },
            (Some(behind), None) if base.is_none() || self.words(behind) > 2 => (Some(behind), None),
            (_, None) => base.map_or((behind, None), |base| (base.subject, base.qualifier)),
        }
    }

    /// "tỷ lệ", "tỷ lệ chung": a rate of what was named before.
    fn is_plain_rate(&self, context: Span) -> bool {
        static PLAIN: KeySet<5> = KeySet::new(["tỷ", "tỉ", "lệ", "chung", "trọng"]);
        self.tokens_of(context)
            .all(|token| token.start() >= context.end as usize || PLAIN.has(token))
    }

    /// A noun with its attributes, and the number of words in all.
    fn extended(&self, noun: Span) -> (Option<Span>, usize) {
        let own = self.words(noun);
        match self.behind(noun.end as usize, own) {
            Some(behind) => {
                let span = noun.join(behind);
                (Some(span), own + self.words(behind))
            }
            None => (Some(noun), own),
        }
    }

    /// The attributes behind a figure: words up to the end of the clause. A list of nouns ("xã,
    /// phường, thị trấn") is passed over its commas.
    fn behind(&self, from: usize, already: usize) -> Option<Span> {
        const DE: Key = Key::new("để");
        let mut span: Option<Span> = None;
        let mut words = already;
        let mut last_and = None;
        let mut purpose = false;
        for token in self.reader.walk(from) {
            if words >= MAX_WORDS {
                break;
            }
            if token.start() >= self.ceiling {
                // What stands behind the last "và" leads to the next figure.
                span = last_and.or(span);
                break;
            }
            if token.is_number() && span.is_some() {
                span = span.map(|span| span.join(token.span));
                continue;
            }
            if words == already && is_any(token, &[key!("và")]) {
                return None;
            }
            // "443 văn bản để lãnh đạo, chỉ đạo việc …"
            if words == already && is_any(token, &[DE]) {
                purpose = true;
                span = Some(token.span);
                continue;
            }
            if token.is_mark(',') && purpose && self.ceiling > token.end() + 120 {
                continue;
            }
            if is_any(token, &[key!("và")]) {
                last_and = span;
            }
            if token.is_mark(',') && words > 0 && (self.noun_follows(token) || self.goes_on(token)) {
                continue;
            }
            if token.is_quote() {
                continue;
            }
            if !token.is_word() || END.has(token) || self.reports(token) {
                break;
            }
            span = Some(span.map_or(token.span, |span| span.join(token.span)));
            words += 1;
        }
        self.trim(span?, &NO_WORDS, &TRAILING)
    }

    /// What is said of the things counted behind a bracket that breaks them down or gives their share.
    fn behind_bracket(&self) -> Option<Span> {
        let (end, ceiling) = self.beyond.filter(|(end, _)| self.reader.after(*end).is_word())?;
        let beyond = Self {
            ceiling,
            beyond: None,
            ..*self
        };
        beyond.behind(end, 1)
    }

    /// What a change is measured against: "so với cùng kỳ".
    fn compared(&self, figure: &Figure) -> Option<Span> {
        const MOST: usize = 6;
        let first = self.reader.after(figure.span.end as usize);
        if !is_any(first, &[key!("so")]) {
            return None;
        }
        let mut span = first.span;
        let mut token = first;
        for _ in 0..MOST {
            token = self.reader.next(token);
            if token.start() >= self.ceiling || !(token.is_word() || token.is_number()) {
                break;
            }
            span = span.join(token.span);
        }
        self.trim(span, &NO_WORDS, &TRAILING)
    }

    /// Whether "đạt" or "được" gives the next figure rather than an attribute ("đạt chuẩn").
    fn reports(&self, token: Token) -> bool {
        const DAT: [Key; 3] = [Key::new("đạt"), Key::new("là"), Key::new("có")];
        is_any(token, &DAT) && self.reader.next(token).is_number()
    }

    /// Whether the next noun of a row follows a comma, and not the clause of the next figure.
    fn noun_follows(&self, comma: Token) -> bool {
        let next = self.reader.next(comma);
        if !SIBLINGS.has(next) {
            return false;
        }
        let Some((UnitKind::Noun, last)) = self.vocabulary.units.behind.longest(&self.reader, next) else {
            return is_any(next, &[key!("thị"), key!("kiểm"), key!("thanh")]);
        };
        for token in self.reader.walk(last.end()).take(12) {
            if token.start() >= self.ceiling {
                return false;
            }
            if !token.is_word() || END.has(token) || is_any(token, &[key!("và")]) {
                return true;
            }
        }
        true
    }

    /// Whether a comma divides a row of short attributes ("bị sập, đổ, cuốn trôi"), up to the end of the
    /// clause or the next comma.
    fn goes_on(&self, comma: Token) -> bool {
        const MOST: usize = 2;
        let mut token = self.reader.next(comma);
        if END.has(token) || is_any(token, &[key!("đạt"), key!("còn"), key!("trong")]) {
            return false;
        }
        for _ in 0..=MOST {
            if token.start() >= self.ceiling {
                return false;
            }
            if !token.is_word() {
                return token.is_end() || matches!(token.kind, Kind::Mark(',' | ';' | '.'));
            }
            if token.case != Case::Lower {
                return false;
            }
            token = self.reader.next(token);
        }
        false
    }

    /// The words before a figure, back to the beginning of its clause.
    fn before(&self, figure: &Figure) -> Option<Span> {
        const CUTS: [Key; 3] = [Key::new("tinh"), Key::new("cắt"), Key::new("rút")];
        let cut = self.reader.after(figure.lead as usize);
        // "tinh giản 1.497 biên chế": the word for the cut says what is counted.
        let mut token = if is_any(cut, &CUTS) {
            self.reader.before(self.reader.next(cut).end())
        } else {
            self.reader.before(figure.lead as usize)
        };
        let mut span: Option<Span> = None;
        let mut words = 0;
        let mut bracketed = false;
        while words < MAX_BEFORE {
            if token.start() < self.floor || token.is_end() {
                if bracketed && token.start() < self.floor {
                    // The words before the bracket belong to the figure before it.
                    return None;
                }
                break;
            }
            match token.kind {
                Kind::Word => {
                    span = Some(span.map_or(token.span, |span| span.join(token.span)));
                    words += 1;
                }
                // "Chỉ số cải cách hành chính (PAR INDEX) đứng thứ …"
                Kind::Mark(')') => match self.bracket(token) {
                    Some(open) => {
                        token = self.reader.previous(open);
                        continue;
                    }
                    None => break,
                },
                // A year or another number that is no figure.
                Kind::Number if words > 0 => {}
                // "Chỉ số PAPI năm 2024 đạt …", "đến ngày 14/9/2025 là …"
                Kind::Number if self.is_time(token) => {
                    token = self.before_time(token);
                    continue;
                }
                _ if token.is_quote() || token.is_mark('-') && token.spaced => {}
                Kind::Mark(':') if words == 0 => {}
                // "hộ nghèo giảm đáng kể (còn 4,14%)"
                Kind::Mark('(') if words == 0 && !bracketed => bracketed = true,
                Kind::Mark('/') if self.reader.previous(token).is_number() => {}
                Kind::Mark(',') if words > 0 && words < 4 && self.list_before(token) => {}
                Kind::Mark(',') if words > 0 && self.joins_siblings(token) => {}
                _ => break,
            }
            token = self.reader.previous(token);
        }
        self.trim(span?, &LEADING, &TRAILING_BEFORE)
    }

    /// Whether a number is that of a year, a month or a day.
    fn is_time(&self, number: Token) -> bool {
        const NAMES: [Key; 3] = [key!("năm"), key!("tháng"), key!("ngày")];
        let before = self.reader.previous(number);
        is_any(before, &NAMES) || before.is_mark('/') && self.reader.previous(before).is_number()
    }

    /// The last token before the words of a time: "đến ngày 14/9/2025" ends with this number.
    fn before_time(&self, number: Token) -> Token {
        const LONGEST: usize = 8;
        static WORDS: KeySet<7> = KeySet::new(["năm", "tháng", "ngày", "đến", "hết", "trong", "tính"]);
        let mut token = number;
        for _ in 0..LONGEST {
            let of_date = token.is_number() || token.is_mark('/') || WORDS.has(token);
            if !of_date || token.start() < self.floor {
                break;
            }
            token = self.reader.previous(token);
        }
        token
    }

    /// Whether a comma stands in a row of nouns ("các huyện, thành phố").
    fn joins_siblings(&self, comma: Token) -> bool {
        let next = self.reader.next(comma);
        let last = self.reader.previous(comma);
        let first = self.reader.previous(last);
        SIBLINGS.has(next) && (SIBLINGS.has(last) || SIBLINGS.has(first))
    }

    /// Whether a comma divides a list of nouns or verbs rather than clauses: no figure stands in
    /// the clause before it.
    fn list_before(&self, comma: Token) -> bool {
        let mut token = comma;
        for _ in 0..4 {
            token = self.reader.previous(token);
            if token.start() < self.floor || !token.is_word() {
                return token.start() >= self.floor && matches!(token.kind, Kind::Mark(';' | '(' | ':' | '.'));
            }
        }
        false
    }

    /// The opening of a short bracket without figures that ends here.
    fn bracket(&self, close: Token) -> Option<Token> {
        let mut token = close;
        for _ in 0..6 {
            token = self.reader.previous(token);
            if token.start() < self.floor || token.is_end() {
                return None;
            }
            if token.is_mark('(') {
                return Some(token);
            }
        }
        None
    }

    /// Leaves out words that do not begin or end a subject.
    fn trim<const L: usize, const T: usize>(
        &self,
        span: Span,
        leading: &KeySet<L>,
        trailing: &KeySet<T>,
    ) -> Option<Span> {
        const OPENINGS: [[Key; 2]; 3] = [
            [key!("đến"), key!("nay")],
            [key!("theo"), key!("đó")],
            [key!("hiện"), key!("nay")],
        ];
        let (mut start, mut end) = (span.start as usize, span.end as usize);
        let mut first = self.reader.after(start);
        while start < end {
            if first.end() >= end || !leading.has(first) && first.is_word() {
                start = first.start().max(start);
                break;
            }
            start = first.end();
            first = self.reader.next(first);
        }
        for opening in OPENINGS {
            if first.key != opening[0] {
                continue;
            }
            let second = self.reader.next(first);
            let third = self.reader.next(second);
            if second.key == opening[1] && third.is_word() && third.end() <= end {
                first = third;
                start = first.start();
            }
        }
        let mut last = self.reader.before(end);
        while start < end {
            if !trailing.has(last) && (last.is_word() || last.is_number()) || self.ends_compound(last) {
                break;
            }
            if last.is_mark(')') {
                last = self.bracket(last).unwrap_or(last);
            }
            end = last.start();
            last = self.reader.previous(last);
        }
        while start < end && self.reader.text[..end].ends_with(char::is_whitespace) {
            end = self.reader.before(end).end();
        }
        (start < end).then(|| Span::new(start, end))
    }

    /// Whether a word that leads to a figure ends another word here ("sắp xếp", "bố trí", "dân số").
    fn ends_compound(&self, last: Token) -> bool {
        const COMPOUNDS: [(Key, Key); 15] = [
            (Key::new("trực"), Key::new("thuộc")),
            (Key::new("ký"), Key::new("số")),
            (Key::new("sắp"), Key::new("xếp")),
            (Key::new("bố"), Key::new("trí")),
            (Key::new("giải"), Key::new("trí")),
            (Key::new("dân"), Key::new("số")),
            (Key::new("chỉ"), Key::new("số")),
            (Key::new("doanh"), Key::new("số")),
            (Key::new("mã"), Key::new("số")),
            (Key::new("đơn"), Key::new("vị")),
            (Key::new("học"), Key::new("vị")),
            (Key::new("thích"), Key::new("ứng")),
            (Key::new("cung"), Key::new("ứng")),
            (Key::new("đáp"), Key::new("ứng")),
            (Key::new("tham"), Key::new("dự")),
        ];
        let first = self.reader.previous(last);
        first.is_word() && last.is_word() && COMPOUNDS.contains(&(first.key, last.key))
    }

    fn words(&self, span: Span) -> usize {
        self.tokens_of(span)
            .filter(|token| token.is_word() && token.start() < span.end as usize)
            .count()
    }

    /// The tokens from the start of a span on, up to the one that reaches its end or goes beyond.
    fn tokens_of(&self, span: Span) -> impl Iterator<Item = Token> {
        let mut behind = span.start as usize;
        self.reader.walk(behind).take_while(move |token| {
            let within = behind < span.end as usize;
            behind = token.end();
            within
        })
    }

    /// Rates of growth and cut carry their change in the subject ("tăng trưởng GRDP đạt 8,19%").
    fn change_of_clause(&self, figure: &mut Figure) {
        const GROWTH: [Key; 2] = [Key::new("trưởng"), Key::new("tăng")];
        const RATE: [Key; 3] = [Key::new("lệ"), Key::new("mức"), Key::new("độ")];
        if figure.change != Change::None {
            return;
        }
        if figure.kind != MeasureKind::Percent {
            if figure.kind == MeasureKind::Count && self.is_of_cuts(figure) {
                figure.change = Change::Decrease;
            }
            return;
        }
        let Some(subject) = figure.subject.filter(|subject| subject.end <= figure.number.start) else {
            return;
        };
        let mut last = Token::default();
        for token in self.tokens_of(subject) {
            if last.is_word() {
                let (first, second) = (last.key, token.key);
                if first == key!("tăng") && second == GROWTH[0] || RATE.contains(&first) && second == key!("tăng") {
                    figure.change = Change::Increase;
                } else if RATE.contains(&first) && (second == key!("giảm") || second == key!("cắt")) {
                    figure.change = Change::Decrease;
                }
            }
            last = token;
        }
    }
}

impl Namer<'_, '_> {
    /// Whether a number of people or posts is that of a cut of staff spoken of since the last
    /// figure ("Việc tinh giản biên chế … được thực hiện với 2.310 người").
    fn is_of_cuts(&self, figure: &Figure) -> bool {
        const PEOPLE: [Key; 3] = [Key::new("người"), Key::new("biên"), Key::new("trường")];
        const TINH: Key = Key::new("tinh");
        const GIAN: [Key; 2] = [Key::new("giản"), Key::new("giảm")];
        let people = figure
            .unit
            .span()
            .is_some_and(|unit| is_any(self.reader.after(unit.start as usize), &PEOPLE));
        if !people {
            return false;
        }
        let mut token = self.reader.before(figure.lead as usize);
        for _ in 0..60 {
            if token.is_end() || token.start() < self.floor || matches!(token.kind, Kind::Mark('.' | ';' | ')' | '(')) {
                return false;
            }
            if is_any(token, &GIAN) && self.reader.previous(token).key == TINH {
                return true;
            }
            token = self.reader.previous(token);
        }
        false
    }
}

/// "6 bậc": steps up or down in an order.
fn is_steps(reader: &Reader<'_>, figure: &Figure) -> bool {
    const STEPS: [Key; 2] = [Key::new("bậc"), Key::new("hạng")];
    figure
        .unit
        .span()
        .is_some_and(|unit| is_any(reader.after(unit.start as usize), &STEPS))
}
