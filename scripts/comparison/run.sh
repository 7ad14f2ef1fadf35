#!/usr/bin/env bash
# The same small program with this crate and with others: it reads the network 12544→1024→512→3 from a file and runs it on one sample and on
# 32. Prints how many crates come along, the processor's seconds of a release build, the bytes of the program, stripped, and the milliseconds of
# a call on one thread, in three rounds in turns.
#
#   scripts/comparison/run.sh [PROGRAM…]       taper, taper-only, candle, burn, tract, rten
#
# With $PYTHON, an interpreter that has them, also onnxruntime, torch and scikit-learn. Nothing else should run meanwhile.
set -euo pipefail
cd "$(dirname "$0")"

place=$(cd ../.. && pwd)/target/comparison
programs=("$@")
[[ $# -gt 0 ]] || programs=(taper taper-only candle burn tract rten)
mkdir -p "$place"
cargo run --release --quiet --manifest-path make/Cargo.toml --target-dir "$place/make" -- "$place"

# The file that a program reads.
model() {
    case $1 in
        tract | rten) echo "$place/reference.onnx" ;;
        *) echo "$place/reference.safetensors" ;;
    esac
}

printf '%-12s %7s %10s %12s\n' program crates 'build, s' bytes
for name in "${programs[@]}"; do
    rm -rf "${place:?}/$name"
    cargo fetch --quiet --manifest-path "$name/Cargo.toml"
    crates=$(cargo tree -e normal --prefix none --manifest-path "$name/Cargo.toml" | sed 's/ (\*)$//' | sort -u | wc -l)
    seconds=$({ TIMEFORMAT='%U %S'; time cargo build --release --quiet --manifest-path "$name/Cargo.toml" --target-dir "$place/$name" 2> "$place/$name.log"; } 2>&1 |
        awk '{ print int($1 + $2) }')
    # The program itself is not one of the crates.
    printf '%-12s %7s %10s %12s\n' "$name" $((crates - 1)) "$seconds" "$(stat -c %s "$place/$name/release/classify-with-$name")"
done

export RAYON_NUM_THREADS=1 RTEN_NUM_THREADS=1 OMP_NUM_THREADS=1
for round in 1 2 3; do
    for name in "${programs[@]}"; do
        "$place/$name/release/classify-with-$name" "$(model "$name")" | sed "s/^/round $round, $name, /"
    done
    [[ -z ${PYTHON:-} ]] || "$PYTHON" peers.py "$place" | sed "s/^/round $round, /"
done
