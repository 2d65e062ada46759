//! Checks a report the way a careful clerk would: a linter for reports.
//!
//! A rule is one file here (its code, its documentation, its severity and status), one line in
//! [`RULES`] and one fixture under `tests/rules/`; a test walks the registry and proves that each
//! rule has all of these and an id of its own. What each rule means exactly is in its
//! documentation, which `baocao rules explain RULE` prints.

use std::{
    borrow::Cow,
    cell::{LazyCell, OnceCell},
    fmt,
};

use rustc_hash::FxHashMap;

use crate::{
    document::{Document, Page, Span},
    extract::{Layout, PartialDate, Report},
    vocabulary::Vocabulary,
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod against_gold;
mod change_mismatch;
mod citation_date_conflict;
mod citation_future_date;
mod citation_issuer_mismatch;
mod citation_number_conflict;
mod citation_symbol_format;
mod citation_type_mismatch;
mod citation_year_mismatch;
mod date_format;
mod duplicate_passage;
mod envelope_mismatch;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod fixtures;
mod header_missing;
mod impossible_date;
mod numbering_duplicate;
mod numbering_gap;
mod own_number_format;
pub mod page;
mod part_larger_than_total;
mod percent_above_100;
mod percent_mismatch;
mod period_mismatch;
mod place_name_anachronism;
mod ratio_above_total;
mod signing_form;
mod sum_mismatch;
pub mod support;
mod text_corruption;
mod value_conflict;

use support::{
    dates,
    mentions::{self, Mention},
    numbering::{self, Step},
    repeats::{self, Repeat, Repeats},
    walk::Walk,
};

/// All rules, by id. The only registry.
pub static RULES: &[&Rule] = &[
    &change_mismatch::RULE,
    &citation_date_conflict::RULE,
    &citation_future_date::RULE,
    &citation_issuer_mismatch::RULE,
    &citation_number_conflict::RULE,
    &citation_symbol_format::RULE,
    &citation_type_mismatch::RULE,
    &citation_year_mismatch::RULE,
    &date_format::RULE,
    &duplicate_passage::RULE,
    &envelope_mismatch::RULE,
    &header_missing::RULE,
    &impossible_date::RULE,
    &numbering_duplicate::RULE,
    &numbering_gap::RULE,
    &own_number_format::RULE,
    &part_larger_than_total::RULE,
    &percent_above_100::RULE,
    &percent_mismatch::RULE,
    &period_mismatch::RULE,
    &place_name_anachronism::RULE,
    &ratio_above_total::RULE,
    &signing_form::RULE,
    &sum_mismatch::RULE,
    &text_corruption::RULE,
    &value_conflict::RULE,
];

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

/// The rule whose id is most like this one, for "did you mean"; None when none is near.
pub fn nearest_rule(id: &str) -> Option<&'static Rule> {
    let alike = |rule: &&Rule| (strsim::normalized_damerau_levenshtein(rule.id, id) * 1000.0) as u32;
    RULES
        .iter()
        .copied()
        .max_by_key(alike)
        .filter(|rule| alike(rule) >= 500)
}

/// A rule.
pub struct Rule {
    /// Stable id in kebab case ("sum-mismatch").
    pub id: &'static str,
    /// How grave its findings are, unless the configuration says otherwise.
    pub severity: Severity,
    /// Whether it may still change its mind.
    pub status: RuleStatus,
    /// The version it came with.
    pub since: &'static str,
    /// One line for lists, in Vietnamese.
    pub summary_vi: &'static str,
    /// One line for lists, in English.
    pub summary_en: &'static str,
    /// Its page: Markdown with the headings `What it finds`, `Why it matters`, `Example`,
    /// `How to fix it`, `Source`.
    pub documentation: &'static str,
    /// Reports what it finds.
    pub check: fn(&Context<'_>, &mut Findings<'_>),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whether a rule may still change its mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleStatus {
    /// Its meaning is fixed.
    Stable,
    /// It may change; off unless switched on.
    Preview,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look.
    Info,
    /// Should be mended.
    Warning,
    /// Must be mended before the report is used.
    Error,
}

impl Severity {
    /// The word in subjects, settings and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// How sure a rule is of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Follows from the document alone.
    Certain,
    /// A person should decide.
    Likely,
}

/// A defect and its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Id of the rule.
    pub rule: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// How sure the rule is.
    pub certainty: Certainty,
    /// The places that show it, the one to mend first.
    pub spans: Vec<Span>,
    /// What is missing (header-missing only): number, date, place, issuer, signatory, recipients.
    pub element: &'static str,
    /// The finding in Vietnamese.
    pub message_vi: String,
    /// The finding in English.
    pub message_en: String,
    /// What would be right, where it can be computed.
    pub expected: String,
    /// What the document says.
    pub actual: String,
}

