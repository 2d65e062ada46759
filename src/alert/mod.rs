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

/// Which findings become alerts, by their place, in order.
pub fn alerts(findings: &[Finding], policy: &AlertPolicy) -> Vec<usize> {
    let alerts = |&at: &usize| findings[at].severity >= policy.min_severity;
    (0..findings.len()).filter(alerts).collect()
}
