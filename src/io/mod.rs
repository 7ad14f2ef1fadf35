//! Models in files.
//!
//! | what for | calls | settings |
//! |---|---|---|
//! | to write a model | [`Sequential::save`](crate::Sequential::save), `save_with`, `to_bytes` | [`Save`] |
//! | to make a model of such a file | [`Sequential::open`](crate::Sequential::open), `open_with`, `open_bytes` | [`Open`] |
//! | to give a model the weights of a file, of PyTorch's or Keras's too | [`Sequential::load`](crate::Sequential::load), `load_with`, `load_bytes` | [`Load`], and [`Loaded`] with what was unusual |
//! | parameters as named tensors in memory | [`Sequential::state`](crate::Sequential::state), `set_state` | [`State`] |
//! | to look into a safetensors file without a model | [`TensorFile::open`] | |
//! | to go on with a training | [`Fit::with_checkpoints`](crate::train::Fit::with_checkpoints), [`Trainer::resume`](crate::Trainer::resume), `save_checkpoint` | [`Checkpoints`] |
//! | ONNX files (feature `onnx`) | [`Sequential::from_onnx`](crate::Sequential::from_onnx), [`to_onnx`](crate::Sequential::to_onnx) | [`ToOnnx`] |
//! | NumPy's files (feature `npy`) | [`npy`] | |
//!
//! Models are in safetensors files, with PyTorch's names and layouts ([`Orientation`]):
//!
//! ```
//! use taper::{Sequential, Tensor, io::Save};
//!
//! # let path = std::env::temp_dir().join(format!("taper-io-{}.safetensors", std::process::id()));
//! let model = Sequential::<f32>::builder([4]).dense(8).relu().dense(3).build(&mut taper::seeded(7))?;
//! model.save_with(&path, &Save::new().with_check(&Tensor::zeros([1, 4])?))?; // with an output to compare with
//! let again = Sequential::<f32>::open(&path)?;
//! assert_eq!(again.state(), model.state());
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<(), taper::Error>(())
//! ```
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
