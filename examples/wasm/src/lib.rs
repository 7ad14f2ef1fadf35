//! Models of all kinds of layers, run and trained, to compare their bits in WebAssembly with those of this machine.
//!
//! ```sh
//! scripts/wasm.sh    # in the root of the repository: builds and runs both, and compares them
//! ```
//!
//! For each model there is a line: its name and a checksum of all bits that came out of it. Only what has the same bits on every machine
//! without fused multiply-adds is in it: logarithms and other functions of the system's library are left out.

mod models;

pub use models::lines;

use taper::{Mode, Result, Sequential, Tensor, Workspace};

/// The text of [`lines`], or what went wrong.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> Box<String> {
    Box::new(lines().unwrap_or_else(|error| format!("error: {error}\n")))
}

/// Where a text begins, in UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn text(text: &String) -> *const u8 {
    text.as_ptr()
}

/// The bytes of a text.
#[unsafe(no_mangle)]
pub extern "C" fn text_len(text: &String) -> usize {
    text.len()
}

/// A dense layer 784 → 1024 with a batch.
pub struct Forward {
    model: Sequential<f32>,
    workspace: Workspace<f32>,
    x: Tensor<f32>,
}

impl Forward {
    fn new(batch: usize) -> Result<Self> {
        let model = Sequential::builder([784]).dense(1024).build(&mut taper::seeded(1))?;
        let workspace = model.workspace(Mode::Infer, batch)?;
        let x = Tensor::from_fn([batch, 784], |place| (place as f32 * 0.37).fract())?;
        Ok(Self { model, workspace, x })
    }
}

/// Makes the layer, to be timed.
#[unsafe(no_mangle)]
pub extern "C" fn dense(batch: usize) -> Box<Forward> {
    Box::new(Forward::new(batch).expect("such a layer can be made"))
}

/// Runs the layer so many times.
#[unsafe(no_mangle)]
pub extern "C" fn forward(forward: &mut Forward, times: usize) {
    let Forward { model, workspace, x } = forward;
    for _ in 0..times {
        model.infer(&*x, workspace).expect("the input fits");
    }
}
