//! The same network, with `tract`.

use tract_onnx::prelude::*;

include!("../../timed.rs");

fn main() -> TractResult<()> {
    for batch in [1, 32] {
        let model = tract_onnx::onnx()
            .model_for_path(file())?
            .with_input_fact(0, f32::fact([batch, 12544]).into())?
            .into_optimized()?
            .into_runnable()?;
        let x: TValue = Tensor::from_shape(&[batch, 12544], &inputs(batch, 12544))?.into();
        report(batch, || model.run(tvec![x.clone()]).unwrap()[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec());
    }
    Ok(())
}
