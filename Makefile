# Two commands do everything: `make bench` runs the benchmark, `make test` the tests. Both set up what they need.
VENV ?= .venv
BIN = $(VENV)/bin
JOBS ?= 4
export VENV
# No model provider's price list is fetched by an import.
export LITELLM_LOCAL_MODEL_COST_MAP = True

.PHONY: help bench test setup engine check format requirements clean

help:
	@echo "make bench         run the benchmark: terminal-bench-core with the oracle, $(JOBS) scenarios at a time"
	@echo "make test          run all tests, those with real containers too"
	@echo "make check         lint and type-check"
	@echo "make setup         make $(VENV)"
	@echo "make engine        have a container engine and the base image"
	@echo "make requirements  renew the pinned, hashed requirements"

bench: setup engine
	$(BIN)/pytest --tb-dataset terminal-bench-core -n $(JOBS) $(ARGS)

test: setup engine
	TERMINALBENCH_REQUIRE_DOCKER=1 $(BIN)/pytest -n $(JOBS) $(ARGS) tests

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

requirements: setup
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --upgrade -o requirements/dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
