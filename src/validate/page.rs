//! The rules on paper: the page of one, and the page of all.

use super::{RULES, Rule, RuleStatus};

/// The page of a rule, as `baocao rules explain` prints it.
pub fn of(rule: &Rule) -> String {
    let status = match rule.status {
        RuleStatus::Stable => "stable",
        RuleStatus::Preview => "preview, off unless rules.preview is true",
    };
    format!(
        "# {}\n\n{}\n{}\n\nSeverity: {}. Status: {status}. Since: {}.\n\n{}\n",
        rule.id,
        rule.summary_vi,
        rule.summary_en,
        rule.severity.as_str(),
        rule.since,
        rule.documentation.trim()
    )
}

/// The page of all rules: a table of them, then each rule. It stands in `RULES.md` beside this file.
pub fn all() -> String {
    let mut page = String::from(
        "# Rules\n\nWhat `baocao check` and the worker look for. Made by `baocao rules page`; a test compares the two. \
         Severities are\nthose without settings: `rules.severity` and `rules.unit` change them, and `rules.preview` \
         switches on what is still in\npreview.\n\n| rule | severity | status | since | |\n|---|---|---|---|---|\n",
    );
    for rule in RULES {
        let status = match rule.status {
            RuleStatus::Stable => "stable",
            RuleStatus::Preview => "preview",
        };
        let (id, severity, since) = (rule.id, rule.severity.as_str(), rule.since);
        page += &format!(
            "| [`{id}`](#{id}) | {severity} | {status} | {since} | {}<br>{} |\n",
            rule.summary_vi, rule.summary_en
        );
    }
    for rule in RULES {
        page.push('\n');
        page += &below(&of(rule));
    }
    page
}

/// A page as a part of another: its headings one level lower, but not what is in code blocks.
fn below(page: &str) -> String {
    let mut code = false;
    let mut out = String::new();
    for line in page.lines() {
        code ^= line.starts_with("```");
        if line.starts_with('#') && !code {
            out.push('#');
        }
        out += line;
        out.push('\n');
    }
    out
}
