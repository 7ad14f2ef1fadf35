//! Models in files.
//!
//! A file is untrusted: one that is cut, damaged or made to do harm is an error, never a panic, and takes no more memory
//! than it is long, the model in it and a constant. Writing is all or nothing: whatever happens, a file is the old one or
//! the new one. `docs/files.md` describes the format.

#[cfg(feature = "safetensors")]
mod archive;
#[cfg(feature = "std")]
mod atomic;
#[cfg(feature = "safetensors")]
mod check;
#[cfg(all(feature = "safetensors", feature = "std"))]
mod checkpoint;
#[cfg(feature = "safetensors")]
mod classes;
#[cfg(feature = "safetensors")]
mod description;
#[cfg(feature = "safetensors")]
mod document;
#[cfg(all(feature = "safetensors", feature = "std"))]
mod draft;
#[cfg(all(feature = "std", any(feature = "npy", feature = "onnx", feature = "safetensors")))]
mod file;
#[cfg(feature = "safetensors")]
mod file_order;
#[cfg(any(feature = "npy", feature = "onnx", feature = "safetensors"))]
mod half;
#[cfg(feature = "safetensors")]
mod header;
#[cfg(feature = "safetensors")]
mod json;
#[cfg(feature = "safetensors")]
mod known;
mod lie;
#[cfg(feature = "safetensors")]
mod load;
#[cfg(feature = "safetensors")]
mod matching;
#[cfg(feature = "npy")]
pub mod npy;
#[cfg(feature = "onnx")]
mod onnx;
#[cfg(feature = "safetensors")]
mod open;
#[cfg(feature = "safetensors")]
mod open_quantized;
mod orientation;
#[cfg(feature = "safetensors")]
mod own_layers;
#[cfg(feature = "safetensors")]
mod parameters;
#[cfg(feature = "safetensors")]
mod read;
#[cfg(all(feature = "safetensors", feature = "std"))]
mod read_file;
#[cfg(feature = "safetensors")]
mod rebuilt;
#[cfg(any(feature = "npy", feature = "onnx", feature = "safetensors"))]
mod recognise;
#[cfg(feature = "safetensors")]
mod rename;
#[cfg(all(feature = "safetensors", feature = "std"))]
mod save;
#[cfg(feature = "safetensors")]
mod settings;
mod state;
#[cfg(all(feature = "safetensors", feature = "std"))]
mod tensor_file;
#[cfg(feature = "safetensors")]
mod unique_keys;
#[cfg(feature = "safetensors")]
mod values;
#[cfg(feature = "safetensors")]
mod window;

#[cfg(all(feature = "safetensors", feature = "std"))]
pub use checkpoint::Checkpoints;
#[cfg(feature = "safetensors")]
pub use load::{Check, Load, Loaded};
#[cfg(feature = "onnx")]
pub use onnx::ToOnnx;
#[cfg(feature = "safetensors")]
pub use open::Open;
pub use orientation::Orientation;
#[cfg(all(feature = "safetensors", feature = "std"))]
pub use save::Save;
pub use state::State;
#[cfg(all(feature = "safetensors", feature = "std"))]
pub use tensor_file::TensorFile;

/// What stands for the path where there is no file.
#[cfg(any(feature = "onnx", feature = "safetensors"))]
const IN_MEMORY: &str = "in memory";

/// A value, or what is wrong with a file, in words; whoever knows the file's name makes an error of it.
#[cfg(any(feature = "npy", feature = "onnx", feature = "safetensors"))]
type Verdict<T> = core::result::Result<T, alloc::string::String>;
