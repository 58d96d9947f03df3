# What people type; CI runs the same targets. `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
.DEFAULT_GOAL := help
SEEDS ?= 10
FIRST_SEED ?= 1
.PHONY: help demo test check format generate bench chaos fuzz lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo:  ## everything in one process tree on this machine; ARGS="--simulate 50 --for 60s"
	@$(PYTHON) scripts/bootstrap.py run
	@$(BIN)/muster demo $(ARGS)

test:  ## all tests against a real broker, database and browser; ARGS="tests/agent -k spool"
	@$(PYTHON) scripts/bootstrap.py dev --system-packages
	@# Three processes on two cores: tests wait for brokers, databases and browsers half of their time.
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check:  ## lint, types, import rules, stale generated files
	@$(PYTHON) scripts/bootstrap.py dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/generate.py --check

format:  ## what `check` would complain about, mended where it can be
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

generate:  ## write the generated files anew (boards, reference pages)
	@$(PYTHON) scripts/bootstrap.py dev
	@$(BIN)/python scripts/generate.py

bench:  ## the figures in the docs, measured on this machine; ARGS="agent"
	@$(PYTHON) scripts/bootstrap.py dev --system-packages
	@cd tests && ../$(BIN)/python -m bench $(ARGS)

fuzz:  ## a million inputs through every decoder; ARGS="--inputs 100000 --seed 7"
	@$(PYTHON) scripts/bootstrap.py dev --system-packages
	@cd tests && ../$(BIN)/python -m fuzz $(ARGS)

chaos:  ## everything between node and database fails, seed by seed; SEEDS=200 FIRST_SEED=1
	@$(PYTHON) scripts/bootstrap.py dev --system-packages
	@cd tests && ../$(BIN)/python -m chaos --seeds $(SEEDS) --first-seed $(FIRST_SEED) $(ARGS)

lock:  ## pin every dependency anew, with hashes (needs uv)
	@scripts/lock

clean:  ## remove what the other targets made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build
