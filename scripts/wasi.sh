#!/usr/bin/env bash
# Runs the library's own tests in WebAssembly, in Node's WASI. There are no threads.
#
#   scripts/wasi.sh            without vectors
#   scripts/wasi.sh simd128    with them
#   scripts/wasi.sh relaxed    with multiply-adds of which Node decides how often they round
#
# It needs `node` and the library for wasm32-wasip1 (`rustup target add wasm32-wasip1`). Where there is none of them, nothing is run: it
# says so and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."

not_run() {
    echo "not run in WASI: $1"
    exit 3
}
command -v node > /dev/null || not_run "there is no node"
[[ -d $(rustc --print sysroot)/lib/rustlib/wasm32-wasip1 ]] || not_run "the toolchain has no library for wasm32-wasip1"

case ${1:-} in
    "") features= ;;
    simd128) features=+simd128 ;;
    relaxed) features=+simd128,+relaxed-simd ;;
    *)
        echo "expected simd128 or relaxed, got $1"
        exit 2
        ;;
esac
# Node 20 has relaxed vectors where it is asked for them.
asked=$(node --v8-options | grep -o -m1 -e '--experimental-wasm-relaxed-simd' || true)
export CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings $asked $PWD/scripts/wasi.mjs"
export CARGO_TARGET_DIR=$PWD/target/wasi CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 RUSTFLAGS=${features:+-Ctarget-feature=$features}
# But for what starts threads.
cargo test --target wasm32-wasip1 --no-default-features --features safetensors --lib -- \
    --skip between_threads --skip train::threads
