//! Which findings become alerts.

use crate::validate::{Finding, Severity};

/// Which findings become alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertPolicy {
    /// Findings at or above this severity.
    pub min_severity: Severity,
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self {
            min_severity: Severity::Error,
        }
    }
}

/// The findings that become alerts, in order.
pub fn alerts<'f>(findings: &'f [Finding], policy: &AlertPolicy) -> Vec<&'f Finding> {
    findings
        .iter()
        .filter(|finding| finding.severity >= policy.min_severity)
        .collect()
}
