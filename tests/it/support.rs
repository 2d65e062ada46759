//! What several tests need.

use std::path::{Path, PathBuf};

/// The folder of the real reports, beside the repository; says loudly when it is not there.
pub fn shared_reports() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/eval/dev");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("\n*** ../shared/eval/dev IS NOT HERE: the real reports are NOT tested in this run ***\n");
    None
}

/// The reports written for this repository, and the real ones where they are.
pub fn reports() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let mut found: Vec<PathBuf> = [Some(own), shared_reports()]
        .into_iter()
        .flatten()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the folder of reports can be listed"))
        .map(|entry| entry.expect("the folder of reports can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    found.sort();
    assert!(found.len() >= 6, "the reports under tests/reports are gone");
    found
}
