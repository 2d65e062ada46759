//! Types of documents (tên loại văn bản) and their codes.

/// Types of documents (tên loại văn bản) and their codes.
#[derive(Debug, Default)]
pub struct DocumentTypes {}

impl DocumentTypes {
    /// The table embedded in the program.
    pub fn embedded() -> Self {
        Self::default()
    }
}
