# Two commands do everything a newcomer needs: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PATH   := $(CURDIR)/$(BIN):$(PATH)
export PATH

.PHONY: demo test check bench soak stubs clean
.DEFAULT_GOAL := test

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,examples,bench]'
	touch $@

demo: $(STAMP) ## the article's story, from phase 1 to 100 %
	$(BIN)/python scripts/demo.py

test: $(STAMP) ## unit and end-to-end tests, with a real Envoy
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(STAMP) typings ## format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

typings: $(STAMP) scripts/stubs.py
	$(BIN)/python scripts/stubs.py typings
	touch typings

bench: $(STAMP) ## speed and memory, as ratios within one run
	$(BIN)/python scripts/bench.py

soak: $(STAMP) ## what takes longer than a test may
	$(BIN)/python -m pytest -m soak --timeout 1800 tests/soak

clean:
	rm -rf $(VENV) typings .mypy_cache .ruff_cache .pytest_cache
