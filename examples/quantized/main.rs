//! What fewer bits cost: networks of other examples in `f32`, with weights of eight bits and in bf16, side by side.
//!
//! ```sh
//! cargo run --release --example quantized                          # dense and convolutional, on silhouettes
//! cargo run --release --example quantized -- --network fashion     # Fashion-MNIST; takes minutes
//! cargo run --release --example quantized -- --network photos      # needs what the example `photos` needs
//! cargo run --release --example quantized -- --train               # beside the same trained with products of bf16
//! cargo run --release --example quantized -- --save quantized      # for `compare_onnxruntime.py` beside this file
//! ```
//!
//! Each network is trained in `f32` with several seeds. Of the same weights, then, a model of 8-bit weights is made, with ranges
//! found for each sample, with ranges known from 512 images to train with, and one whose last layer stays in `f32`, and a model of weights
//! in bf16. The error of a
//! model is the largest difference of a logit of the test images, as a share of the range from the smallest to the largest logit.
//! `docs/quantization.md` has the figures.

#[path = "../common/exit.rs"]
mod exit;
#[path = "../photos/network.rs"]
mod network;
#[path = "../photos/photographs.rs"]
#[expect(dead_code, reason = "files are not named here")]
mod photographs;
#[path = "../common/png_files.rs"]
mod png_files;
#[path = "../cnn/recipe.rs"]
#[expect(dead_code, reason = "nothing is augmented here")]
mod recipe;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use recipe::Task;
use taper::init::Init;
use taper::sequential::Quantization;
use taper::train::{Fit, Precision, metrics};
use taper::{Result, Sequential, Tensor};

/// The images whose ranges a calibration takes.
const CALIBRATION: usize = 512;

/// Compares networks in f32 with the same of fewer bits.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which network; `pets` and `cnn` unless given. May be given several times.
    #[arg(long)]
    network: Vec<Network>,
    /// The folder of Fashion-MNIST's four gzipped files, for `fashion`.
    #[arg(long, value_name = "DIR", default_value = "fashion")]
    data: String,
    /// The folder of what `photos` needs.
    #[arg(long, value_name = "DIR", default_value = "data/photos")]
    photos: PathBuf,
    /// Trainings of each network, with seeds from 1 on.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// Also trains each network with products of bf16, from the same seed.
    #[arg(long)]
    train: bool,
    /// Saves trained models and test images in this folder.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Network {
    /// 784 → 128 → 64 → 3 on silhouettes.
    Pets,
    /// Two convolutions and two dense layers on silhouettes.
    Cnn,
    /// 784 → 128 → 64 → 10 on Fashion-MNIST.
    Fashion,
    /// Six convolutions and three dense layers on 20 photographs, trained in Keras.
    Photos,
}

