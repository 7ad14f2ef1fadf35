#!/usr/bin/env bash
# Compiles the crate without `std` for machines without an operating system, and for WebAssembly: what a model read from bytes
# needs. The standard library is compiled along, so a toolchain with its sources is needed (`rustup component add rust-src`, or
# `RUSTC` of one that has them); without them nothing is run, and that is said.
set -euo pipefail
cd "$(dirname "$0")/.."

sources=$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/src/rust/library/core
if [[ ! -e $sources ]]; then
    echo "not run: no-std targets, for the toolchain has no sources of the standard library"
    exit 0
fi
export RUSTC_BOOTSTRAP=1
for target in thumbv7em-none-eabihf aarch64-unknown-none wasm32-unknown-unknown; do
    for features in "" safetensors; do
        printf '\n== %s, features: %s\n' "$target" "${features:-none}"
        cargo check -Zbuild-std=core,alloc --no-default-features --features "$features" --target "$target"
    done
done
