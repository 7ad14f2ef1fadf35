//! How fast dense layers are on this machine, and how fast they could be at most.
//!
//! ```sh
//! cargo install taper --features throughput      # or, in the repository, cargo run --release --example throughput --
//! throughput
//! throughput --pass train --optimizer adam --batch 32
//! throughput --widths 784,128,10 --widths 784,1024,10 --threads 1 --json
//! throughput --sweep batch
//! ```
//!
//! Every row is measured in short rounds, and before each round what the machine can do: the rates of a loop that
//! only multiplies and adds, and of one that only reads as many bytes as the weights have. The share is that of the
//! roofline, the longer of the two times for this work, in the time that was needed.

mod advice;
mod arguments;
mod busy;
mod curve;
mod jobs;
mod measure;
mod picture;
mod report;
mod statistics;
mod sweep;
mod work;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use taper::sequential::Quantization;

use self::arguments::{Arguments, Dtype, Pass};

pub(crate) fn main() -> ExitCode {
    // Wrong arguments end the process with code 2 and a message.
    let arguments = Arguments::parse();
    if let Some(problem) = arguments.problem() {
        clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, format!("{problem}\n")).exit();
    }
    let outcome = match arguments.dtype {
        Dtype::F32 => run::<f32>(&arguments, Ok),
        Dtype::F64 => run::<f64>(&arguments, Ok),
        Dtype::Bf16 if arguments.pass == Pass::Train => run::<f32>(&arguments, Ok),
        Dtype::Bf16 => run::<f32>(&arguments, |model| model.quantized(&Quantization::bf16())),
        Dtype::Int8 => run::<f32>(&arguments, |model| model.quantized(&Quantization::int8())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures models that are prepared so.
fn run<T: taper::Scalar>(arguments: &Arguments, prepare: work::Prepare<T>) -> Result<(), Box<dyn Error>> {
    let jobs = jobs::jobs(arguments);
    let mut report = report::Report::new(arguments.json);
    let mut rows = Vec::new();
    for threads in arguments.threads() {
        // The calls come from inside of the pool, as they do in a program that enters it once.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        for job in &jobs {
            let measured = pool.install(|| -> Result<_, taper::Error> {
                let mut work = work::Work::<T>::new(arguments, prepare, &job.widths, job.batch, threads)?;
                measure::measure(&mut work, threads, arguments.seconds)
            })?;
            report.row(&measured);
            rows.push((job.line, measured));
        }
    }
    let lines = jobs::lines(&rows);
    let advise = |sweep| lines.iter().map(|line| advice::advice(sweep, line)).collect();
    report.finish(&arguments.sweep.map_or_else(Vec::new, advise));
    if let Some(path) = arguments.picture() {
        match arguments.sweep {
            Some(sweep) => curve::draw(&path, sweep, &lines)?,
            None => picture::draw(&path, &lines)?,
        }
        eprintln!("picture in {}", path.display());
    }
    Ok(())
}
