//! The settings in force, which may change while the worker runs.
//!
//! They are swapped as a whole: each report is read, checked and reported by one version of them.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::job::Core;
use crate::{
    bus::{Names, names::hex},
    config::{Change, Settings, Stages, changes},
    telemetry,
    validate::RULES,
    vocabulary::{OverlayError, Vocabulary},
};

/// The settings in force and what works by them.
#[derive(Debug)]
pub struct Live {
    current: ArcSwap<InForce>,
}

#[derive(Debug)]
struct InForce {
    settings: Settings,
    /// For reports of the queue.
    core: Arc<Core>,
    /// For requests, which may be smaller.
    service: Arc<Core>,
}

/// What became of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// What is in force now and was not before.
    pub changed: Vec<Change>,
    /// What has changed in the sources, and takes a restart.
    pub restart: Vec<Change>,
    /// What identifies the settings in force now.
    pub configuration: String,
}

/// Why other settings are not put in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// What is to be logged cannot be said so.
    #[error(transparent)]
    Log(#[from] telemetry::Error),
    /// The words and names that files add.
    #[error(transparent)]
    Vocabulary(#[from] OverlayError),
}

impl Live {
    /// Settings, and words and names, in force from the beginning.
    pub fn new(settings: &Settings, names: &Names, vocabulary: Arc<Vocabulary>) -> Self {
        let core = Core::new(settings, names.clone(), vocabulary.clone());
        core.report_missing();
        Self {
            current: ArcSwap::from_pointee(InForce {
                settings: settings.clone(),
                core: Arc::new(core),
                service: Arc::new(Core::new(&for_requests(settings), names.clone(), vocabulary)),
            }),
        }
    }

    /// What reads and checks reports of the queue.
    pub fn core(&self) -> Arc<Core> {
        self.current.load().core.clone()
    }

    /// What reads and checks requests.
    pub fn service_core(&self) -> Arc<Core> {
        self.current.load().service.clone()
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.current.load().settings.clone()
    }

    /// Puts other settings in force, as far as they can change while the worker runs, and reads again the files that
    /// add words and names. What is being worked on is finished by the old ones.
    pub fn reload(&self, wanted: &Settings) -> Result<Reloaded, ReloadError> {
        let old = self.current.load();
        let settings = with_reloadable(&old.settings, wanted);
        let mut changed = changes(&old.settings, &settings);
        let vocabulary = settings.vocabulary()?;
        changed.extend(overlay_change(old.core.vocabulary(), &vocabulary));
        let restart = changes(&settings, wanted);
        if changed.is_empty() {
            let configuration = old.core.configuration().to_owned();
            return Ok(Reloaded {
                changed,
                restart,
                configuration,
            });
        }
        telemetry::set_log(&settings.telemetry.log)?;
        let core = Arc::new(old.core.anew(&settings, vocabulary.clone()));
        core.report_missing();
        let configuration = core.configuration().to_owned();
        let service = Arc::new(old.service.anew(&for_requests(&settings), vocabulary));
        self.current.store(Arc::new(InForce {
            settings,
            core,
            service,
        }));
        Ok(Reloaded {
            changed,
            restart,
            configuration,
        })
    }
}

/// Settings with all of the wanted ones that can change while the worker runs: those that only
/// reading and checking looks at.
fn with_reloadable(old: &Settings, wanted: &Settings) -> Settings {
    let mut settings = old.clone();
    settings.vocabulary = wanted.vocabulary.clone();
    settings.rules = wanted.rules.clone();
    settings.alert = wanted.alert.clone();
    settings.result = wanted.result.clone();
    settings.edxml = wanted.edxml.clone();
    settings.decode = wanted.decode.clone();
    // Memory is shared out by it when the worker begins to pull.
    settings.decode.max_bytes = old.decode.max_bytes;
    settings.telemetry.log.clone_from(&wanted.telemetry.log);
    settings
}

/// What has changed in the files that add words and names.
fn overlay_change(before: &Vocabulary, after: &Vocabulary) -> Option<Change> {
    let shown = |vocabulary: &Vocabulary| {
        let is_there = !vocabulary.overlay.is_empty();
        is_there.then(|| format!("{} entries ({})", vocabulary.overlaid, vocabulary.overlay))
    };
    (before.overlay != after.overlay).then(|| Change {
        setting: "vocabulary".into(),
        before: shown(before),
        after: shown(after),
    })
}

/// Settings as they are for requests.
fn for_requests(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    // An answer is the whole result, whatever this worker does with what is in the queue.
    settings.worker.stages = Stages::All;
    settings.decode.max_bytes = settings.decode.max_bytes.min(settings.service.max_bytes);
    settings
}

/// What identifies everything that decides what a result says: the program's version, its rules,
/// the words and names that files add, and the settings of reading, checking and reporting.
pub fn configuration(settings: &Settings, vocabulary: &Vocabulary) -> String {
    let rules: Vec<_> = RULES
        .iter()
        .map(|rule| (rule.id, rule.severity.as_str(), rule.since))
        .collect();
    let all = (
        env!("CARGO_PKG_VERSION"),
        rules,
        &vocabulary.overlay,
        &settings.rules,
        &settings.alert,
        &settings.result,
        &settings.decode,
    );
    // Maps in settings are sorted, so the same settings give the same text.
    let text = serde_json::to_vec(&all).unwrap_or_default();
    hex(&Sha256::digest(text)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::RuleSeverity, validate::Severity};

    fn live() -> Live {
        Live::new(
            &Settings::default(),
            &Names::new("baocao").unwrap(),
            Vocabulary::embedded().clone(),
        )
    }

    #[test]
    fn what_can_change_does_and_the_rest_is_named() {
        let live = live();
        let before = live.core();
        let mut wanted = Settings::default();
        wanted.alert.min_severity = Severity::Info;
        wanted.rules.severity.insert("sum-mismatch".into(), RuleSeverity::Off);
        wanted.worker.concurrency = 3;
        wanted.bus.password = "secret".into();
        let reloaded = live.reload(&wanted).unwrap();
        let said = |changes: &[Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            said(&reloaded.changed),
            [
                "alert.min_severity: \"error\" → \"info\"",
                "rules.severity.sum-mismatch: – → \"off\""
            ]
        );
        assert_eq!(
            said(&reloaded.restart),
            ["bus.password: – → ********", "worker.concurrency: 16 → 3"]
        );
        assert_eq!(live.settings().alert.min_severity, Severity::Info);
        assert_eq!(live.settings().worker.concurrency, 16);
        assert_ne!(reloaded.configuration, before.configuration());
        assert_eq!(live.core().configuration(), reloaded.configuration);

        let again = live.reload(&wanted).unwrap();
        assert_eq!(again.changed, []);
        assert_eq!(again.configuration, reloaded.configuration);
    }

    #[test]
    fn the_same_settings_are_called_the_same() {
        let configuration = |settings: &Settings| configuration(settings, Vocabulary::embedded());
        assert_eq!(configuration(&Settings::default()), configuration(&Settings::default()));
        let mut other = Settings::default();
        other.bus.url = "nats://elsewhere:4222".into();
        assert_eq!(
            configuration(&other),
            configuration(&Settings::default()),
            "where it runs does not change what it says"
        );
        other.rules.preview = true;
        assert_ne!(configuration(&other), configuration(&Settings::default()));
    }
}
