//! Models of 8-bit weights.

mod bf16;
mod bits;
#[cfg(feature = "safetensors")]
mod files;
mod misuse;
mod models;
mod oracle;
mod parts;
#[cfg(feature = "safetensors")]
mod training;
