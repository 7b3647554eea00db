PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The client is a distribution of its own; Shoal publishes by it, so both are always installed together.
INSTALL = pip install -c constraints.txt
export PIP_QUIET = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-long soak check bench bench-quick bench-honesty bench-tallies bench-rebaseline bench-reads bench-beside fuzz docs clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/installed ## Make .venv with Shoal and everything it needs (no root, no Docker)

$(VENV)/installed: pyproject.toml clients/python/pyproject.toml constraints.txt setup.py $(wildcard */*/*.pyx */*/*.pxd)
	$(PYTHON) -c 'import sys; sys.exit("Shoal needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(INSTALL) -e clients/python -e '.[embedded,dev]'
	touch $@

demo: setup ## Run a simulated shop live, with the dashboard, until Ctrl-C (SECONDS=120: for so long)
	$(BIN)/shoal demo --source shop $(if $(SECONDS),--seconds $(SECONDS))

# Fits in several test processes at once would spin beside each other, if each took threads for every core.
test test-fast test-long: export OMP_NUM_THREADS = 1
test: setup ## Run the tests (but the longest, `make test-long`), on Apache Kafka where Java and Maven are present
	$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder -m "not long"

test-long: setup ## Run the tests that take a minute or more each
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m long

soak: setup ## Run 100 seeded shops under seeded faults, and compare their ends with the truth (hours; SEED=1 SEEDS=100)
	$(BIN)/python -m tests.faults --seed $(or $(SEED),1) --seeds $(or $(SEEDS),100)

test-fast: setup ## Run the tests that need no Kafka, no Redis and little time (under 90 seconds on two cores)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not kafka and not redis and not slow and not long"

fuzz: setup ## Run the fuzzers with many examples (EXAMPLES=100000 of each)
	SHOAL_FUZZ_EXAMPLES=$(or $(EXAMPLES),100000) $(BIN)/python -m pytest -q -n 2 tests/fuzz

check: setup ## Lint, format, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## Measure everything and the peers in turn, into bench/RESULTS.md (needs Java and Maven)
	$(BIN)/python -m bench.main $(BENCH)
	$(BIN)/python -m bench.speed.rebaseline
	$(BIN)/python -m bench.statistics.experiment_consumer
	$(BIN)/python -m bench.reads

bench-quick: setup ## Measure throughput and latency in under two minutes (needs Java and Maven)
	$(BIN)/python -m bench.quick

bench-honesty: setup ## Measure whether the statistics of experiments keep their promises (about ten minutes)
	$(BIN)/python -m bench.statistics.honesty
	$(BIN)/python -m bench.statistics.uneven_splits
	$(BIN)/python -m bench.statistics.uneven_effects
	$(BIN)/python -m bench.statistics.early_findings

bench-tallies: setup ## Measure the experiment consumer: exactness, throughput, delay (minutes; needs Java and Maven)
	$(BIN)/python -m bench.statistics.experiment_consumer

bench-rebaseline: setup ## Measure the re-baseline of a million customers: seconds and memory (about a minute)
	$(BIN)/python -m bench.speed.rebaseline

bench-reads: setup ## Measure reads of segments over HTTP, against a bare endpoint (about a minute)
	$(BIN)/python -m bench.reads

bench-beside: setup ## Measure a worker's latency while a million customers are re-baselined (minutes; needs Java and Maven)
	$(BIN)/python -m bench.speed.worker_beside_batch

docs: setup ## Generate docs/asyncapi.yaml and docs/settings.md from the code
	$(BIN)/python -m events.schema.asyncapi > docs/asyncapi.yaml
	$(BIN)/python -m cli.printing.settings_page > docs/settings.md

clean: ## Remove .venv and what tools and runs leave behind
	-$(BIN)/shoal down
	rm -rf $(VENV) .shoal .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info clients/python/*.egg-info build $(wildcard */*/*.c */*/*.so)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
