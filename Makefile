# Everything a developer runs. Needs python3 (3.10 or later); the rest goes into .venv. Without cargo, 1.85 or later,
# there is no native extension: the portable backend runs, and what is skipped is said.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CRATE := --manifest-path extension/Cargo.toml
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_CASES ?= 10000000
HOURS ?= 1
TESTS ?=

# The Rust that development builds use where rustup has it, so that they are the same on every machine. There is no
# rust-toolchain.toml: with one, rustup would download this version for whoever builds the package, or fail offline.
RUST_DEVELOPMENT := 1.95.0
ifneq ($(shell rustup toolchain list 2>/dev/null | grep '^$(RUST_DEVELOPMENT)-'),)
export RUSTUP_TOOLCHAIN ?= $(RUST_DEVELOPMENT)
endif

EXTENSION := duckdb_sketch/duckdb_sketch.duckdb_extension
EXTENSION_SOURCES := $(shell find extension/src duckdb_sketch/data -type f) extension/build.rs extension/Cargo.toml extension/Cargo.lock
PYTHON_SOURCES := $(wildcard duckdb_sketch extension_file hatch_build.py tests benchmarks examples docs website README.md)

DEV_EXTRAS := demo test lint
# One resolution for every Python; names, versions and hashes, and no addresses: each machine has its own index.
UV := $(VENV)/lock/bin/uv
RESOLVE := $(UV) pip compile --quiet --upgrade --no-annotate --custom-compile-command 'make lock' pyproject.toml
LOCK := $(RESOLVE) --universal --python-version 3.10 --generate-hashes
besides = -c requirements/$(1).txt $(shell sed -n '/platform/!s/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements/$(1).txt)

# A command of cargo's, where there is one; CI has DUCKDB_SKETCH_REQUIRE_NATIVE set and fails without.
with_cargo = @if [ -n "$$DUCKDB_SKETCH_REQUIRE_NATIVE" ] || cargo --version >/dev/null 2>&1; then set -x; $(1); \
	else echo "Skipped, because there is no cargo: $(1)"; fi

# Tests start many processes, which would all compile every module again.
unexport PYTHONDONTWRITEBYTECODE

# One process per core, as each database uses every core anyway.
PYTEST := $(BIN)/pytest --numprocesses logical --maxprocesses 8 --dist worksteal

# Versions besides those in .venv, each in a folder of its own that comes before .venv's.
DUCKDB_VERSIONS := 1.4.4 1.5.6
in_older_duckdb = set -e; for version in $(DUCKDB_VERSIONS); do \
		$(BIN)/python -m pip install --quiet --no-deps --upgrade --target .duckdb/$$version duckdb==$$version; \
		PYTHONPATH=.duckdb/$$version $(PYTEST) -m 'not slow and not spark and not druid and not newest_duckdb $(1)'; \
	done
NEWEST := .newest
LOWEST := tests/versions/test_lowest_versions.py

.DEFAULT_GOAL := help
.PHONY: help demo java test test-all test-thorough test-slow test-duckdb test-duckdb-all test-lowest test-newest test-spark test-druid leaks corpus interop bench bench-quick study bench-rollups bench-spark bench-druid fuzz asan miri rust-minimum soak lint lock fmt docs site tour build dist wheels configure_ci release test_release clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: build ## Roll up a year of flights, and look at them
	$(BIN)/duckdb-sketch demo

test: build ## Run the fast tests
	$(call with_cargo,cargo test $(CRATE))
	$(PYTEST) $(TESTS)

test-all: test test-thorough test-slow test-duckdb-all test-lowest test-spark test-druid ## Run every test; needs a JDK and Maven

test-thorough: build ## Run the tests that try laws, kills and faults by the hundred
	$(PYTEST) -m "thorough and not slow and not spark and not druid"

test-slow: build ## Run the slow tests: packages, faults at every step, many processes, long samples
	$(PYTEST) -m slow --ignore $(LOWEST)

test-spark: java $(VENV)/.spark build ## Run the tests with Spark and Apache DataSketches for Java; need a JDK
	$(BIN)/pytest -m spark

test-druid: build ## Run the tests with Druid's own classes; need a JDK and Maven
	$(BIN)/pytest -m druid

corpus: java $(VENV)/.spark ## Rebuild the golden corpora of HLL and theta images; needs a JDK
	PYTHONPATH=tests/support $(BIN)/python -m corpus
	PYTHONPATH=tests/support $(BIN)/python -m theta_corpus

interop: $(VENV)/.bench build ## Print who reads whose sketches; needs a JDK
	PYTHONPATH=tests/support $(BIN)/python -m matrix

test-duckdb: build ## Run the functions, both backends and the core of rollups in older DuckDB versions
	$(call in_older_duckdb,and older_duckdb and not thorough)

test-duckdb-all: build ## Run the fast and the thorough tests in older DuckDB versions: half an hour
	$(call in_older_duckdb,)

test-lowest: build ## Run the wheel with the lowest versions that pyproject.toml allows
	$(BIN)/pytest -m slow $(LOWEST)

test-newest: build $(VENV)/lock ## Run the fast tests with the newest releases of what requirements/ pins
	rm -rf $(NEWEST) && mkdir $(NEWEST)
	$(UV) pip freeze --python $(BIN)/python | sort >$(NEWEST)/pinned
	$(RESOLVE) --python $(BIN)/python --no-header $(DEV_EXTRAS:%=--extra %) | sort | comm -13 $(NEWEST)/pinned - >$(NEWEST)/newer
	@if test -s $(NEWEST)/newer; then cat $(NEWEST)/newer; \
		$(BIN)/python -m pip install --quiet --no-deps --target $(NEWEST)/packages -r $(NEWEST)/newer && \
		PYTHONPATH=$(CURDIR)/$(NEWEST)/packages $(PYTEST); \
	else echo "The pinned versions are the newest: make test has run with them."; fi

leaks: build ## Have valgrind look for memory that the extension loses or misuses
	$(BIN)/python tests/support/leaks.py

bench: $(VENV)/.bench build ## Measure speed, accuracy and sizes beside others; python -m benchmarks lists more
	$(BIN)/python -m benchmarks speed accuracy sizes

bench-quick: $(VENV)/.bench build ## The same on little data
	$(BIN)/python -m benchmarks --quick speed accuracy sizes

study: $(VENV)/.bench build ## Compare raw data with rollups: bytes, and the time of a question
	$(BIN)/python -m benchmarks study

bench-rollups: $(VENV)/.bench build ## Time what keeping a rollup costs
	$(BIN)/python -m benchmarks rollups

bench-druid: build ## Merge and ask the same data as Druid's own classes; needs a JDK and Maven
	$(BIN)/python -m benchmarks druid

bench-spark: java $(VENV)/.bench $(VENV)/.spark build ## Time rollups on Spark beside its own aggregates (needs Java 17)
	$(BIN)/python -m benchmarks spark

fuzz: build ## Feed changed images to the decoders, plain and under AddressSanitizer, and to SQL: ten million cases each
	FUZZ_CASES=$(FUZZ_CASES) cargo test $(CRATE) --profile fuzz --test fuzz
	@if cargo +nightly --version >/dev/null 2>&1; then \
		FUZZ_CASES=$(FUZZ_CASES) FUZZ_SEED=2 RUSTFLAGS=-Zsanitizer=address \
			cargo +nightly test $(CRATE) --profile fuzz --test fuzz --target $(HOST); \
	else echo "There is no nightly Rust: nothing ran under AddressSanitizer."; fi
	PYTHONPATH=tests/support $(BIN)/python -m fuzzing $(FUZZ_CASES)

asan: build ## Run the SQL tests and changed images with an extension that AddressSanitizer watches
	$(BIN)/python tests/support/asan.py

miri: ## Run the unit tests of the sketches under Miri, where it is installed
	@if cargo +nightly miri --version >/dev/null 2>&1; then cargo +nightly miri test $(CRATE) --lib sketch; \
	else echo "Miri is not installed (rustup +nightly component add miri): nothing ran."; fi

rust-minimum: ## Run cargo test with the least Rust that Cargo.toml promises, where there is one
	.ci/rust-minimum

soak: build ## Work on rollup jobs at random, under faults of every kind, for HOURS (SEED and EPOCH do a failure again)
	$(BIN)/python tests/support/soak.py $(HOURS) $(SEED) $(EPOCH)

lint: $(VENV)/.dev ## Check style, formatting and types
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/mypy
	$(call with_cargo,cargo fmt $(CRATE) --check && cargo clippy $(CRATE) --all-targets -- -D warnings)

lock: $(VENV)/lock ## Pin the newest releases of what .venv holds
	@$(LOCK) $(DEV_EXTRAS:%=--extra %) -o requirements/dev.txt
	@$(LOCK) --extra bench $(call besides,dev) -o requirements/bench.txt
	@$(LOCK) --extra site $(call besides,dev) -o requirements/site.txt
	@$(LOCK) --extra spark $(call besides,dev) -o requirements/spark.txt
	@$(LOCK) --extra wheels $(call besides,dev) -o requirements/wheels.txt
	@$(LOCK) --extra dbt -o requirements/dbt.txt
	@$(LOCK:pyproject.toml=requirements/superset.in) -o requirements/superset.txt

fmt: $(VENV)/.dev ## Format everything
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)
	$(call with_cargo,cargo fmt $(CRATE))

