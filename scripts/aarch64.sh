#!/usr/bin/env bash
# Builds the library and its tests for aarch64 Linux and runs them under qemu's user emulation, on any x86-64 Debian.
#
#   scripts/aarch64.sh           the library's own tests, gradients, layers in fewer bits, other programs' values, norms, numbers, wrong use:
#                                what `.ci/run` has time for
#   scripts/aarch64.sh all       all tests and examples of the documentation; hours
#   scripts/aarch64.sh NAME…     the library's own tests and these, whole
#
# The compiler, the linker and qemu are those of the host where it has them, and else Debian's packages, unpacked into
# target/aarch64: nothing is installed. Where there is no way to them, it says so and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."

triple=aarch64-unknown-linux-gnu
place=$PWD/target/aarch64
root=$place/root

not_run() {
    printf 'not run for aarch64: %s\n' "$1"
    exit 3
}

# Debian's packages of these names, unpacked. Lists of packages are our own, for they are of two architectures.
unpack() {
    command -v apt-get > /dev/null && command -v dpkg > /dev/null || not_run "there is neither $1 nor apt-get"
    mkdir -p "$place"/apt/lists/partial "$place"/apt/cache/archives/partial "$place"/packages "$root"
    printf '%s\n' 'APT::Architecture "amd64";' 'APT::Architectures { "amd64"; "arm64"; };' \
        "Dir::State::lists \"$place/apt/lists\";" "Dir::Cache \"$place/apt/cache\";" 'APT::Sandbox::User "root";' > "$place/apt.conf"
    export APT_CONFIG=$place/apt.conf
    [[ -f $place/apt/updated ]] || { apt-get update -qq && touch "$place/apt/updated"; } || not_run "no packages can be had"
    (cd "$place/packages" && rm -f ./*.deb && apt-get download -qq "$@" && for package in ./*.deb; do
        dpkg -x "$package" "$root"
    done) || not_run "packages cannot be had: $*"
    unset APT_CONFIG
}

# The packages that one needs, directly or not, whose names begin like this.
needs() {
    APT_CONFIG=$place/apt.conf apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances "$1" 2> /dev/null | grep -E "^($2)" | sort -u
}

# The compiler: with the host's where it has the library for aarch64.
if [[ -d $(rustc --print sysroot)/lib/rustlib/$triple ]]; then
    :
else
    if [[ ! -x $place/rustc ]]; then
        unpack rustc-web
        library=$(needs rustc-web 'libstd-rust-web-[0-9]') || not_run "Debian has no compiler for it"
        unpack rustc-web "$(needs rustc-web libllvm)" "$library" libstd-rust-web-dev "$library:arm64" libstd-rust-web-dev:arm64
        for name in rustc rustdoc; do
            printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$root/usr/lib/x86_64-linux-gnu" "$root/usr/bin/$name" > "$place/$name"
            chmod +x "$place/$name"
        done
    fi
    export RUSTC=$place/rustc RUSTDOC=$place/rustdoc
fi
least=$(sed -n 's/^rust-version = "1\.\([0-9]*\).*/\1/p' Cargo.toml)
minor=$("${RUSTC:-rustc}" --version | sed 's/^rustc 1\.\([0-9]*\).*/\1/')
((minor >= least)) || not_run "Rust 1.$minor is older than 1.$least"

# The linker.
linker=$(command -v aarch64-linux-gnu-gcc || true)
libraries=/usr/aarch64-linux-gnu
if [[ -z $linker ]]; then
    linker=$place/linker
    libraries=$root/usr/aarch64-linux-gnu
    if [[ ! -x $linker ]]; then
        unpack gcc-aarch64-linux-gnu
        compiler=$(needs gcc-aarch64-linux-gnu 'gcc-[0-9]+-aarch64-linux-gnu$') || not_run "Debian has no linker for it"
        version=${compiler#gcc-}
        version=${version%%-*}
        unpack "$compiler" binutils-aarch64-linux-gnu "libgcc-$version-dev-arm64-cross" \
            libgcc-s1-arm64-cross libc6-arm64-cross libc6-dev-arm64-cross
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s --sysroot=%s -B%s -L%s "$@"\n' "$root/usr/lib/x86_64-linux-gnu" \
            "$root/usr/bin/aarch64-linux-gnu-gcc-$version" "$root" "$libraries/lib" "$libraries/lib" > "$linker"
        chmod +x "$linker"
    fi
fi

# The emulator, as a processor that has everything.
emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
if [[ -z $emulator ]]; then
    emulator=$root/usr/bin/qemu-aarch64-static
    [[ -x $emulator ]] || unpack qemu-user-static
fi

# Optimised a little, as the profile has it, but not across units: without any, less is compiled, and emulation takes many times as long.
export CARGO_TARGET_DIR=$place/target CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_LTO=off
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$linker
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$emulator -cpu max -L $libraries"
case ${1:-} in
    # With the default features: the others read and show, and do not compute. Left out is what takes minutes each, emulated, and has its like:
    # numbers of threads where it takes longest; gradients in `f32`, of layers wider than 3, and with errors planted in them.
    "")
        names=(gradients quantized torch_values keras norms numbers misuse tidy)
        left_out=(gradients_have_the_same_bits threads_cannot_be_seen passes_in_single_precision width_17 width_33 every_planted_error)
        cargo test --target "$triple" --lib "${names[@]/#/--test=}" -- "${left_out[@]/#/--skip=}"
        ;;
    all)
        cargo test --target "$triple" --all-features --no-fail-fast --lib --tests
        cargo test --target "$triple" --all-features --no-fail-fast --doc
        ;;
    *) cargo test --target "$triple" --lib "${@/#/--test=}" ;;
esac
