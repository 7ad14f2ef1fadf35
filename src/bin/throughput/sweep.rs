//! Sweeps: one setting in many sizes.

use clap::ValueEnum;

/// What a sweep goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sweep {
    /// The widths between inputs and outputs.
    Width,
    /// The samples of a call.
    Batch,
}

impl Sweep {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Width => "width",
            Self::Batch => "batch",
        }
    }
}

/// Powers of two, unless others are asked for.
pub(crate) const BATCHES: [usize; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/// A network in several widths, narrow to wide: those between inputs and outputs from a sixteenth to twice; of a single
/// layer, its outputs.
pub(crate) fn scaled(widths: &[usize]) -> Vec<Vec<usize>> {
    let is_single = widths.len() == 2;
    let mut networks: Vec<Vec<usize>> = Vec::new();
    for (numerator, denominator) in [(1, 16), (1, 8), (1, 4), (1, 2), (1, 1), (2, 1)] {
        let mut network = widths.to_vec();
        let last = network.len() - usize::from(!is_single);
        for width in &mut network[1..last] {
            *width = (width.saturating_mul(numerator) / denominator).max(1);
        }
        if networks.last() != Some(&network) {
            networks.push(network);
        }
    }
    networks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_outputs_stay() {
        let networks = scaled(&[12544, 1024, 512, 3]);
        assert_eq!(networks.len(), 6);
        assert_eq!(networks[0], [12544, 64, 32, 3]);
        assert_eq!(networks[4], [12544, 1024, 512, 3]);
        assert_eq!(networks[5], [12544, 2048, 1024, 3]);
    }

    #[test]
    fn a_single_layer_has_several_outputs() {
        assert_eq!(scaled(&[20, 4]), [[20, 1], [20, 2], [20, 4], [20, 8]]);
        assert_eq!(scaled(&[20, 1, 3]), [[20, 1, 3], [20, 2, 3]]);
    }
}