docs: build ## Run every block of the documentation, and the tour
	$(BIN)/pytest tests/docs -m "not slow"

site: $(VENV)/.site ## Make the documentation's site, in build/site; broken links are errors
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(CURDIR)/website $(BIN)/python -m mkdocs build --quiet --config-file website/mkdocs.yml

tour: build ## Run the tour, and keep what it shows
	$(BIN)/jupyter execute --inplace docs/tour.ipynb

build: $(VENV)/.dev $(EXTENSION) ## Build the extension into the working copy

dist: $(VENV)/.dev ## Build the sdist, and from it the wheel
	$(BIN)/python -m build

wheels: $(VENV)/.wheels ## Build the manylinux wheels, with zig as linker, and have auditwheel check them
	$(BIN)/python -m extension_file.wheels

# What DuckDB's community repository calls to build the extension: integrations/duckdb-community.
configure_ci: $(VENV)/.dev

release: build
	mkdir -p build/release
	cp $(EXTENSION) build/release/

test_release: build
	$(BIN)/pytest tests/hll tests/histogram tests/functions

clean: ## Remove whatever make has made
	rm -rf $(VENV) .duckdb $(NEWEST) build dist duckdb-sketch-demo extension/target duckdb_sketch/*.duckdb_extension duckdb_sketch/*.pem
	find duckdb_sketch extension_file tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.dev: requirements/dev.txt pyproject.toml hatch_build.py extension/Cargo.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r $<
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.%: requirements/%.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt -r $<
	touch $@

$(VENV)/lock:
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet uv

java:
	@command -v java >/dev/null || test -x "$$JAVA_HOME/bin/java" || \
		{ echo "Spark needs Java 17 or later: install a JDK (Debian: openjdk-17-jre-headless), or set JAVA_HOME" >&2; exit 1; }

$(EXTENSION): $(EXTENSION_SOURCES) $(wildcard extension_file/*.py) | $(VENV)/.dev
	$(BIN)/python -m extension_file
