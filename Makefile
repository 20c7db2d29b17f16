# The project's commands. `make` prints them.

CARGO ?= cargo
PYTHON ?= python3
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
SEEDS ?= 100000
SECONDS ?= 3600

.DEFAULT_GOAL := help
.PHONY: help build test test-slow lint demo bench fuzz fuzz-api fuzz-signature sim-long deny emulators clean-demo

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

build: ## Build the release binary (target/release/forebay)
	$(CARGO) build --release --locked --bin forebay

# A proxy of the user's is not for the servers of the tests.
test test-slow: export NO_PROXY := 127.0.0.1,localhost,$(NO_PROXY)
test test-slow: export no_proxy := 127.0.0.1,localhost,$(no_proxy)
test: emulators ## Run every test but the slow ones: unit, documentation, simulation, emulator, command line
	@sh scripts/check.sh
	@echo 'Compiling the tests (some minutes the first time)'
	@if [ -t 2 ]; then $(CARGO) test --locked --no-run; else $(CARGO) test --locked --no-run --quiet; fi
	$(CARGO) test --locked --quiet --lib --bins --test sim --test cli
	$(CARGO) test --locked --quiet --doc
	$(CARGO) test --locked --quiet --test emulator

test-slow: emulators ## Run the tests that last longer than a minute, and those of kills and resharding at their full size
	$(CARGO) test --locked --quiet --test emulator stream:: -- --ignored
	FOREBAY_LONG=1 $(CARGO) test --locked --quiet --test emulator -- \
		queue::kill fifo::kill stream::reshard --test-threads=1

lint: ## Check formatting, clippy, rustdoc, scripts, the text of the documentation, sizes, and dependencies
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --quiet
	sh scripts/check.sh
	$(PYTHON) scripts/prose.py
	$(PYTHON) scripts/sizes.py
	sh scripts/deny.sh

deny: ## Check the dependencies only: bans, licences, sources, advisories
	sh scripts/deny.sh

demo: emulators ## Run orders and payments from queues and clicks from a stream through functions that forebay starts
	$(CARGO) build --release --locked --bin forebay
	@.venv/bin/python -B scripts/demo.py --binary $(TARGET_DIR)/release/forebay

bench: ## Measure forebay against a bare loop on the same SDK, and event patterns against skipping
	$(CARGO) bench --locked --bench queue --bench stream --bench function --bench filter

sim-long: ## Simulate SEEDS scenarios of queues, of FIFO queues and of streams (100,000 unless given), with every assertion on
	FOREBAY_SEEDS=$(SEEDS) $(CARGO) test --locked --profile sim --test sim

fuzz: ## Fuzz patterns and records for SECONDS (an hour unless given); needs nightly Rust and cargo-fuzz
	@mkdir -p fuzz/corpus/filter
	$(CARGO) +nightly fuzz run --sanitizer none filter fuzz/corpus/filter fuzz/seeds -- \
		-max_total_time=$(SECONDS) -max_len=4096 -timeout=60 -dict=fuzz/filter.dict

fuzz-api: ## Fuzz requests to the AWS API for SECONDS (an hour unless given); needs nightly Rust and cargo-fuzz
	@mkdir -p fuzz/corpus/aws_api
	$(CARGO) +nightly fuzz run --sanitizer none aws_api fuzz/corpus/aws_api fuzz/seeds-api -- \
		-max_total_time=$(SECONDS) -max_len=8192 -timeout=60 -dict=fuzz/aws_api.dict

fuzz-signature: ## Fuzz the signatures of requests to the AWS API, likewise
	@mkdir -p fuzz/corpus/signature
	$(CARGO) +nightly fuzz run --sanitizer none signature fuzz/corpus/signature fuzz/seeds-signature -- \
		-max_total_time=$(SECONDS) -max_len=20000 -timeout=60

emulators:
	@sh scripts/venv.sh
	@sh scripts/emulators.sh

clean-demo: ## Remove what make demo and make test installed for Python and Node
	rm -rf .venv .emulators
