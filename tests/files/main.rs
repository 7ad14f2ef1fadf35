//! Models in files: what goes in comes out, elsewhere too, and nothing is lost.
#![cfg(feature = "safetensors")]

#[path = "../common/layers.rs"]
mod all_layers;
mod bf16;
mod classes;
mod features;
mod hand_made;
mod hostile;
mod killed;
mod matching;
mod only_some_layers;
mod order;
mod order_of_checks;
mod order_of_own_layers;
mod other_files;
mod own_layers;
mod pytorch;
mod renames;
mod reopened;
mod resume;
mod round_trip;
mod self_check;
mod settings;
mod tensor_files;
mod texts;
mod written_whole;
