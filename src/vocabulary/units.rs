//! Units, classifiers and counted nouns.

/// Units, classifiers and counted nouns.
#[derive(Debug, Default)]
pub struct Units {}

impl Units {
    /// The table embedded in the program.
    pub fn embedded() -> Self {
        Self::default()
    }
}
