//! From the document to the report: masthead, sections, citations, figures, closing.
//!
//! One file for each thing extracted. Nothing here allocates text: all that is taken from the
//! document is a [`Span`] of it, and [`crate::wire`] makes strings of spans at the edge.
//!
//! One pass over the lines ([`layout`]) finds the blocks of the document and where sentences go
//! on across line and page breaks; then each extractor looks for its anchors (a digit, a line
//! start, a type word) and a local parser reads on from there, through [`crate::shadow::Reader`].

use rust_decimal::Decimal;

use crate::{
    document::{Document, Span},
    shadow::Flow,
    vocabulary::Vocabulary,
};

pub mod breakdowns;
pub mod citations;
pub mod closing;
pub mod dates;
pub mod documents;
pub mod footnotes;
pub mod header;
pub mod layout;
pub mod measures;
pub mod numerals;
pub mod sections;
pub mod symbols;

pub use dates::PartialDate;
pub use layout::Layout;
pub use symbols::{NumberStyle, Symbol};

/// Everything read from one report. See `proto/baocao/v1/report.proto` for what each part means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Masthead, title and period.
    pub header: Header,
    /// Headings in document order.
    pub sections: Vec<Section>,
    /// Mentions of other documents, in document order.
    pub citations: Vec<Citation>,
    /// The distinct documents they resolve to, in order of first mention.
    pub documents: Vec<CitedDocument>,
    /// Figures in document order.
    pub measures: Vec<Measure>,
    /// Which figures are parts of which total.
    pub breakdowns: Vec<Breakdown>,
    /// Footnotes in document order.
    pub footnotes: Vec<Footnote>,
    /// Lines under "Nơi nhận".
    pub recipients: Vec<Recipient>,
    /// Who signs.
    pub signatories: Vec<Signatory>,
    /// Where sentences go on across breaks: a span that runs over a footnote is written without it.
    pub flow: Flow,
}

/// The name of a body, line by line: between the lines of a masthead in two columns stands what is
/// in the other column.
pub type Name = Vec<Span>;

/// Masthead, title and period of the report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Body above the issuer (cơ quan chủ quản); empty when absent.
    pub governing_body: Name,
    /// Issuing bodies, in order.
    pub issuers: Vec<Name>,
    /// Number and symbol of the report, blank sequence included ("Số:     /BC-STP").
    pub number: Option<Symbol>,
    /// Place of issue (địa danh).
    pub place: Option<Span>,
    /// Date of issue; parts left blank are 0.
    pub issue_date: Option<PartialDate>,
    /// Where the date stands.
    pub issue_date_span: Option<Span>,
    /// The type word as printed ("BÁO CÁO").
    pub document_type: Option<Span>,
    /// The title below the type word.
    pub subject: Option<Span>,
    /// What the report covers.
    pub period: Option<Period>,
}

/// The time a report covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Kind of period.
    pub kind: PeriodKind,
    /// Calendar year; the last one of several.
    pub year: u16,
    /// 1 or 2 for half-years, 1 to 4 for quarters, 1 to 12 for months, else 0.
    pub index: u8,
    /// First day.
    pub start: PartialDate,
    /// Last day.
    pub end: PartialDate,
}

/// Kind of period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodKind {
    /// A calendar year.
    Year,
    /// Six months.
    HalfYear,
    /// The first nine months.
    NineMonths,
    /// A quarter.
    Quarter,
    /// A month.
    Month,
    /// Several years.
    MultiYear,
}

/// A heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Label without its punctuation ("II", "2.1", "a", "Phần thứ nhất").
    pub label: Span,
    /// Depth in force, 1 = outermost.
    pub level: u8,
    /// The title, over all its lines.
    pub title: Span,
    /// The whole heading.
    pub span: Span,
}

/// One mention of another document.
#[derive(Clone, Debug, PartialEq)]
pub struct Citation {
    /// From the type word to the end of the date, or of the number.
    pub span: Span,
    /// Canonical type word ("Nghị quyết"), from the vocabulary.
    pub document_type: std::sync::Arc<str>,
    /// Number and symbol; absent for a law cited by name.
    pub symbol: Option<Symbol>,
    /// Date as written, even where impossible.
    pub date: Option<PartialDate>,
    /// Where the date stands.
    pub date_span: Option<Span>,
    /// The body named after "của".
    pub issuer: Option<Span>,
    /// The body that the text says issued it in other words ("X ban hành …"); not published,
    /// but a rule may compare it with the symbol.
    pub issuer_implied: Option<Span>,
    /// The term bracket (khóa XI).
    pub term: Option<Span>,
    /// What the document is about, without outer quotes. Several pieces where a footnote or a
    /// page break stands in between.
    pub subject: Option<Span>,
    /// Index into [`Report::documents`].
    pub document: usize,
}

