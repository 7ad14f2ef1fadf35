//! What a user does with this crate, one thing after another.
//!
#![doc = include_str!("../docs/guide.md")]
