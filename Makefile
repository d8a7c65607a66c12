# make demo, make test, make lint, make docs, make bench: each makes .venv where it is missing.
# make test-lowest, make newest: the tests with the lowest and with today's newest dependencies.
PYTHON ?= $(shell .ci/python 3.13 3.12 3.11)
LOWEST_PYTHON ?= $(shell .ci/python 3.11 3.12 3.13)
VENV ?= .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
OUT ?= demo
LONG ?= -m "not long"

PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
PYTEST := -m pytest -n auto --maxprocesses 4 --dist loadfile
# There are as many processes as cores: threads of libraries would be in each other's way.
ONE_THREAD := MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Types and shapes are checked where the newest versions run.
UNTYPED := -o addopts="--strict-markers --import-mode=importlib -ra"
# What an environment is made from: an older one is brought up to date.
SOURCES := pyproject.toml hatch_build.py

.PHONY: demo test test-lowest newest lint bench docs links clean

demo: $(VENV)/.demo
	$(BIN)/tmsgrad demo --out $(OUT)

test: $(VENV)/.dev
	$(ONE_THREAD) $(BIN)/python $(PYTEST) $(ARGS)

# What is marked as long runs with the newest versions only; with `LONG=` here too.
test-lowest: $(LOWEST)/.test
	$(ONE_THREAD) $(LOWEST)/bin/python $(PYTEST) $(UNTYPED) $(LONG) $(ARGS)

newest:
	rm -rf .venv-newest
	$(MAKE) VENV=.venv-newest .venv-newest/.dev
	$(ONE_THREAD) .venv-newest/bin/python .ci/newest.py $(PYTEST) $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "see site/index.html"

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

# The links of an editable installation, where they are missing.
links:
	$(BIN)/python hatch_build.py

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "tmsgrad needs Python 3.11, 3.12 or 3.13; none that runs was found. Set PYTHON=/path/to/python3." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(LOWEST)/bin/python:
	@test -n "$(LOWEST_PYTHON)" || { echo "no Python 3.11 that runs was found. Set LOWEST_PYTHON=/path/to/python3." >&2; exit 2; }
	$(LOWEST_PYTHON) -m venv $(LOWEST)

# A stamp is written only after a whole install, so an interrupted one is begun again.
$(VENV)/.demo: $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python $(PIP_INSTALL) -e ".[template]"
	@touch $@

$(VENV)/.dev: $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python $(PIP_INSTALL) -e ".[dev]"
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: $(SOURCES) | $(VENV)/bin/python
	$(BIN)/python $(PIP_INSTALL) -e ".[docs]"
	@touch $@

$(LOWEST)/.test: $(SOURCES) .ci/lowest.py | $(LOWEST)/bin/python
	$(LOWEST)/bin/python .ci/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python $(PIP_INSTALL) -e ".[test]" -c $(LOWEST)/constraints.txt
	@touch $@

clean:
	rm -rf .venv .venv-lowest .venv-newest demo site .pytest_cache .ruff_cache .import_linter_cache
