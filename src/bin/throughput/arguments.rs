//! What can be asked for on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};

use super::sweep::Sweep;

/// Measures the throughput of dense layers.
#[derive(Debug, Parser)]
#[command(name = "throughput", version)]
pub(crate) struct Arguments {
    /// What to measure: inference, steps of training, or a product of square matrices in the dense layer's kernel.
    #[arg(long, value_enum, default_value_t = Pass::Infer)]
    pub(crate) pass: Pass,
    /// A network: inputs, then the width of each dense layer. Given several times, several networks. ReLU between the
    /// layers; softmax after the last, or ReLU where it is the only one.
    #[arg(long, default_value = "12544,1024,512,3")]
    pub(crate) widths: Vec<Widths>,
    /// Rows and columns of the matrices of `--pass gemm`.
    #[arg(long, value_delimiter = ',', default_value = "256,512,1024")]
    pub(crate) size: Vec<Count>,
    /// The optimizer of `--pass train`.
    #[arg(long, value_enum, default_value_t = Optimizer::Sgd)]
    pub(crate) optimizer: Optimizer,
    /// Samples of a call; 1, 8, 32 and 128 unless given, or those of the sweep.
    #[arg(long, value_delimiter = ',')]
    pub(crate) batch: Option<Vec<Count>>,
    /// Measures many batches (powers of two to 1024, unless `--batch` gives them), or each network in several widths
    /// (all but its inputs and its last layer, from a sixteenth to twice), draws them, and says from where on more
    /// does not pay.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) sweep: Option<Sweep>,
    /// Threads; 1 and all cores unless given.
    #[arg(long, value_delimiter = ',')]
    pub(crate) threads: Option<Vec<Count>>,
    /// The type of all numbers; or of the weights and of what they are multiplied by, for inference.
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    pub(crate) dtype: Dtype,
    /// Seconds for each row.
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Draws the rows into an SVG file: under the machine's roofline, or those of the sweep beside what the machine
    /// allows. A sweep draws into `throughput-batch.svg` or `throughput-width.svg` unless given.
    #[arg(long, value_name = "FILE")]
    pub(crate) picture: Option<PathBuf>,
}

impl Arguments {
    /// What is wrong with arguments that are right each for itself.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if self.pass == Pass::Train && self.dtype == Dtype::Int8 {
            return Some(
                "--dtype int8: expected --pass infer or gemm, as weights of eight bits have no gradients",
            );
        }
        (self.pass == Pass::Gemm && self.sweep.is_some())
            .then_some("--sweep: expected --pass infer or train; for gemm, --size takes several sizes")
    }

    /// Where to draw, if anywhere.
    pub(crate) fn picture(&self) -> Option<PathBuf> {
        let of_sweep = |sweep: Sweep| format!("throughput-{}.svg", sweep.name()).into();
        self.picture.clone().or_else(|| self.sweep.map(of_sweep))
    }

    /// How many threads to measure on, in turn.
    pub(crate) fn threads(&self) -> Vec<usize> {
        let all = std::thread::available_parallelism().map_or(1, Count::get);
        match &self.threads {
            Some(threads) => threads.iter().map(|threads| threads.get()).collect(),
            None if all == 1 => vec![1],
            None => vec![1, all],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pass {
    Infer,
    Train,
    Gemm,
}

impl Pass {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Infer => "infer",
            Self::Train => "train",
            Self::Gemm => "gemm",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Optimizer {
    Sgd,
    Momentum,
    Adam,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    F32,
    F64,
    /// 8-bit weights in a model of f32, whose inputs become eight bits on the way.
    Int8,
    /// Weights in bf16 in a model of f32, and in training copies of them; products of bf16, sums in f32.
    Bf16,
}

impl Dtype {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Int8 => "int8",
            Self::Bf16 => "bf16",
        }
    }
}

/// A number that is not 0.
pub(crate) type Count = std::num::NonZeroUsize;

/// The widths of a network: its inputs, and the outputs of each layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Widths(pub(crate) Vec<usize>);

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = |text: &str| match text.trim().parse::<Count>() {
            Ok(count) => Ok(count.get()),
            Err(_) => Err(format!("expected whole numbers of at least 1, got `{text}`")),
        };
        let widths = text.split(',').map(count).collect::<Result<Vec<_>, _>>()?;
        if widths.len() < 2 {
            return Err("expected at least two, the inputs and the width of a layer".to_owned());
        }
        Ok(Self(widths))
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    let is_fine = (1e-3..=3600.0).contains(&seconds);
    if is_fine { Ok(seconds) } else { Err("expected 0.001 to 3600".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("throughput").chain(line.split_whitespace()))
    }

    fn widths(line: &str) -> Vec<Vec<usize>> {
        parse(line).unwrap().widths.into_iter().map(|Widths(widths)| widths).collect()
    }

    #[test]
    fn each_network_is_one_argument() {
        assert_eq!(widths(""), [[12544, 1024, 512, 3]]);
        assert_eq!(widths("--widths 784,128,10"), [[784, 128, 10]]);
        assert_eq!(widths("--widths 784,128,10 --widths 20,3"), [&[784, 128, 10][..], &[20, 3]]);
    }

    #[test]
    fn wrong_arguments_are_told_and_end_with_code_2() {
        for (line, told) in [
            ("--widths 5", "expected at least two, the inputs and the width of a layer"),
            ("--widths 20,8 --widths 5", "expected at least two"),
            ("--widths 20,0,3", "expected whole numbers of at least 1, got `0`"),
            ("--widths 20,,3", "expected whole numbers of at least 1, got ``"),
            ("--widths 20,-1", "got `-1`"),
            ("--widths 20,8x", "got `8x`"),
            ("--widths 99999999999999999999,3", "got `99999999999999999999`"),
            ("--batch 0", "--batch"),
            ("--threads 1,x", "--threads"),
            ("--seconds never", "expected a number"),
            ("--seconds 0", "expected 0.001 to 3600"),
            ("--seconds nan", "expected 0.001 to 3600"),
            ("--dtype f16", "f16"),
            ("--pass sideways", "sideways"),
            ("--sweep depth", "depth"),
            ("--frobnicate", "--frobnicate"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.to_string().contains(told), "{line}: {error}");
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn a_sweep_is_one_of_networks_and_has_a_picture() {
        assert!(parse("--sweep batch --pass gemm").unwrap().problem().is_some());
        assert!(parse("--pass gemm").unwrap().problem().is_none());
        assert!(parse("--sweep width --pass train").unwrap().problem().is_none());
        let picture = |line| parse(line).unwrap().picture();
        assert_eq!(picture(""), None);
        assert_eq!(picture("--sweep batch"), Some("throughput-batch.svg".into()));
        assert_eq!(picture("--sweep width"), Some("throughput-width.svg".into()));
        assert_eq!(picture("--sweep width --picture a.svg"), Some("a.svg".into()));
    }

    #[test]
    fn eight_bits_are_not_for_training() {
        let problem = |line| parse(line).unwrap().problem();
        assert!(
            problem("--dtype int8 --pass train").unwrap().starts_with("--dtype int8: expected --pass infer")
        );
        assert_eq!((problem("--dtype int8"), problem("--dtype int8 --pass gemm")), (None, None));
    }

    #[test]
    fn threads_are_one_and_all_unless_given() {
        assert_eq!(parse("--threads 3,1").unwrap().threads(), [3, 1]);
        assert_eq!(parse("").unwrap().threads()[0], 1);
    }
}
