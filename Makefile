# make demo, make test, make lint, make docs, make bench: each makes .venv where it is missing.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
OUT ?= demo

.PHONY: demo test lint bench docs clean

demo: .venv/.demo
	$(BIN)/tmsgrad demo --out $(OUT)

test: .venv/.dev
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "see site/index.html"

bench: .venv/.dev
	$(BIN)/python -m benchmarks $(ARGS)

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "tmsgrad needs Python 3.11 or later; none was found. Set PYTHON=/path/to/python3." >&2; exit 2; }
	$(PYTHON) -m venv .venv

# A stamp is written only after a whole install, so an interrupted one is begun again.
.venv/.demo: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[template]"
	@touch $@

.venv/.dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ .venv/.demo

.venv/.docs: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[docs]"
	@touch $@

clean:
	rm -rf .venv demo site .pytest_cache .ruff_cache .import_linter_cache
