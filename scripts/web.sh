#!/usr/bin/env bash
# Makes the page `examples/web` in target/web, and tests it: in Node, that the module has the classes and the bits of all logits that this
# machine has, and that it is small enough; and in Chromium, with a mouse that draws test images.
#
#   scripts/web.sh                                    makes and tests it
#   scripts/web.sh page.png                           and takes a picture of it
#   python3 -m http.server --directory target/web     and then it is at http://localhost:8000
#
# It needs `node`, `chromium`, `wasm-opt` (Debian's `binaryen`) and a toolchain with the sources of the standard library, as
# `small_machines.sh` does. Where there is none of them, nothing is run: it says so and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/with_sources.sh

for tool in node chromium wasm-opt; do
    command -v "$tool" > /dev/null || {
        echo "not run in a browser: there is no $tool"
        exit 3
    }
done
find_sources "in a browser"
source scripts/pets_int8.sh

# A panic is a trap, and nothing of its text is in the module.
flags="-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none -Ctarget-feature=+simd128"
(cd examples/web && RUSTFLAGS=$flags with_sources cargo build --release --target wasm32-unknown-unknown \
    -Zbuild-std=core,alloc -Zbuild-std-features=optimize_for_size)
page=target/web
mkdir -p "$page"
cp examples/web/*.html examples/web/{classifier,drawing,page}.js "$page"
wasm-opt -Oz --converge --strip-debug --strip-producers --strip-target-features --enable-{bulk-memory,mutable-globals,nontrapping-float-to-int,sign-ext,simd} \
    target/small/wasm32-unknown-unknown/release/taper_web.wasm -o "$page/pets.wasm"

bytes=$(stat -c %s "$page/pets.wasm") packed=$(gzip -9 -c "$page/pets.wasm" | wc -c)
echo "the module: $bytes bytes, $packed gzipped; the model in it: $(stat -c %s "$model.safetensors")"
[[ $bytes -le $((350 * 1024)) && $packed -le $((150 * 1024)) ]] || {
    echo "expected at most 350 KB, and 150 KB gzipped"
    exit 1
}
node examples/web/test.mjs "$page" "$place/pets" "$@"
