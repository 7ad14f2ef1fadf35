#!/usr/bin/env bash
# Runs models of all kinds of layers in WebAssembly, in Node (`examples/wasm`): dense layers, convolutions, normalisations and sequences in
# `f32` and `f64`, in eight bits and in bf16, read from files and trained. All bits have to be those of the portable kernels on this
# machine, with vectors (simd128) and without.
#
#   scripts/wasm.sh           compares the bits
#   scripts/wasm.sh --time    times a dense layer besides, without vectors, with them, and with relaxed multiply-adds
#
# It needs `node` and a toolchain with the sources of the standard library, as `small_machines.sh` does. Where there is none of them,
# nothing is run: it says so and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/with_sources.sh

command -v node > /dev/null || {
    echo "not run in WebAssembly: there is no node"
    exit 3
}
find_sources "in WebAssembly"

place=target/wasm
mkdir -p "$place"
# Builds a module with these features of the processor.
build() {
    (cd examples/wasm && RUSTFLAGS=${2:+-Ctarget-feature=$2} with_sources \
        cargo build --release --lib --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort)
    cp target/small/wasm32-unknown-unknown/release/taper_wasm.wasm "$place/$1.wasm"
}
build plain ""
build simd128 +simd128

(cd examples/wasm && CARGO_TARGET_DIR=../../target cargo build --release)
TAPER_SIMD=portable target/release/taper-wasm > "$place/expected"
for module in plain simd128; do
    node examples/wasm/run.mjs "$place/$module.wasm" > "$place/got"
    diff "$place/expected" "$place/got" || {
        echo "expected the bits of this machine (<), got others (>): $module"
        exit 1
    }
done
echo "$(wc -l < "$place/expected") models: the same bits as on this machine, with vectors and without"

if [[ ${1:-} == --time ]]; then
    build relaxed +simd128,+relaxed-simd
    # Node 20 has these where it is asked for them.
    asked=$(node --v8-options | grep -o -m1 -e '--experimental-wasm-relaxed-simd' || true)
    node ${asked:+"$asked"} examples/wasm/run.mjs --time "$place"/{plain,simd128,relaxed}.wasm
fi
