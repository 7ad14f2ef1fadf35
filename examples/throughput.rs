//! How fast dense layers are on this machine: the program of the feature `throughput`, without it.
//!
//! ```sh
//! cargo run --release --example throughput
//! ```

#[path = "../src/bin/throughput/main.rs"]
mod throughput;

use std::process::ExitCode;

fn main() -> ExitCode {
    throughput::main()
}
