//! The PNG files of a folder.

use std::fs;
use std::path::{Path, PathBuf};

/// All of them, in the order of their names; at least one.
pub(crate) fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(format!("{}: expected PNG files, got none", folder.display()));
    }
    paths.sort();
    Ok(paths)
}
