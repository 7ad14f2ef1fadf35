.PHONY: check test pets bench

# All that has to hold before a change is merged.
check:
	bash .ci/run

test:
	cargo test --all-features

pets:
	cargo run --release --example pets

bench:
	cargo bench
