# Two commands do everything: `make bench` runs the benchmark, `make test` the tests. Both set up what they need.
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= 4
export VENV
# No model provider's price list is fetched by an import.
export LITELLM_LOCAL_MODEL_COST_MAP = True

# Whatever calls a dependency: engine, statistics, reports, workers, commands. On the oldest Python, so that a version
# that is declared and does not work is seen.
LOWEST = .venv-lowest
LOWEST_TESTS = tests/environments tests/statistics tests/comparing tests/runs tests/sessions tests/scenarios \
  tests/trials tests/verifiers tests/test_*.py tests/cli/test_app.py tests/cli/test_report.py tests/cli/test_compare.py \
  tests/plugin/test_outcomes.py tests/plugin/test_snapshot_line.py \
  tests/plugin/test_xdist.py::test_two_workers_and_two_agents_leave_every_trial \
  tests/plugin/test_xdist.py::test_a_cell_whose_worker_is_killed_is_run_once_more \
  tests/engine/test_trials.py tests/engine/test_images.py

.PHONY: help bench test test-lowest setup engine check format requirements clean

help:
	@echo "make bench         run the benchmark: terminal-bench-core with the oracle, $(JOBS) scenarios at a time"
	@echo "make test          run all tests, those with real containers too"
	@echo "make test-lowest   run a part of the tests with the lowest versions that pyproject.toml allows"
	@echo "make check         lint and type-check"
	@echo "make setup         make $(VENV)"
	@echo "make engine        have a container engine and the base image"
	@echo "make requirements  renew the pinned, hashed requirements"

bench: setup engine
	$(BIN)/pytest --tb-dataset terminal-bench-core -n $(JOBS) $(ARGS)

test: setup engine
	TERMINALBENCH_REQUIRE_DOCKER=1 $(BIN)/pytest -n $(JOBS) $(ARGS) tests

# An old version's deprecations are nobody's errors.
test-lowest: engine
	@VENV=$(LOWEST) scripts/setup lowest
	TERMINALBENCH_REQUIRE_DOCKER=1 $(LOWEST)/bin/pytest -n $(JOBS) -W ignore::DeprecationWarning $(ARGS) $(LOWEST_TESTS)

setup:
	@scripts/setup

engine: setup
	@PYTHON=$(BIN)/python scripts/ensure-docker
	@scripts/ensure-base

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

PINNED = $(BIN)/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --upgrade

requirements: setup
	$(BIN)/python -m pip install -q uv
	$(PINNED) --extra dev -o requirements/dev.txt
	$(PINNED) --extra test --resolution lowest-direct -o requirements/lowest.txt

clean:
	rm -rf $(VENV) $(LOWEST) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
