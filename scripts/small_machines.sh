#!/usr/bin/env bash
# Compiles the crate without `std` for machines without an operating system and for WebAssembly (what a model read from bytes
# needs), and with its default features for WebAssembly. The standard library is compiled along, so a toolchain with its sources is needed: that of the project, rustup's nightly, or
# `RUSTC` of one that has them (`rustup component add rust-src`). Without them nothing is run: it says so and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."

source scripts/with_sources.sh
find_sources "for machines without an operating system"

for target in thumbv7em-none-eabihf aarch64-unknown-none wasm32-unknown-unknown; do
    for features in "" safetensors; do
        printf '\n== %s, features: %s\n' "$target" "${features:-none}"
        with_sources cargo check -Zbuild-std=core,alloc --no-default-features --features "$features" --target "$target"
    done
done
# With all that it has by default, also for WebAssembly that may ask its host for files and times.
for target in wasm32-unknown-unknown wasm32-wasip1; do
    printf '\n== %s, default features\n' "$target"
    with_sources cargo check -Zbuild-std=std,panic_abort --target "$target"
done
