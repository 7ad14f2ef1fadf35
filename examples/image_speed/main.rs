//! Times networks of images in inference, beside `peers.py`, which times the same in other programs in turns with this one; and
//! single layers, in both directions.
//!
//! ```sh
//! cargo run --release --example image_speed -- --network blocks --threads 1
//! cargo run --release --example image_speed -- --layer max-pool3 --sample 112,112,64 --batch 8
//! ```
//!
//! Prints medians of many passes in milliseconds. Weights are random: the time does not depend on them.

#[path = "../common/exit.rs"]
mod exit;
mod layers;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use taper::layers::{Channels, Conv2d, Padding, Window};
use taper::sequential::Builder;
use taper::{Mode, Parallelism, Result, Sequential, Shape, Tensor};

use layers::{Case, Kind};

#[derive(Parser)]
#[command(about = "Times networks of images in inference, and layers")]
struct Arguments {
    #[arg(long, value_enum, required_unless_present = "layer")]
    network: Option<Network>,
    /// A layer by itself, in place of a network.
    #[arg(long, value_enum, conflicts_with = "network", requires = "sample")]
    layer: Option<Kind>,
    /// The axes of its samples, such as 768 or 56,56,64.
    #[arg(long, value_parser = layers::sample)]
    sample: Option<Shape>,
    /// The channels of a convolution's outputs.
    #[arg(long, default_value_t = 64)]
    outputs: usize,
    #[arg(long, default_value_t = 1)]
    batch: usize,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// How long to measure.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Network {
    /// Depthwise convolutions of 3×3 between those of one pixel, 56×56.
    Blocks,
    /// That of the example `cnn`.
    Cnn,
    /// VGG16, 240×240, 4 classes.
    Vgg16,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit::code(print(&arguments).map_err(Into::into))
}

fn print(arguments: &Arguments) -> Result<()> {
    if let Some(network) = arguments.network {
        println!("median_ms {:.4}", time(network, arguments)?);
    }
    let (Some(layer), Some(sample)) = (arguments.layer, arguments.sample) else { return Ok(()) };
    let &Arguments { outputs, batch, threads, seconds, .. } = arguments;
    let time = Duration::from_secs_f64(seconds.max(0.0));
    let case = Case { layer, sample, outputs, batch, threads, time };
    let [infer, forward, backward] = case.medians()?;
    println!("infer_ms {infer:.5} forward_ms {forward:.5} backward_ms {backward:.5}");
    Ok(())
}

fn time(network: Network, arguments: &Arguments) -> Result<f64> {
    let model = network.model()?.for_inference()?;
    let x = Tensor::from_fn(model.input().with_batch(arguments.batch)?, |i| {
        ((i * 37 + 11) % 101) as f32 / 101.0
    })?;
    let workspace = model.workspace(Mode::Infer, arguments.batch)?;
    let mut workspace = workspace.with_parallelism(Parallelism::Threads(arguments.threads));
    let (mut times, start) = (Vec::new(), Instant::now());
    // The first is to warm up.
    while times.len() < 4 || start.elapsed() < Duration::from_secs_f64(arguments.seconds.max(0.0)) {
        let begin = Instant::now();
        model.infer(&x, &mut workspace)?;
        times.push(begin.elapsed());
    }
    let mut warm = times.split_off(times.len().div_ceil(10));
    warm.sort_unstable();
    Ok(warm[warm.len() / 2].as_secs_f64() * 1e3)
}

impl Network {
    fn model(self) -> Result<Sequential<f32>> {
        let (rng, same) = (&mut taper::seeded(1), Window::new(3).with_padding(Padding::Same));
        match self {
            Self::Blocks => {
                let mut depthwise = |channels: usize| {
                    Conv2d::new(Channels::new(channels, channels).with_groups(channels), same, rng)
                };
                let (first, second) = (depthwise(96)?, depthwise(144)?);
                let model = Sequential::builder([56, 56, 96]).layer(first).relu().conv2d(24, 1);
                model.conv2d(144, 1).relu().layer(second).relu().conv2d(24, 1).build(rng)
            }
            Self::Cnn => {
                let model = Sequential::builder([28, 28, 1]).conv2d(32, same).relu().max_pool2d(2);
                let model = model.conv2d(64, same).relu().max_pool2d(2).flatten();
                model.dense(128).relu().dense(10).build(rng)
            }
            Self::Vgg16 => {
                let stage = |model: Builder<f32>, channels: usize, times: usize| {
                    (0..times).fold(model, |model, _| model.conv2d(channels, same).relu()).max_pool2d(2)
                };
                let stages = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];
                let model = Sequential::builder([240, 240, 3]);
                let model =
                    stages.into_iter().fold(model, |model, (channels, times)| stage(model, channels, times));
                model.flatten().dense(4096).relu().dense(4096).relu().dense(4).build(rng)
            }
        }
    }
}
