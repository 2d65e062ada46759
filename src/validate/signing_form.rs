//! The form of signing does not fit the kind of body.

use crate::{
    extract::NumberStyle,
    validate::{Certainty, Context, Findings, Rule, RuleStatus, Severity, support::text},
};

/// The rule.
pub static RULE: Rule = Rule {
    id: "signing-form",
    severity: Severity::Info,
    status: RuleStatus::Preview,
    since: "0.1.0",
    summary_vi: "Thể thức đề ký trái với loại cơ quan",
    summary_en: "Form of signing does not fit the kind of body",
    documentation: r#"
## What it finds
A report numbered the State's way (`43/BC-UBND`) but signed the Party's way (`T/M`, `K/T`, `T/L`), or the other way round
(*thể thức đề ký*): state bodies write `TM.`, `KT.`, `TL.`, Party bodies `T/M`, `K/T`, `T/L`.

## Why it matters
The form is part of what makes the document valid, and readers tell by it on whose behalf was signed.

## Example
```text
Số: 43/BC-UBND … T/M ỦY BAN NHÂN DÂN
```

## How to fix it
Write the authority in the form of the issuing body.

## Source
Decree 30/2020/NĐ-CP, article 13 and annex I, part II, point 7; Guideline 36-HD/VPTW.
"#,
    check,
};

fn check(context: &Context<'_>, findings: &mut Findings<'_>) {
    let Some(number) = &context.report.header.number else {
        return;
    };
    for authority in context
        .report
        .signatories
        .iter()
        .flat_map(|signatory| signatory.authority.iter().copied())
    {
        let written = text::excerpt(context, authority, 60);
        let Some(right) = other_form(&written, number.style) else {
            continue;
        };
        let finding = findings.report(
            Certainty::Likely,
            vec![authority, number.span],
            format!("Đề ký “{written}” không đúng thể thức của cơ quan ban hành; nên ghi “{right}”"),
            format!("Signed “{written}”, which is not the form of the issuing body; expected “{right}”"),
        );
        finding.expected = right;
        finding.actual = written;
    }
}

/// The authority in the form of the body, where it has the other one.
fn other_form(written: &str, style: NumberStyle) -> Option<String> {
    const FORMS: [(&str, &str); 3] = [("TM.", "T/M"), ("KT.", "K/T"), ("TL.", "T/L")];
    let written = written.trim_start_matches('*');
    FORMS.iter().find_map(|(state, party)| match style {
        NumberStyle::State => written.strip_prefix(party).map(|rest| format!("{state}{rest}")),
        NumberStyle::Party => written.strip_prefix(state).map(|rest| format!("{party}{rest}")),
        NumberStyle::Unknown => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_form() {
        assert_eq!(other_form("T/M UBND", NumberStyle::State).as_deref(), Some("TM. UBND"));
        assert_eq!(other_form("TM. UBND", NumberStyle::State), None);
        assert_eq!(
            other_form("KT. TRƯỞNG BAN", NumberStyle::Party).as_deref(),
            Some("K/T TRƯỞNG BAN")
        );
    }
}
