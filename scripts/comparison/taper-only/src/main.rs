//! A network of a file, which may have three kinds of layers and no others.

use taper::io::Open;
use taper::layers::{Activation, Dense, Softmax};
use taper::{Result, Sequential, Tensor};

include!("../../timed.rs");

fn main() -> Result<()> {
    let layers = Open::with_only::<Dense<f32>>().and::<Activation>().and::<Softmax>();
    let model = Sequential::<f32>::open_with(file(), &layers)?;
    for batch in [1, 32] {
        let x = Tensor::from_vec(model.input().with_batch(batch)?, inputs(batch, model.input().len()))?;
        report(batch, || model.predict(&x).unwrap().into_vec());
    }
    Ok(())
}
