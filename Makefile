# Everything a developer runs. A machine with Python 3.10+ (with venv) and Rust is enough.

PYTHON ?= python3
VENV := .venv
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)
OLDEST := $(VENV)/oldest
# The oldest scikit-learn that the extra allows, and the first Python for which it has no wheel.
SKLEARN := $(shell sed -n 's/^sklearn = \["scikit-learn>=\([0-9.]*\)"\]/\1/p' pyproject.toml)
TOO_NEW := (3, 13)
# One interpreter for every cargo command, so that pyo3 is not built again for another one.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python

RUST_SOURCES := $(shell find src -name '*.rs') Cargo.toml $(wildcard Cargo.lock)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Classify scikit-learn's digits with a CKN and an NTK, save a picture
	$(BIN)/ckn-rs demo

.PHONY: test
test: lint test-oldest ## Run every check: lint, Rust tests, Python tests, docstrings and README
	cargo test
	$(BIN)/python -m pytest

.PHONY: test-oldest
test-oldest: build $(OLDEST)/ready ## Test the estimators with the oldest scikit-learn that they support
	@if [ -d $(OLDEST)/$(SCRIPTS) ]; then \
	  PYTHONPATH=python $(OLDEST)/$(SCRIPTS)/python -m pytest -q tests/python/scikit_learn; \
	else \
	  echo 'test-oldest is skipped: scikit-learn $(SKLEARN) has no wheel for this Python'; \
	fi

.PHONY: lint
lint: build ## Formatting, lints and types of both languages
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --features python -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --quiet
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest ckn_rs._core
	$(BIN)/zizmor --quiet --offline --persona pedantic .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/*-*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff

.PHONY: bench
bench: $(VENV)/maturin ## Run the Rust benchmarks, a minute once they are built
	rm -rf $(or $(CARGO_TARGET_DIR),target)/criterion
	cargo bench

.PHONY: bench-record
bench-record: bench ## The same, and keep the times in benches/record/
	$(BIN)/python benches/record.py write

.PHONY: bench-compare
bench-compare: bench ## The same, and set the times beside the last record
	$(BIN)/python benches/record.py compare

.PHONY: bench-count
bench-count: $(VENV)/maturin ## Count instructions with valgrind; fail where a count grew by more than 1 %
	$(BIN)/python benches/count.py compare

.PHONY: bench-count-record
bench-count-record: $(VENV)/maturin ## Count the same, and keep the counts in benches/record/
	$(BIN)/python benches/count.py write

# Coverage that the compiler counts, as libFuzzer wants it. Stable Rust has it; there is no `unsafe`
# code of ours that a sanitizer would look after.
TARGET := $(shell rustc -vV | sed -n 's/^host: //p')
SANCOV := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Ccodegen-units=16
SECONDS ?= 600
FOUND := target/fuzz

.PHONY: fuzz
fuzz: build ## Fuzz the readers of files: SECONDS=600 in Rust, and as long in Python
	mkdir -p $(FOUND)/corpus
	cd fuzz && RUSTFLAGS='$(SANCOV)' cargo build --release --target $(TARGET) --target-dir ../$(FOUND)/build
	$(FOUND)/build/$(TARGET)/release/model $(FOUND)/corpus fuzz/corpus/model -dict=fuzz/model.dict \
	  -artifact_prefix=$(FOUND)/found- -max_len=4096 -timeout=20 -rss_limit_mb=4096 \
	  -max_total_time=$(SECONDS)
	$(BIN)/python fuzz/readers.py $(SECONDS)

.PHONY: deny
deny: ## Licences, advisories and sources of the crates (needs cargo-deny)
	cargo deny check

# On Linux zig is the linker, and its C library an old one, so that the wheel is for every Linux with
# glibc 2.17 or later.
ZIG := $(if $(filter Linux,$(shell uname -s)),--zig --compatibility manylinux2014)

.PHONY: wheel
wheel: $(VENV)/wheel ## Build a wheel into dist/, check it, and run all tests on it in a fresh environment
	rm -rf dist
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/maturin build --release --strip --locked $(ZIG) --out dist
	$(BIN)/python -m twine check --strict dist/*
	$(if $(ZIG),$(BIN)/python -m auditwheel show dist/*.whl)
	$(BIN)/python -m abi3audit --strict dist/*.whl
	$(PYTHON) .ci/test_wheel.py dist
	@ls dist/*.whl

.PHONY: sdist
sdist: $(VENV)/wheel ## Pack the source into dist/, and build it again without a network
	rm -rf dist
	$(BIN)/maturin sdist --out dist
	$(BIN)/python -m twine check --strict dist/*
	cargo fetch --locked
	PATH="$(CURDIR)/$(BIN):$$PATH" CARGO_NET_OFFLINE=true CARGO_TARGET_DIR="$(CURDIR)/target/sdist" \
	  $(BIN)/pip wheel --quiet --no-build-isolation --no-deps --no-index --wheel-dir target/sdist/wheel \
	  dist/*.tar.gz
	@ls dist/*.tar.gz

SITE := docs/_build/html

.PHONY: docs
docs: build $(VENV)/docs ## Build the documentation site into docs/_build/html, the Rust crate's with it
	cargo doc --no-deps
	rm -rf docs/reference/names  # pages of names that are no longer there
	$(BIN)/python -m sphinx -W --keep-going -n -b html docs $(SITE)
	rm -rf $(SITE)/rust
	cp -R $(or $(CARGO_TARGET_DIR),target)/doc $(SITE)/rust

.PHONY: docs-test
docs-test: docs ## Open the site in Chromium: console, search, pictures, a phone's width, dark mode
	$(BIN)/python -m pytest tests/site

.PHONY: clean
clean: ## Remove all that was built, the virtual environment too
	rm -rf docs/_build docs/gallery docs/reference/names
	rm -rf $(VENV) dist target python/ckn_rs/_core.*.so .pytest_cache .mypy_cache .ruff_cache

.PHONY: build
build: $(VENV)/module

# Two stamps, so that a second run finds its packages and its module and does nothing for them.
$(VENV)/maturin:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet 'maturin>=1.9,<2'
	touch $@

$(VENV)/module: $(VENV)/maturin pyproject.toml $(RUST_SOURCES)
	$(BIN)/maturin develop --release
	$(BIN)/pip install --quiet 'ckn-rs[dev]'  # what maturin has installed, and its extras
	touch $@

$(VENV)/docs: $(VENV)/module
	$(BIN)/pip install --quiet 'ckn-rs[docs]'
	touch $@

$(VENV)/wheel: $(VENV)/maturin .github/requirements/build.txt .github/requirements/check.txt
	$(BIN)/pip install --quiet --require-hashes --only-binary :all: \
	  --requirement .github/requirements/build.txt --requirement .github/requirements/check.txt
	touch $@

# pytest 8, because 9 warns of what the checks of old versions do; pandas for the checks of tables.
$(OLDEST)/ready: $(VENV)/maturin pyproject.toml
	rm -rf $(OLDEST)
	mkdir $(OLDEST)
	if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= $(TOO_NEW))'; then \
	  $(BIN)/python -m venv $(OLDEST) && \
	  $(OLDEST)/$(SCRIPTS)/pip install --quiet --only-binary scikit-learn 'scikit-learn==$(SKLEARN)' \
	    'pytest<9' pytest-timeout pandas fsspec "zarr>=3; python_version >= '3.11'"; \
	fi
	touch $@
