//! The same network, with `rten`.

use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

include!("../../timed.rs");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::load_file(file())?;
    for batch in [1, 32] {
        let x = NdTensor::from_data([batch, 12544], inputs(batch, 12544));
        report(batch, || {
            let output: NdTensor<f32, 2> = model.run_one(x.view().into(), None).unwrap().try_into().unwrap();
            output.to_vec()
        });
    }
    Ok(())
}
