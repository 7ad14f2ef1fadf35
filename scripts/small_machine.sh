#!/usr/bin/env bash
# Classifies silhouettes on a machine without an operating system, a Cortex-M4F that QEMU is, with the program `examples/small_machine`,
# compares the classes and the bits of all logits with those of this machine, and says how much memory the program takes.
#
#   scripts/small_machine.sh          8 test images
#   scripts/small_machine.sh 559      all of them
#
# It needs `qemu-system-arm`, `readelf` and a toolchain with the sources of the standard library, as `small_machines.sh` does. Where
# there is none of them, nothing is run: it says so and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."
images=${1:-8}

not_run() {
    echo "not run on a small machine: $1"
    exit 3
}
command -v qemu-system-arm > /dev/null || not_run "there is no qemu-system-arm"
command -v readelf > /dev/null || not_run "there is no readelf"
source scripts/with_sources.sh
find_sources "on a small machine"

source scripts/pets_int8.sh
[[ $images -ge 1 && $images -le $(wc -l < "$model.txt") ]] || {
    echo "expected from 1 to $(wc -l < "$model.txt") images, got $images"
    exit 1
}
head -c $((images * 28 * 28 * 4)) "$place/pets.pixels" > "$place/images"

(cd examples/small_machine && with_sources cargo build --release -Zbuild-std=core,alloc)
program=target/small/thumbv7em-none-eabihf/release/small-machine

timeout 300 qemu-system-arm -machine mps2-an386 -display none -monitor none -serial none \
    -semihosting-config enable=on,target=native -kernel "$program" > "$place/said" 2>&1 || {
    cat "$place/said"
    echo "the program failed"
    exit 1
}
head -n "$images" "$model.txt" > "$place/expected"
head -n "$images" "$place/said" | diff "$place/expected" - || {
    echo "expected the classes and logits of this machine (<), got others (>)"
    exit 1
}
echo "$images images: the same classes and the same bits of all logits as on this machine"
tail -n +"$((images + 1))" "$place/said"

# What lies in the file goes into flash, of every segment; what is in memory below the heap is not in the file.
flash=0
while read -r _ _ _ _ bytes _; do
    flash=$((flash + bytes))
done < <(readelf -lW "$program" | grep '^ *LOAD')
weights=$(stat -c %s "$model.safetensors")
pixels=$(stat -c %s "$place/images")
echo "flash: $flash bytes, of which the model $weights, the images $pixels, code and constants $((flash - weights - pixels))"
