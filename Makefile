# Two commands do everything a newcomer needs: `make demo` and `make test`. The rest is for whoever changes the code.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PATH   := $(CURDIR)/$(BIN):$(PATH)
export PATH
COMMA  := ,
# One of the examples is written in Go: the system's toolchain builds it, or else that of a package.
GO     := $(if $(shell command -v go),,$(COMMA)go)

.PHONY: demo demo-rollout test check bench statistics verdicts soak screenshots clean help
.DEFAULT_GOAL := help

demo: $(STAMP) ## the article's story, from phase 1 to 100 %
	$(BIN)/python -m scripts.demo

demo-rollout: $(STAMP) ## a bug found in secret, a rollout that goes on by itself, and one that goes back
	$(BIN)/python -m scripts.demo_rollout

test: $(STAMP) ## unit and end-to-end tests, with a real Envoy
ifdef PYTEST_ARGS
	$(BIN)/python -m pytest $(PYTEST_ARGS)
else
	$(BIN)/python -m pytest -m "not e2e and not soak" -n auto
	$(BIN)/python -m pytest -m "e2e and not alone and not soak" -n auto --dist loadfile
	$(BIN)/python -m pytest -m "alone and not soak"
endif

check: $(STAMP) typings ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP) ## speed and memory, as ratios within one run
	$(BIN)/python -m scripts.bench

statistics: $(STAMP) ## how often a rollout is wrong, simulated: writes docs/statistics.md
	$(BIN)/python -m scripts.statistics

verdicts: $(STAMP) ## six candidates, by comparisons and by rollouts: what is made of each, and how soon
	$(BIN)/python -m scripts.verdicts

soak: $(STAMP) ## what takes longer than a test may
	$(BIN)/python -m pytest -m soak $(PYTEST_ARGS)

screenshots: $(STAMP) ## the README's pictures of the dashboard, made anew; needs chromium
	$(BIN)/python -m scripts.screenshots

clean: ## everything that make has made
	rm -rf $(VENV) typings .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,examples,bench$(GO)]'
	touch $@

# Envoy's messages come without types: stubs for mypy, made from the messages themselves.
typings: $(STAMP) scripts/stubs.py
	$(BIN)/python scripts/stubs.py typings
	touch typings