/// What a rule may look at.
pub struct Context<'a> {
    /// The document.
    pub document: &'a Document,
    /// What was read from it.
    pub report: &'a Report,
    /// The data tables.
    pub vocabulary: &'a Vocabulary,
    /// The day of the check, for dates in the future.
    pub today: PartialDate,
    /// The lines of the document, computed when first asked for unless given.
    pub layout: LazyCell<Cow<'a, Layout>, Box<dyn FnOnce() -> Cow<'a, Layout> + 'a>>,
    walk: OnceCell<Walk>,
    repeats: OnceCell<Repeats>,
    numbered: OnceCell<Vec<Mention<'a>>>,
    steps: OnceCell<Vec<Step<'a>>>,
    days: OnceCell<Vec<(PartialDate, Span)>>,
}

impl<'a> Context<'a> {
    /// What rules may look at, for one report.
    pub fn new(
        document: &'a Document,
        layout: Option<&'a Layout>,
        report: &'a Report,
        vocabulary: &'a Vocabulary,
        today: PartialDate,
    ) -> Self {
        let layout = move || match layout {
            Some(layout) => Cow::Borrowed(layout),
            None => Cow::Owned(Layout::of(document)),
        };
        Self {
            document,
            report,
            vocabulary,
            today,
            layout: LazyCell::new(Box::new(layout)),
            walk: OnceCell::new(),
            repeats: OnceCell::new(),
            numbered: OnceCell::new(),
            steps: OnceCell::new(),
            days: OnceCell::new(),
        }
    }

    /// The mentions whose number identifies a document, taken apart when first asked for.
    pub fn numbered(&self) -> &[Mention<'a>] {
        self.numbered.get_or_init(|| mentions::numbered(self))
    }

    /// The full dates of the body that belong to no cited document, found when first asked for.
    pub fn days(&self) -> &[(PartialDate, Span)] {
        self.days.get_or_init(|| dates::in_prose(self))
    }

    /// The headings with the ones before them, read when first asked for.
    pub fn steps(&self) -> &[Step<'a>] {
        self.steps.get_or_init(|| numbering::steps(self))
    }

    /// What one walk over all words noted, when first asked for.
    pub fn walk(&self) -> &Walk {
        self.walk.get_or_init(|| Walk::over(self))
    }

    /// The passages that stand twice, found when first asked for.
    pub fn repeats(&self) -> &[Repeat] {
        &self.found_repeats().all
    }

    fn found_repeats(&self) -> &Repeats {
        self.repeats.get_or_init(|| repeats::find(self.walk()))
    }

    /// Whether a place lies in the second copy of a passage: what is wrong there follows from the
    /// repetition and is no finding of its own.
    pub fn is_repeated(&self, span: Span) -> bool {
        let copies = &self.found_repeats().copies;
        let next = copies.partition_point(|copy| copy.start <= span.start);
        next.checked_sub(1).is_some_and(|at| copies[at].contains(span))
    }

    /// The text of a span.
    pub fn str(&self, span: Span) -> &'a str {
        span.of(&self.document.text)
    }
}

/// Collects the findings of one rule.
pub struct Findings<'a> {
    rule: &'static Rule,
    severity: Severity,
    found: &'a mut Vec<Finding>,
}

impl Findings<'_> {
    /// Reports a finding: how sure, where, and what in both languages.
    pub fn report(
        &mut self,
        certainty: Certainty,
        spans: Vec<Span>,
        message_vi: impl Into<String>,
        message_en: impl Into<String>,
    ) -> &mut Finding {
        let at = self.found.len();
        self.found.push(Finding {
            rule: self.rule.id,
            severity: self.severity,
            certainty,
            spans,
            element: "",
            message_vi: message_vi.into(),
            message_en: message_en.into(),
            expected: String::new(),
            actual: String::new(),
        });
        &mut self.found[at]
    }
}

/// Which rules are on, and how grave their findings are.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// Severity by rule id where it differs from the rule's own; None switches the rule off.
    pub overrides: FxHashMap<String, Option<Severity>>,
    /// Whether rules in preview are on.
    pub preview: bool,
    /// Findings on pages that character recognition is less sure of, in percent, are at most likely.
    pub sure_confidence: u8,
}

