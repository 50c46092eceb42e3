# What a newcomer types. Everything lives in .venv and .ktrdr of this folder.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
STRATEGY ?= sp500_daily

# torch comes with the rest in one pip call, pinned: asked for later, by itself, pip would take another build of it.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch==2.13.0

.PHONY: run stop test test-units test-end-to-end test-slow check bench clean

run: .venv/installed  ## Install, start the service, train the example on the bundled bars
	@$(BIN)/ktrdr up --port $(PORT)
	@$(BIN)/ktrdr models train --force $(STRATEGY)

stop:  ## End what `make run` started
	@if [ -x $(BIN)/ktrdr ]; then $(BIN)/ktrdr down; else echo "Nothing is installed here, so nothing runs."; fi

test: .venv/installed-dev test-units test-end-to-end  ## The whole suite but its slow part; clusters only once the rest has passed

test-units: .venv/installed-dev  ## Everything that starts no Ray, on two cores
	$(BIN)/python -m pytest -m "not slow" --ignore tests/end_to_end --numprocesses 2 --dist worksteal

test-end-to-end: .venv/installed-dev  ## Real clusters, one at a time and without xdist: some tests are about seconds
	$(BIN)/python -m pytest -m "not slow" tests/end_to_end

test-slow: .venv/installed-dev  ## What takes too long for every change: longer forms of the fault tests, repeated kills
	$(BIN)/python -m pytest -m slow

check: .venv/installed-dev  ## Style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/installed-dev  ## Ratios and times measured in one run, printed
	@$(BIN)/ktrdr up --port $(PORT)
	$(BIN)/python benchmarks/http_against_in_process.py
	$(BIN)/python benchmarks/cancel_latency.py
	$(BIN)/python benchmarks/watchers.py
	$(BIN)/python benchmarks/epoch_history.py

clean: stop  ## Remove the environment and the service's state; models stay
	rm -rf .venv .ktrdr

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "ktrdr needs Python 3.11 to 3.13: make PYTHON=python3.11 ...")'
	@echo "Creating .venv and installing; the first time takes some minutes."
	@$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	@$(INSTALL) -e .
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	@$(INSTALL) -e '.[dev]'
	@touch $@ .venv/installed
