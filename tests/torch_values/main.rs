//! Values and gradients against PyTorch, in double precision.
//!
//! Everything has to be within 1e-12 of the value, or within [`TOLERANCE`]'s absolute part where the value is a small
//! difference of numbers near 1: a gradient 1 − p, say, of which both sides only know the last bit of p.

#[path = "../common/mod.rs"]
mod common;
mod given;
mod layers;
mod losses;
mod schedules;

use common::compare;
use serde_json::Value;

/// Absolute (a few times the last bit of 1) and relative.
const TOLERANCE: (f64, f64) = (1e-15, 1e-12);

/// What is off, gathered so that a test reports all of it.
#[derive(Default)]
struct Report {
    compared: usize,
    failures: Vec<String>,
}

impl Report {
    fn compare(&mut self, what: &str, got: &[f64], expected: &Value) {
        self.compared += 1;
        if let Err(problem) = compare(got, &common::numbers(expected), TOLERANCE) {
            self.failures.push(format!("{what}: {problem}"));
        }
    }

    /// Fails where something was off, or not as many tensors came as there should.
    fn finish(self, expected: usize) {
        assert!(self.failures.is_empty(), "{} are off:\n{}", self.failures.len(), self.failures.join("\n"));
        assert_eq!(self.compared, expected, "how many tensors were compared");
    }
}
