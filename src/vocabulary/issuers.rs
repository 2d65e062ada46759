//! Bodies that issue documents (cơ quan ban hành) and their codes.

/// Bodies that issue documents (cơ quan ban hành) and their codes.
#[derive(Debug, Default)]
pub struct Issuers {}

impl Issuers {
    /// The table embedded in the program.
    pub fn embedded() -> Self {
        Self::default()
    }
}
