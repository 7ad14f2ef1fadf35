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

# Files that may be anything, and models of any layers, for a minute each: needs `cargo install cargo-fuzz`, and no nightly toolchain.
FUZZ = load npy checkpoint onnx passes
fuzz:
	mkdir -p $(FUZZ:%=fuzz/corpus/%)
	for target in $(FUZZ); do \
	    seeds=; if [ $$target = load ]; then seeds=fuzz/seeds; fi; \
	    cargo fuzz run -s none $$target fuzz/corpus/$$target $$seeds -- -max_total_time=60 || exit 1; \
	done