fn main() -> ExitCode {
    exit::code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> std::result::Result<(), Box<dyn Error>> {
    let chosen = match &*arguments.network {
        [] => &[Network::Pets, Network::Cnn][..],
        chosen => chosen,
    };
    for &network in chosen {
        println!("{network:?}");
        if network == Network::Photos {
            let model = network::trained(&arguments.photos.join("cifar10.safetensors"))?;
            let photographs = photographs::read_all(&arguments.photos)?;
            let images = photographs.iter().flat_map(|photograph| photograph.pixels.as_slice());
            let images = Tensor::from_vec([photographs.len(), 32, 32, 3], images.copied().collect())?;
            let labels: Vec<usize> = photographs.iter().map(|photograph| photograph.label).collect();
            print(&[compare(&model, &images, &labels, &images, "fc3")?], &[]);
            continue;
        }
        let task = Task::read(if network == Network::Fashion { &arguments.data } else { "pets" })?;
        let calibration = first(&task.train.images, CALIBRATION)?;
        let (mut rows, mut trained_in_bf16) = (Vec::new(), Vec::new());
        for seed in 1..=arguments.seeds {
            let model = trained(network, &task, seed, Precision::Full)?;
            let last = if network == Network::Cnn { "fc2" } else { "fc3" };
            rows.push(compare(&model, &task.test.images, &task.test.labels, &calibration, last)?);
            if arguments.train {
                let logits = trained(network, &task, seed, Precision::Bf16)?.predict(&task.test.images)?;
                trained_in_bf16.push(accuracy(&logits, &task.test.labels)?);
            }
            if let Some(folder) = &arguments.save {
                save(folder, network, seed, &model, &task)?;
            }
        }
        print(&rows, &trained_in_bf16);
    }
    Ok(())
}

fn trained(network: Network, task: &Task, seed: u64, precision: Precision) -> Result<Sequential<f32>> {
    let mut model = if network == Network::Cnn {
        recipe::model(task.classes.len(), seed)?
    } else {
        let model = Sequential::builder([recipe::SIDE, recipe::SIDE]).flatten();
        let model = model.dense(128).named("fc1").weight_init(Init::KaimingNormal).relu();
        let model = model.dense(64).named("fc2").weight_init(Init::KaimingNormal).relu();
        model
            .dense(task.classes.len())
            .named("fc3")
            .classes(task.classes.iter().copied())
            .build(&mut taper::seeded(seed))?
    };
    let epochs = if network == Network::Fashion { 10 } else { task.epochs };
    recipe::trainer(&mut model, seed)?
        .with_precision(precision)?
        .fit(task.train.dataset()?, Fit::epochs(epochs))?;
    Ok(model)
}

/// What is compared of a network.
struct Row {
    accuracy: f64,
    /// Accuracy and error of each model of fewer bits.
    quantized: [(f64, f64); 4],
}

fn compare(
    model: &Sequential<f32>,
    images: &Tensor<f32>,
    labels: &[usize],
    calibration: &Tensor<f32>,
    last: &str,
) -> Result<Row> {
    let exact = model.predict(images)?;
    let int8 = Quantization::int8();
    let mut quantized = [(0.0, 0.0); 4];
    for (place, quantization) in quantized.iter_mut().zip([
        int8.clone(),
        int8.clone().calibrated(calibration),
        int8.without(last),
        Quantization::bf16(),
    ]) {
        let logits = model.quantized(&quantization)?.predict(images)?;
        *place = (accuracy(&logits, labels)?, error(&logits, &exact));
    }
    Ok(Row { accuracy: accuracy(&exact, labels)?, quantized })
}

fn accuracy(logits: &Tensor<f32>, labels: &[usize]) -> Result<f64> {
    let right = metrics::classes(logits)?.into_iter().zip(labels).filter(|(got, label)| got == *label);
    Ok(right.count() as f64 / labels.len() as f64)
}

/// The largest difference, as a share of the range of the exact logits.
fn error(logits: &Tensor<f32>, exact: &Tensor<f32>) -> f64 {
    let pairs = logits.as_slice().iter().zip(exact.as_slice());
    let off = pairs.map(|(logit, exact)| f64::from((logit - exact).abs())).fold(0.0, f64::max);
    let least = exact.as_slice().iter().copied().fold(f32::INFINITY, f32::min);
    let largest = exact.as_slice().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    off / f64::from(largest - least)
}

fn print(rows: &[Row], trained_in_bf16: &[f64]) {
    let names = ["8 bits", "calibrated", "last in f32", "bf16"];
    print!("{:>6}", "f32");
    names.iter().for_each(|name| print!("  {name:>11}  {:>7}", "error"));
    println!("{}", if trained_in_bf16.is_empty() { "" } else { "  trained in bf16" });
    let line = |row: &Row, trained: Option<f64>| {
        print!("{:6.4}", row.accuracy);
        row.quantized
            .iter()
            .for_each(|(accuracy, error)| print!("  {accuracy:11.4}  {:5.2} %", 100.0 * error));
        println!("{}", trained.map_or(String::new(), |accuracy| format!("  {accuracy:15.4}")));
    };
    rows.iter().enumerate().for_each(|(number, row)| line(row, trained_in_bf16.get(number).copied()));
    if rows.len() > 1 {
        let mean = |value: &dyn Fn(&Row) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
        let of = |index: usize| (mean(&|row| row.quantized[index].0), mean(&|row| row.quantized[index].1));
        let quantized = [of(0), of(1), of(2), of(3)];
        let trained = trained_in_bf16.iter().sum::<f64>() / rows.len() as f64;
        println!("mean");
        let mean = Row { accuracy: mean(&|row| row.accuracy), quantized };
        line(&mean, (!trained_in_bf16.is_empty()).then_some(trained));
    }
    println!();
}

/// The first of some images.
fn first(images: &Tensor<f32>, count: usize) -> Result<Tensor<f32>> {
    let sample: Vec<usize> = images.shape().axes()[1..].to_vec();
    let (count, len) = (count.min(images.shape().axes()[0]), sample.iter().product::<usize>());
    let shape = taper::Shape::new(&[&[count], &*sample].concat())?;
    Tensor::from_vec(shape, images.as_slice()[..count * len].to_vec())
}

/// The model, the same with weights of eight bits and what that says of the test images, and pixels and labels of these images
/// as bytes.
fn save(
    folder: &Path,
    network: Network,
    seed: u64,
    model: &Sequential<f32>,
    task: &Task,
) -> std::result::Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let name = format!("{network:?}").to_lowercase();
    model.save(folder.join(format!("{name}-{seed}.safetensors")))?;
    let quantized = model.quantized(&Quantization::int8())?;
    quantized.save(folder.join(format!("{name}-{seed}-int8.safetensors")))?;
    std::fs::write(folder.join(format!("{name}-{seed}-int8.txt")), lines(&quantized, &task.test.images)?)?;
    let pixels =
        task.test.images.as_slice().iter().flat_map(|pixel| pixel.to_le_bytes()).collect::<Vec<u8>>();
    std::fs::write(folder.join(format!("{name}.pixels")), pixels)?;
    let labels = task.test.labels.iter().map(|&label| label as u8).collect::<Vec<u8>>();
    std::fs::write(folder.join(format!("{name}.labels")), labels)?;
    Ok(())
}

/// A line for each image: the bits of its logits, and its class.
fn lines(model: &Sequential<f32>, images: &Tensor<f32>) -> std::result::Result<String, Box<dyn Error>> {
    let (logits, predictions) = (model.predict(images)?, model.classify(images)?);
    let mut text = String::new();
    for (row, prediction) in logits.as_slice().chunks(model.output().len()).zip(predictions) {
        for logit in row {
            write!(text, "{:08x} ", logit.to_bits())?;
        }
        match prediction.name {
            Some(name) => writeln!(text, "{name}")?,
            None => writeln!(text, "{}", prediction.class)?,
        }
    }
    Ok(text)
}
