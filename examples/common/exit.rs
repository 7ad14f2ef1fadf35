//! How a program ends.

use std::error::Error;
use std::process::ExitCode;

/// Success; or failure, with the error as a line on the standard error output.
pub(crate) fn code(outcome: Result<(), Box<dyn Error>>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
