//! Files.

mod atomic;
#[cfg(feature = "npy")]
pub mod npy;
