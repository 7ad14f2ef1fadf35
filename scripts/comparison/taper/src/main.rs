//! A network of a file, run on the CPU.

use taper::{Result, Sequential, Tensor};

include!("../../timed.rs");

fn main() -> Result<()> {
    let model = Sequential::<f32>::open(file())?;
    for batch in [1, 32] {
        let x = Tensor::from_vec(model.input().with_batch(batch)?, inputs(batch, model.input().len()))?;
        report(batch, || model.predict(&x).unwrap().into_vec());
    }
    Ok(())
}