/// A distinct document that is cited.
#[derive(Clone, Debug, PartialEq)]
pub struct CitedDocument {
    /// Stable identity over all reports ("state:QĐ:1847:TTg:2018").
    pub key: String,
    /// Number and symbol in canonical notation.
    pub number: String,
    /// Type word.
    pub document_type: std::sync::Arc<str>,
    /// Date most mentions give.
    pub date: Option<PartialDate>,
    /// Issuing body most mentions give.
    pub issuer: Option<Span>,
    /// Indexes into [`Report::citations`].
    pub mentions: Vec<usize>,
}

/// One reported figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// From the number to its unit.
    pub span: Span,
    /// Kind of figure.
    pub kind: MeasureKind,
    /// Value; the numerator of a ratio; đồng for money.
    pub value: Decimal,
    /// Decimal places shown ("91,7%" has 1), for comparing computed with stated figures.
    pub places: u8,
    /// Denominator of a ratio, rank or score.
    pub total: Option<Decimal>,
    /// The unit as written; that of a neighbour where the text leaves it out.
    pub unit: Unit,
    /// What is counted, beginning with the counted noun.
    pub subject: Option<Span>,
    /// What narrows the subject where those words stand elsewhere, before the figure mostly
    /// ("cấp huyện 77 cuộc", "đã giải quyết 223 vụ việc").
    pub qualifier: Option<Span>,
    /// How exact it is said to be.
    pub approx: Approx,
    /// Whether it is a change.
    pub change: Change,
    /// Index into [`Report::sections`] of the section it stands in.
    pub section: Option<usize>,
}

/// Where the unit of a figure is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Nowhere.
    #[default]
    None,
    /// Right behind the number.
    Own(Span),
    /// At a neighbour that shares it.
    Shared(Span),
}

impl Unit {
    /// Where it is written, at the figure or at a neighbour.
    pub fn span(self) -> Option<Span> {
        match self {
            Unit::None => None,
            Unit::Own(span) | Unit::Shared(span) => Some(span),
        }
    }
}

/// Kind of figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MeasureKind {
    /// A number of things.
    Count,
    /// So many of so many.
    Ratio,
    /// Per cent.
    Percent,
    /// A place in an order.
    Rank,
    /// Money, in đồng.
    Money,
    /// A length of time.
    Duration,
    /// Points.
    Score,
    /// An area.
    Area,
}

/// How exact a figure is said to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approx {
    /// No word says otherwise.
    #[default]
    Exact,
    /// khoảng, gần.
    About,
    /// hơn, trên, từ … trở lên.
    Over,
    /// dưới.
    Under,
    /// ước.
    Estimated,
}

/// Whether a figure is a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// A level.
    #[default]
    None,
    /// tăng, có thêm.
    Increase,
    /// giảm, cắt giảm, tinh giản.
    Decrease,
}

/// A total and its parts, as the text presents them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakdown {
    /// Index into [`Report::measures`] of the total.
    pub total: usize,
    /// Indexes into [`Report::measures`] of the parts.
    pub parts: Vec<usize>,
    /// How the text presents the parts.
    pub manner: BreakdownManner,
}

/// How a text presents parts of a total, which says whether they must add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakdownManner {
    /// A full list, in brackets or after "gồm": must add up.
    Full,
    /// After "trong đó" and without a sign that it is partial: probably adds up.
    Among,
    /// With a sign that it is partial ("…", "chủ yếu"), or one part only.
    Partial,
}

/// A footnote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footnote {
    /// Its mark as written, a superscript digit perhaps.
    pub mark: Span,
    /// The body of the note.
    pub span: Span,
}

/// A line under "Nơi nhận".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Without its dash and end punctuation.
    pub span: Span,
    /// The archive line.
    pub archive: bool,
}

/// Somebody who signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signatory {
    /// The name; absent when only the position is there.
    pub name: Option<Span>,
    /// The position as printed.
    pub position: Option<Span>,
    /// The lines that give the authority to sign ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH").
    pub authority: Vec<Span>,
}

/// Reads a report from a document.
pub fn extract(document: &Document, vocabulary: &Vocabulary) -> Report {
    read(document, &Layout::of(document), vocabulary)
}

/// Reads a report from a document whose lines are known.
pub fn read(document: &Document, layout: &Layout, vocabulary: &Vocabulary) -> Report {
    let header = header::extract(document, layout, vocabulary);
    let sections = sections::extract(document, layout);
    let footnotes = footnotes::extract(layout);
    let mut citations = citations::extract(document, layout, vocabulary, &header);
    let documents = documents::resolve(document, &mut citations, vocabulary);
    let mut measures = measures::extract(document, layout, vocabulary, &sections, &citations);
    let breakdowns = breakdowns::extract(document, layout, vocabulary, &footnotes, &measures);
    breakdowns::inherit_changes(&mut measures, &breakdowns);
    let (recipients, signatories) = closing::extract(document, layout);
    Report {
        header,
        sections,
        citations,
        documents,
        measures,
        breakdowns,
        footnotes,
        recipients,
        signatories,
        flow: layout.flow.clone(),
    }
}
