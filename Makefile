# Everything runs in .venv, which each target makes by itself; all are safe to repeat.
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup demo test test-slow check format bench lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "installing the packages of requirements.lock into .venv (about 7 GB, a minute or two)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: setup  ## train on the synthetic corpus and compare with a linear baseline
	@rm -rf outputs/demo/latest
	@$(BIN)/python -m ser_lightning.train +experiment=demo hydra.run.dir=outputs/demo/latest
	@$(BIN)/python benchmarks/linear_baseline.py --run outputs/demo/latest

test: setup
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow" -n 2

test-slow: setup
	@$(BIN)/python -m pytest -q -m slow

check: setup
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --no-cache --quiet . && $(BIN)/mypy && $(BIN)/python -m pytest -q tests/test_imports.py

format: setup
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: setup  ## the tables of docs/performance.md; RAVDESS is looked for in ../shared/corpora, or: make bench ROOT=DIR
	@for script in benchmarks/bench_*.py; do \
	  printf '\n## %s\n\n' $$script; \
	  root=$$(grep -q -e '"--root"' $$script && echo $(ROOT:%=--root %)); \
	  $(BIN)/python $$script $$root || exit 1; \
	done

lock: setup  ## the newest set that works together, with hashes and no index addresses
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.10 --extra dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv outputs multirun wandb dist .pytest_cache .mypy_cache .ruff_cache .hypothesis data/cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
