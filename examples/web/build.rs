//! The parameters of the model become constants: for each tensor of its file an array, `FC1_WEIGHT` of `fc1.weight`.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use safetensors::{Dtype, SafeTensors};

/// What `Sequential::save` wrote; `scripts/web.sh` makes it.
const MODEL: &str = "../../target/small_machine/pets-1-int8.safetensors";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={MODEL}");
    let bytes = fs::read(MODEL)?;
    let mut code = String::new();
    for (name, tensor) in SafeTensors::deserialize(&bytes)?.tensors() {
        let name = name.replace('.', "_").to_uppercase();
        let data = tensor.data();
        match (tensor.dtype(), tensor.shape()) {
            // In the file are the weights of one output after another, in the program those of one input.
            (Dtype::I8, &[outputs, inputs]) => {
                let value = |place: usize| data[place % outputs * inputs + place / outputs] as i8;
                let values: Vec<i8> = (0..data.len()).map(value).collect();
                writeln!(code, "static {name}: [i8; {}] = {values:?};", values.len())?;
            }
            (Dtype::F32, _) => {
                let values = data.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes));
                let values: Vec<String> = values.map(|bits| format!("f32::from_bits({bits})")).collect();
                writeln!(code, "static {name}: [f32; {}] = [{}];", values.len(), values.join(", "))?;
            }
            (dtype, shape) => {
                return Err(format!("expected i8 or f32, got {name}: {dtype:?} {shape:?}").into());
            }
        }
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("parameters.rs"), code)?;
    Ok(())
}
