//! Values and gradients against PyTorch, in double precision.
//!
//! Everything has to be within 1e-12 of the value, or within an absolute part where the value is a small difference of
//! larger numbers: a gradient 1 − p, say, of which both sides only know the last bit of p.

mod activations;
mod branches;
#[path = "../common/mod.rs"]
mod common;
mod conv_transposes;
mod convolutions;
mod given;
mod group_norms;
mod layers;
mod losses;
mod norms;
mod one_axis;
mod optimizer_state;
mod pools;
mod schedules;
mod sequences;

use common::compare;
use serde_json::Value;

/// A few times the last bit of 1.
const LAST_BITS: f64 = 1e-15;

/// For single binary cross-entropies, where the reference subtracts logits of up to 30 from each other: half the last
/// bit of 30. For the logit 30 and the target 1 it gives 9.24e-14, where ln(1 + e⁻³⁰) is 9.36e-14.
const LOGITS: f64 = 2e-15;

/// For sums of up to 40 products of numbers near 1, in any order: 40 roundings of half the last bit of about 2.
const SUMS: f64 = 1e-14;

/// What is off, gathered so that a test reports all of it.
struct Report {
    absolute: f64,
    compared: usize,
    failures: Vec<String>,
}

impl Report {
    fn new(absolute: f64) -> Self {
        Self { absolute, compared: 0, failures: Vec::new() }
    }

    fn compare(&mut self, what: &str, got: &[f64], expected: &Value) {
        self.compare_within(self.absolute, what, got, expected);
    }

    fn compare_within(&mut self, absolute: f64, what: &str, got: &[f64], expected: &Value) {
        self.compared += 1;
        if let Err(problem) = compare(got, &common::numbers(expected), (absolute, 1e-12)) {
            self.failures.push(format!("{what}: {problem}"));
        }
    }

    /// Fails where something was off, or not as many tensors came as there should.
    fn finish(self, expected: usize) {
        assert!(self.failures.is_empty(), "{} are off:\n{}", self.failures.len(), self.failures.join("\n"));
        assert_eq!(self.compared, expected, "how many tensors were compared");
    }
}
