//! The same network, with `candle`.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Module, VarBuilder, linear, ops::softmax};

include!("../../timed.rs");

fn main() -> Result<()> {
    let bytes = std::fs::read(file()).expect("a file");
    let weights = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu)?;
    let (fc1, fc2, fc3) =
        (linear(12544, 1024, weights.pp("fc1"))?, linear(1024, 512, weights.pp("fc2"))?, linear(512, 3, weights.pp("fc3"))?);
    for batch in [1, 32] {
        let x = Tensor::from_vec(inputs(batch, 12544), (batch, 12544), &Device::Cpu)?;
        report(batch, || {
            let x = fc1.forward(&x).and_then(|x| x.relu()).and_then(|x| fc2.forward(&x)).and_then(|x| x.relu());
            let x = x.and_then(|x| fc3.forward(&x)).and_then(|x| softmax(&x, 1)).unwrap();
            x.flatten_all().and_then(|x| x.to_vec1()).unwrap()
        });
    }
    Ok(())
}
