#!/usr/bin/env bash
# Formats, lints and tests this crate. Installs what it needs of Debian where that is missing; where it cannot, it says so
# and ends with code 3.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH="$PATH:/sbin"
has_all() {
    command -v mpicc && command -v mpirun && ldconfig -p | grep -q 'libclang[-.]'
} > /dev/null

if ! has_all; then
    become=""
    [[ $(id -u) == 0 ]] || become="sudo -n"
    packages="libopenmpi-dev openmpi-bin libclang-dev"
    if ! { $become apt-get update && $become apt-get install --yes --no-install-recommends $packages; } > /dev/null 2>&1 || ! has_all; then
        echo "not run: taper-mpi needs $packages, which could not be installed"
        exit 3
    fi
fi

export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target}"
# As root, and with more ranks than cores; where processes may not read each other's memory, they copy without saying so.
export TAPER_MPIRUN="${TAPER_MPIRUN:-mpirun --allow-run-as-root --oversubscribe}"
cargo fmt --check
cargo clippy --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
cargo test
