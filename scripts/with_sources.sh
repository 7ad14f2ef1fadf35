# Sourced by scripts that compile the standard library along, for targets that no toolchain brings it for.

# Looks for a toolchain with the sources of the standard library: `RUSTC`, that of the project, or rustup's nightly
# (`rustup component add rust-src`). Where there is none, it says what is not run, and the script ends with code 3.
find_sources() {
    local toolchain=()
    if ! has_sources "${RUSTC:-rustc}"; then
        has_sources rustup run nightly rustc || {
            echo "not run $1: no toolchain has the sources of the standard library"
            exit 3
        }
        toolchain=(RUSTUP_TOOLCHAIN=nightly)
    fi
    # Not only nightly compiles it.
    sources=("${toolchain[@]}" RUSTC_BOOTSTRAP=1 CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0)
    sources+=(CARGO_TARGET_DIR="$PWD/target/small")
}

has_sources() {
    [[ -e $("$@" --print sysroot 2> /dev/null)/lib/rustlib/src/rust/library/core ]]
}

# Runs a command with that toolchain, which builds in target/small.
with_sources() {
    env "${sources[@]}" "$@"
}
