#!/usr/bin/env bash
# Looks for what `unsafe` can do wrong, with the nightly toolchain.
#
#   scripts/sanitizers.sh address       reads and writes outside of what was allocated, or of what is free again
#   scripts/sanitizers.sh thread        threads that are in each other's way
#   scripts/sanitizers.sh miri          all that Rust leaves undefined, in tests of kernels that are small enough to be interpreted
#   scripts/sanitizers.sh address kernels     tests of the kernels alone, which take minutes to build and not half an hour; `thread` too
#   scripts/sanitizers.sh KIND WORD…    other tests: words for `cargo test`, as `--lib kernels::team`; for Miri, those of kernels alone
#
# Where the toolchain or a part of it is missing, it says so and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?address, thread or miri}
shift

not_run() {
    printf 'not run with %s: %s\n' "$kind" "$1"
    exit 3
}

cargo +nightly --version &> /dev/null && rustc +nightly --version &> /dev/null || not_run "there is no nightly toolchain"
[[ -d $(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library ]] || not_run "the nightly toolchain lacks rust-src"
export CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$PWD/target/sanitizers/$kind

# A crate of the kernels alone, which need nothing of the rest but names. It is read in seconds, where the whole takes minutes before the
# first test. In place of `rayon` there is what is used of it: a number of threads. Code below it is an error to Miri, before ours runs.
kernels_alone() {
    local crate=$CARGO_TARGET_DIR/kernels
    mkdir -p "$crate"/{src,rayon/src,rayon-core/src}
    ln -sfn "$PWD/src/kernels" "$PWD/src/prelude.rs" "$crate/src"
    cat > "$crate/src/lib.rs" << 'END'
#![allow(dead_code, unused_imports, unfulfilled_lint_expectations)]
extern crate alloc;
mod kernels;
mod prelude;
pub use kernels::Parallelism;
END
    cat > "$crate/rayon-core/src/lib.rs" << 'END'
use std::cell::Cell;
thread_local!(pub static THREADS: Cell<usize> = const { Cell::new(4) });
pub fn current_num_threads() -> usize { THREADS.get() }
END
    cat > "$crate/rayon/src/lib.rs" << 'END'
pub struct ThreadPool(usize);
pub struct ThreadPoolBuilder(usize);
impl ThreadPoolBuilder {
    pub fn new() -> Self { Self(4) }
    pub fn num_threads(self, threads: usize) -> Self { Self(threads) }
    pub fn build(self) -> std::io::Result<ThreadPool> { Ok(ThreadPool(self.0)) }
}
impl ThreadPool {
    pub fn install<R>(&self, work: impl FnOnce() -> R) -> R {
        let before = rayon_core::THREADS.replace(self.0);
        let result = work();
        rayon_core::THREADS.set(before);
        result
    }
}
END
    local package='[package]\nedition = "2024"\nversion = "1.12.0"\nname = '
    printf "$package\"rayon-core\"\n" > "$crate/rayon-core/Cargo.toml"
    printf "$package\"rayon\"\n[dependencies]\nrayon-core.path = \"../rayon-core\"\n" > "$crate/rayon/Cargo.toml"
    {
        printf "$package\"taper\"\n[workspace]\n[features]\ndefault = [\"std\", \"rayon\"]\nrayon = []\n"
        printf 'std = ["dep:memmap2", "matrixmultiply/std", "num-traits/std"]\n[dependencies]\nrayon-core.path = "rayon-core"\n'
        grep -E '^(matrixmultiply|memmap2|num-traits) = ' Cargo.toml
        printf '[dev-dependencies]\nrayon.path = "rayon"\n'
    } > "$crate/Cargo.toml"
}

case $kind in
    address | thread)
        # With lines in what is reported. The standard library is built so too: data races are seen through its locks alone.
        export CARGO_PROFILE_DEV_DEBUG=line-tables-only RUSTFLAGS="-Zsanitizer=$kind"
        # Memory that there is not is asked for, to see that it is an error. Tests leak models whose trainers have to outlive a function.
        export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0
        triple=$(rustc +nightly -vV | sed -n 's/^host: //p')
        tests=(--all-features "$@")
        if [[ ${1:-} == kernels ]]; then
            kernels_alone
            export CARGO_PROFILE_DEV_OPT_LEVEL=1
            tests=(--manifest-path "$CARGO_TARGET_DIR/kernels/Cargo.toml" --lib "${@:2}")
        elif [[ $# == 0 ]]; then
            tests=(--all-features --lib --no-fail-fast)
            for name in threads determinism workspaces quantized ranks misuse life files npy onnx; do
                tests+=(--test "$name")
            done
            # It wants kills that come in the middle of writing, and so slow no kill does.
            tests+=(-- --skip a_writer_that_is_killed)
        fi
        cargo +nightly test -Zbuild-std --target "$triple" "${tests[@]}"
        ;;
    miri)
        cargo +nightly miri --version &> /dev/null || not_run "the nightly toolchain lacks miri"
        kernels_alone
        # Kernels for processors of any kind. Helpers never end, which it takes for a leak.
        # The clock is Miri's own, so a loaded machine fails no test that waits.
        export TAPER_SIMD=portable MIRIFLAGS="${MIRIFLAGS-} -Zmiri-env-forward=TAPER_SIMD -Zmiri-ignore-leaks"
        tests=("$@")
        [[ $# != 0 ]] || tests=(--lib -- buffer::tests::a_buffer panels::tests bf16::number::tests::pairs
            team::tests::{work,pieces,helpers_come,a_panic,a_call})
        cargo +nightly miri test --manifest-path "$CARGO_TARGET_DIR/kernels/Cargo.toml" "${tests[@]}"
        ;;
    *)
        echo "expected address, thread or miri, got $kind" >&2
        exit 2
        ;;
esac
