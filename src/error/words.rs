//! What errors say.

use core::fmt;

use super::{Error, MOST_PROBLEM_BYTES};
use crate::brief::{brief, first_and_last};
use crate::prelude::*;

/// No text of an error is longer.
const MOST_BYTES: usize = 1000;

impl fmt::Display for Error {
    /// One line of at most 1000 bytes, whatever a file or a name has in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&brief(&Words(self).to_string(), MOST_BYTES))
    }
}

/// An error in its full length.
struct Words<'a>(&'a Error);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.words(f)
    }
}

impl Error {
    /// All that there is to say.
    fn words(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { what, expected, got, hint } => {
                write!(f, "expected {what} {expected}, got {got}")?;
                if hint.is_empty() { Ok(()) } else { write!(f, "; {hint}") }
            }
            Self::Length { what, expected, got } => {
                write!(f, "{what}: expected {expected} values, got {got}")
            }
            Self::TooLarge { shape, limit } => write!(f, "shape {shape}: expected {limit}"),
            Self::Setting { name, expected, got } => write!(f, "{name}: expected {expected}, got {got}"),
            Self::Class { sample, classes, got } => {
                write!(f, "target of sample {sample}: expected a class below {classes}, got {got}")
            }
            Self::TargetValue { sample, expected, got } => {
                write!(f, "target of sample {sample}: expected {expected}, got {got}")
            }
            Self::Target { by, expected, got } => write!(f, "target of {by}: expected {expected}, got {got}"),
            Self::Index { what, place, below, got } => {
                write!(f, "{what} at {place:?}: expected a whole number from 0 to {}, got {got}", below - 1)
            }
            Self::NotFinite { what, got } => write!(f, "{what}: expected a finite value, got {got}"),
            Self::Empty { what } => write!(f, "{what}: expected at least one, got none"),
            Self::MissingGradient { parameter } => write!(
                f,
                "parameter {parameter}: expected a gradient, got none since the last step; freeze it, or hand its gradient to the sink in `backward`"
            ),
            Self::RepeatedGradient { parameter } => write!(
                f,
                "parameter {parameter}: expected one gradient in a pass that applies gradients at once, got another"
            ),
            Self::UnknownParameter { parameter, by } => {
                write!(f, "parameter {parameter}: expected one that the {by} was made for, got another")
            }
            Self::UnknownName { what, known, got } => {
                write!(f, "{what}: expected one of {known}; got `{got}`")
            }
            Self::Workspace { problem } => write!(f, "workspace: {problem}"),
            Self::Gradient { mismatch } => write!(f, "gradient: {mismatch}"),
            #[cfg(feature = "std")]
            Self::Io { action, path, problem, .. } => write!(f, "{action} `{path}`: {problem}"),
            Self::File { path, problem } => write!(f, "file `{path}`: {problem}"),
            Self::Tensors { path, problems } => {
                write!(f, "file `{path}` does not fit the model: {}", problems.join("; "))
            }
            Self::Operations { path, problems } => {
                write!(f, "file `{path}` is not read: {}", joined(problems))
            }
            Self::NotWritten { path, problems } => {
                write!(f, "file `{path}` is not written: {}", joined(problems))
            }
            Self::DuplicateName { name } => {
                write!(f, "layer name `{name}`: expected a name of its own, got one that another layer has")
            }
            Self::Data { part: place, source } | Self::Layer { layer: place, source } => {
                write!(f, "{place}: {source}")
            }
            Self::Rank { rank, source } => write!(f, "rank {rank}: {source}"),
            Self::Other(error) => write!(f, "{}", error.get()),
        }
    }
}

/// Of many problems the first and the last.
fn joined(problems: &[String]) -> String {
    first_and_last(problems, MOST_PROBLEM_BYTES / 2).join("; ")
}