impl RuleSet {
    /// The severity in force for a rule; None when it is off.
    pub fn severity(&self, rule: &Rule) -> Option<Severity> {
        match self.overrides.get(rule.id) {
            Some(&severity) => severity,
            None => (self.preview || rule.status == RuleStatus::Stable).then_some(rule.severity),
        }
    }
}

/// The rule sets of all units.
#[derive(Clone, Debug, Default)]
pub struct RuleSets {
    everywhere: RuleSet,
    /// The longest codes first.
    units: Vec<(String, RuleSet)>,
}

impl RuleSets {
    /// What is in force everywhere, and by unit what differs there and in the units below it; what a
    /// lower unit says of a rule beats what those above it say.
    pub fn new(everywhere: RuleSet, mut units: Vec<(String, FxHashMap<String, Option<Severity>>)>) -> Self {
        units.sort_by_key(|(unit, _)| unit.len());
        let mut sets = Self {
            everywhere,
            units: Vec::new(),
        };
        for (unit, overrides) in units {
            // Those above it, being shorter, are there already.
            let mut rules = sets.of(&unit).clone();
            rules.overrides.extend(overrides);
            sets.units.insert(0, (unit, rules));
        }
        sets
    }

    /// The rules in force for a unit ("H50.12.3").
    pub fn of(&self, unit: &str) -> &RuleSet {
        let within = |code: &str| {
            unit.strip_prefix(code)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let found = self.units.iter().find(|(code, _)| within(code));
        found.map_or(&self.everywhere, |(_, rules)| rules)
    }
}

/// Checks a report; the findings come by place in the document, those without a place first.
pub fn validate(
    document: &Document,
    report: &Report,
    vocabulary: &Vocabulary,
    rules: &RuleSet,
    today: PartialDate,
) -> Vec<Finding> {
    check(&Context::new(document, None, report, vocabulary, today), rules)
}

/// Runs the rules that are on; the findings come by place as those of [`validate`] do.
pub fn check(context: &Context<'_>, rules: &RuleSet) -> Vec<Finding> {
    let mut found = Vec::new();
    for &rule in RULES {
        if let Some(severity) = rules.severity(rule) {
            (rule.check)(
                context,
                &mut Findings {
                    rule,
                    severity,
                    found: &mut found,
                },
            );
        }
    }
    found.sort_by_key(|finding| finding.spans.first().copied());
    doubt_scans(context.document, rules, &mut found);
    found
}

/// What was found on a page that was not recognised for sure is likely at most: the mistake may be
/// the recognition's. A finding without a place (something is missing) concerns all pages.
fn doubt_scans(document: &Document, rules: &RuleSet, found: &mut [Finding]) {
    let is_unsure = |page: &&Page| page.confidence.is_some_and(|sure| sure < rules.sure_confidence);
    let unsure: Vec<Span> = document.pages.iter().filter(is_unsure).map(|page| page.span).collect();
    if unsure.is_empty() {
        return;
    }
    for finding in found {
        let touches = |span: &Span| unsure.iter().any(|page| page.overlaps(*span));
        if finding.spans.is_empty() || finding.spans.iter().any(touches) {
            finding.certainty = Certainty::Likely;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unit_that_speaks_of_a_rule_wins() {
        let says = |rule: &str, severity| FxHashMap::from_iter([(rule.to_owned(), severity)]);
        let sets = RuleSets::new(
            RuleSet::default(),
            vec![
                ("H50.12".into(), says("sum-mismatch", Some(Severity::Info))),
                ("H50".into(), says("numbering-gap", None)),
                ("H50.12.3".into(), says("numbering-gap", Some(Severity::Error))),
            ],
        );
        let severities = |unit: &str| {
            let set = sets.of(unit);
            ["sum-mismatch", "numbering-gap"].map(|id| set.severity(rule(id).unwrap()))
        };
        let own = ["sum-mismatch", "numbering-gap"].map(|id| Some(rule(id).unwrap().severity));
        assert_eq!(severities("H51"), own);
        assert_eq!(severities("H500"), own, "a code is no prefix of letters");
        assert_eq!(severities("_"), own);
        assert_eq!(severities("H50"), [own[0], None]);
        assert_eq!(severities("H50.12"), [Some(Severity::Info), None]);
        assert_eq!(severities("H50.12.4"), [Some(Severity::Info), None]);
        assert_eq!(severities("H50.12.3"), [Some(Severity::Info), Some(Severity::Error)]);
        assert_eq!(severities("H50.12.3.1"), [Some(Severity::Info), Some(Severity::Error)]);
    }
}
