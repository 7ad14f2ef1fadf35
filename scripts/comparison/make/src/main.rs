//! Writes the network that all programs run, as a safetensors file and as ONNX.

use taper::{Result, Sequential, seeded};

fn main() -> Result<()> {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).expect("a folder"));
    let model = Sequential::<f32>::builder([12544])
        .dense(1024)
        .named("fc1")
        .relu()
        .dense(512)
        .named("fc2")
        .relu()
        .dense(3)
        .named("fc3")
        .softmax()
        .build(&mut seeded(1))?;
    model.save(folder.join("reference.safetensors"))?;
    model.to_onnx(folder.join("reference.onnx"))
}
