#!/usr/bin/env bash
# Whether everything compiles with the oldest Rust that Cargo.toml names, so that nothing newer is used by mistake: library, programs
# and tests, or what is asked for (`--lib`). It takes rustup's toolchain of that version, and where there is none, has rustup fetch it
# into target/minimum. Where that cannot be, it says so and ends with code 3.
#
# Clippy's `incompatible_msrv`, which `.ci/run` has among its lints, finds newer functions of the standard library without it, but not
# newer parts of the language.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# Of its patches the first, where it is there by that name.
if rustup run "$version.0" rustc --version 2> /dev/null; then
    version=$version.0
elif ! rustup run "$version" rustc --version 2> /dev/null; then
    export RUSTUP_HOME=$PWD/target/minimum
    timeout 600 rustup toolchain install "$version" --profile minimal --no-self-update || {
        printf 'not run with the oldest Rust: there is no %s, and rustup cannot fetch it\n' "$version"
        exit 3
    }
fi
CARGO_TARGET_DIR=target/minimum/target rustup run "$version" cargo check --all-features "${@:---all-targets}"
CARGO_TARGET_DIR=target/minimum/target rustup run "$version" cargo check --no-default-features --lib
