//! How fast dense layers are on this machine, and how fast they could be at most.
//!
//! ```sh
//! cargo run --release --example throughput
//! cargo run --release --example throughput -- --pass train --optimizer adam --batch 32
//! cargo run --release --example throughput -- --widths 784,128,10 --threads 1 --json
//! ```
//!
//! Every row is measured in short rounds, and before each round what the machine can do: the rates of a loop that
//! only multiplies and adds, and of one that only reads as many bytes as the weights have. The share is that of the
//! roofline, the longer of the two times for this work, in the time that was needed.

#[path = "../common/exit.rs"]
mod exit;

mod measure;
mod picture;
mod report;
mod work;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Measures the throughput of dense layers.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure: inference, steps of training, or a product of square matrices in the dense layer's kernel.
    #[arg(long, value_enum, default_value_t = Pass::Infer)]
    pass: Pass,
    /// Inputs, then the width of each dense layer. ReLU between the layers; softmax after the last, or ReLU where
    /// it is the only one.
    #[arg(long, value_delimiter = ',', default_value = "12544,1024,512,3")]
    widths: Vec<Count>,
    /// Rows and columns of the matrices of `--pass gemm`.
    #[arg(long, value_delimiter = ',', default_value = "256,512,1024")]
    size: Vec<Count>,
    /// The optimizer of `--pass train`.
    #[arg(long, value_enum, default_value_t = Optimizer::Sgd)]
    optimizer: Optimizer,
    /// Samples of a call.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32,128")]
    batch: Vec<Count>,
    /// Threads; 1 and all cores unless given.
    #[arg(long, value_delimiter = ',')]
    threads: Option<Vec<Count>>,
    /// The type of all numbers.
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// Seconds for each row.
    #[arg(long, default_value = "1", value_parser = seconds)]
    seconds: f64,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    /// Draws the rows under the machine's roofline into an SVG file.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pass {
    Infer,
    Train,
    Gemm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Optimizer {
    Sgd,
    Momentum,
    Adam,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dtype {
    F32,
    F64,
}

/// A number that is not 0.
type Count = std::num::NonZeroUsize;

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    let is_fine = (1e-3..=3600.0).contains(&seconds);
    if is_fine { Ok(seconds) } else { Err("expected 0.001 to 3600".to_owned()) }
}

fn main() -> ExitCode {
    // Wrong arguments end the process with code 2 and a message.
    let arguments = Arguments::parse();
    if arguments.pass != Pass::Gemm && arguments.widths.len() < 2 {
        let problem = "--widths: expected at least two, the inputs and the width of a layer";
        clap::Error::raw(clap::error::ErrorKind::TooFewValues, format!("{problem}\n")).exit();
    }
    let outcome = match arguments.dtype {
        Dtype::F32 => run::<f32>(&arguments),
        Dtype::F64 => run::<f64>(&arguments),
    };
    exit::code(outcome)
}

fn run<T: taper::Scalar>(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let all = std::thread::available_parallelism().map_or(1, Count::get);
    let threads = match &arguments.threads {
        Some(threads) => threads.iter().map(|threads| threads.get()).collect(),
        None if all == 1 => vec![1],
        None => vec![1, all],
    };
    let mut report = report::Report::new(arguments.json);
    let mut measured_rows = Vec::new();
    for &threads in &threads {
        // The calls come from inside of the pool, as they do in a program that enters it once.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let rows = if arguments.pass == Pass::Gemm { &arguments.size } else { &arguments.batch };
        for row in rows {
            let measured = pool.install(|| -> Result<_, taper::Error> {
                let mut work = work::Work::<T>::new(arguments, row.get(), threads)?;
                measure::measure(&mut work, threads, arguments.seconds)
            });
            let measured = measured?;
            report.row(&measured);
            measured_rows.push(measured);
        }
    }
    report.finish();
    if let Some(path) = &arguments.picture {
        picture::draw(path, &measured_rows)?;
    }
    Ok(())
}
