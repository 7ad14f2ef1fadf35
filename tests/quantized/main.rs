//! Models of 8-bit weights.

mod bits;
mod misuse;
mod models;
mod oracle;
