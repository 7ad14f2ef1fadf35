.PHONY: check test pets bench fuzz

# All that has to hold before a change is merged.
check:
	bash .ci/run

test:
	cargo test --all-features

pets:
	cargo run --release --example pets

bench:
	cargo bench

# Files that may be anything, for a minute: needs `cargo install cargo-fuzz`, and no nightly toolchain.
fuzz:
	mkdir -p fuzz/corpus/load fuzz/corpus/onnx
	cargo fuzz run -s none load fuzz/corpus/load fuzz/seeds -- -max_total_time=60
	cargo fuzz run -s none onnx fuzz/corpus/onnx -- -max_total_time=60
