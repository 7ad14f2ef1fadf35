//! Models in files: what goes in comes out, elsewhere too, and nothing is lost.
#![cfg(feature = "safetensors")]

mod hostile;
mod resume;
mod round_trip;
mod written_whole;
