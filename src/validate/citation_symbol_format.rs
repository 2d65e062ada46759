//! Symbols that are not written as their kind of body writes them.

use crate::{
    document::Span,
    validate::{
        Certainty, Context, Findings, Rule, RuleStatus, Severity,
        support::{bodies, mentions::Mention, notation::Form, text},
    },
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "citation-symbol-format",
    severity: Severity::Warning,
    status: RuleStatus::Stable,
    since: "0.1.0",
    summary_vi: "Số, ký hiệu văn bản viện dẫn sai thể thức",
    summary_en: "Symbol of a cited document not well formed",
    documentation: r#"
## What it finds
Numbers and symbols (*số, ký hiệu*) that are not written in the notation of their kind of body. State bodies write
`43/KH-UBND`, with the year where the document is normative: `28/2018/QĐ-TTg`. Party bodies write `87-KH/TU`. Found are
two slashes (`09/KH/UBND`), two hyphens (`72-KH-UBND`), the Party form for a state body (`82-KH/UBND`) and the state form
for a Party body (`15/NQ-TW`), forms that contradict another mention of the same number, and, as likely slips, spaces
inside a symbol. Official letters carry no type code (`321/UBND-VP8`), which is right.

## Why it matters
Document systems look symbols up letter by letter. A symbol in the wrong form is not found.

## Example
```text
Kế hoạch số 31/KH/UBND, ngày 12/02/2024
```

## How to fix it
Write the symbol as the document bears it.

## Source
Decree 30/2020/NĐ-CP, annex I, part II, point 3; Guideline 36-HD/VPTW for Party documents.
"#,
    check,
};

/// How one number is written: how often in each form, and where first.
#[derive(Clone, Default)]
struct Forms([(usize, Span); Form::COUNT]);

impl Forms {
    fn add(&mut self, mention: &Mention<'_>) {
        let (count, first) = &mut self.0[mention.notation.form as usize];
        if *count == 0 {
            *first = mention.span();
        }
        *count += 1;
    }

    fn count(&self, form: Form) -> usize {
        self.0[form as usize].0
    }

    fn first(&self, form: Form) -> Option<Span> {
        let (count, first) = self.0[form as usize];
        (count > 0).then_some(first)
    }
}

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mentions = context.numbered();
    let mut by_number = vec![Forms::default(); mentions.len()];
    for mention in mentions {
        by_number[mention.number].add(mention);
    }
    let mut spaced = Vec::new();
    for mention in mentions {
        let others = &by_number[mention.number];
        if let Some(expected) = malformed(context, mention).or_else(|| outvoted(mention, others)) {
            report(context, mention, expected, others, findings);
        } else if mention.notation.spaced {
            spaced.push(mention);
        }
    }
    report_spaces(context, &spaced, findings);
}

/// The form the symbol ought to have, where its own has not.
fn malformed(context: &Context<'_>, mention: &Mention<'_>) -> Option<Form> {
    let notation = &mention.notation;
    let party = notation.writes_as_party();
    let right = if party == Some(true) { Form::Party } else { Form::State };
    match notation.form {
        Form::Other => None,
        Form::Slashes | Form::Hyphens => Some(right),
        // A Party caucus in a state body may bear the body's code.
        Form::Party if party == Some(false) && !named_party(context, mention) => Some(Form::State),
        Form::State if party == Some(true) => Some(Form::Party),
        Form::Party | Form::State => None,
    }
}

fn named_party(context: &Context<'_>, mention: &Mention<'_>) -> bool {
    let name = mention.citation.issuer.or(mention.citation.issuer_implied);
    name.is_some_and(|name| bodies::of_name(context, name).iter().any(|body| body.is_party()))
}

/// The form most other mentions of the same number have, where they disagree with this one and
/// its issuer code does not tell which is right.
fn outvoted(mention: &Mention<'_>, others: &Forms) -> Option<Form> {
    let own = mention.notation.form;
    if !matches!(own, Form::State | Form::Party) || mention.notation.writes_as_party().is_some() {
        return None;
    }
    let other = if own == Form::State { Form::Party } else { Form::State };
    (others.count(other) > others.count(own)).then_some(other)
}

fn report(context: &Context<'_>, mention: &Mention<'_>, expected: Form, others: &Forms, findings: &mut Findings<'_>) {
    let symbol = mention
        .citation
        .symbol
        .as_ref()
        .map_or(mention.span(), |symbol| symbol.span);
    let written = text::excerpt(context, symbol, 60);
    let right = rewritten(context, symbol, expected);
    let evidence = others.first(expected);
    let (vi, en) = match (mention.notation.form, expected) {
        (Form::Slashes, _) => ("thừa dấu gạch chéo", "one slash too many"),
        (Form::Hyphens, _) => ("dùng hai dấu gạch nối", "two hyphens"),
        (_, Form::Party) => (
            "là văn bản của Đảng nhưng viết theo thể thức nhà nước",
            "state form for a Party body",
        ),
        _ => (
            "là văn bản nhà nước nhưng viết theo thể thức của Đảng",
            "Party form for a state body",
        ),
    };
    let finding = findings.report(
        Certainty::Certain,
        std::iter::once(mention.span()).chain(evidence).collect(),
        format!("Ký hiệu {written} {vi}; đúng là {right}"),
        format!("The symbol {written} is not well formed ({en}); expected {right}"),
    );
    finding.expected = right;
    finding.actual = written;
}

/// The symbol with the separators of a form.
fn rewritten(context: &Context<'_>, symbol: Span, form: Form) -> String {
    let written: String = context.str(symbol).split_whitespace().collect();
    let mut parts = written.split(['/', '-', '–', '—']).filter(|part| !part.is_empty());
    let mut right = parts.next().unwrap_or_default().to_owned();
    let parts: Vec<&str> = parts.collect();
    let year = usize::from(
        parts
            .first()
            .is_some_and(|part| part.len() == 4 && part.bytes().all(|b| b.is_ascii_digit())),
    );
    for (at, part) in parts.into_iter().enumerate() {
        let slash = match form {
            Form::Party => at == 1,
            _ => at <= year,
        };
        right.push(if slash { '/' } else { '-' });
        right.push_str(part);
    }
    right
}

/// A space in a symbol is a slip; many are a habit, and one finding.
fn report_spaces(context: &Context<'_>, mentions: &[&Mention<'_>], findings: &mut Findings<'_>) {
    const HABIT: usize = 4;
    let symbol = |mention: &Mention<'_>| {
        mention
            .citation
            .symbol
            .as_ref()
            .map_or(mention.span(), |symbol| symbol.span)
    };
    let chunk = if mentions.len() >= HABIT { mentions.len() } else { 1 };
    for group in mentions.chunks(chunk) {
        let spans: Vec<Span> = group.iter().map(|mention| symbol(mention)).collect();
        let Some(&first) = spans.first() else { continue };
        let written = text::excerpt(context, first, 60);
        let right: String = context.str(first).split_whitespace().collect();
        let finding = findings.report(
            Certainty::Likely,
            spans,
            format!("Ký hiệu {written} thừa dấu cách; đúng là {right}"),
            format!("A space stands inside the symbol {written}; expected {right}"),
        );
        finding.expected = right;
        finding.actual = written;
    }
}
