//! The file and the array that an error names.

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::Error;

/// A file, and the array in it where there are several.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    path: String,
    array: Option<String>,
}

impl Origin {
    pub(super) fn file(path: &Path) -> Self {
        Self { path: path.display().to_string(), array: None }
    }

    pub(super) fn array(&self, name: &str) -> Self {
        Self { path: self.path.clone(), array: Some(name.to_owned()) }
    }

    pub(super) fn is_in_archive(&self) -> bool {
        self.array.is_some()
    }

    /// The file does not hold what it should.
    pub(super) fn problem(&self, problem: impl Display) -> Error {
        let problem = match &self.array {
            Some(name) => format!("array `{name}`: {problem}"),
            None => problem.to_string(),
        };
        Error::file(&self.path, &problem)
    }

    /// Reading failed: because of what the file holds, or because of the system.
    pub(super) fn failed(&self, error: &io::Error) -> Error {
        match error.kind() {
            ErrorKind::UnexpectedEof => self.problem("expected more bytes, got the end of the file"),
            // Without a number of the system's, this is what a decoder thinks of the bytes.
            _ if error.raw_os_error().is_none() => {
                self.problem(format!("expected bytes that can be decoded, got others ({error})"))
            }
            kind => {
                let problem = error.to_string();
                Error::Io { action: "read", path: self.path.clone(), kind, problem }
            }
        }
    }
}
