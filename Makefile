# Two commands: `make demo` and `make test`. Everything is installed into .venv.
.DEFAULT_GOAL := help
.PHONY: help install demo test test-all fuzz mutants bench lint lock

VENV := .venv
BIN := $(VENV)/bin
SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# The newest supported Python that really runs (a name on the PATH may be a shim that does not).
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)

# A file's tests stay together: they share what is costly to make. The marked tests have clusters and servers of their own,
# and are run one after another.
ON_EVERY_CORE := --numprocesses logical --maxprocesses 4 --dist loadfile

# These measure the real catalogue and nothing else.
REAL_BENCHMARKS := $(if $(MINERAL_PIPELINE_DATA),benchmarks/leakage.py benchmarks/coverage.py benchmarks/proximity.py)

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(VENV)/.installed  ## make .venv with everything pinned

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: Python 3.11, 3.12 or 3.13 with the venv module is missing: install it (apt install python3 python3-venv) or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c '$(SUPPORTED)' 2>/dev/null || { echo "make: $(PYTHON) is not Python 3.11, 3.12 or 3.13 with the venv module: say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo "make: $(PYTHON) cannot make a virtual environment here"; exit 1; }
	@echo "installing into $(VENV) (about 2.5 GB) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock || { echo "make: installing the packages of requirements.lock failed: is a package index reachable?"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable . || { echo "make: installing the project failed"; exit 1; }
	@touch $@

demo: install  ## the whole pipeline on the simulated planet, on a local Dask cluster
	@$(BIN)/mineral-pipeline run jobs/settings/demo.yaml

test: install  ## the default suite
	@$(BIN)/python -m pytest $(ON_EVERY_CORE)

test-all: test  ## the default suite and the marked tests (slow, slurm, browser, gpu, ceph, imagemagick)
	@$(BIN)/python -m pytest -m "slow or slurm or browser or gpu or ceph or imagemagick"

FUZZ_INPUTS ?= 20000
fuzz: install  ## readers of foreign bytes on inputs that are almost right, and of a damaged workspace (FUZZ_INPUTS=500: a quick look)
	@$(BIN)/python -m tests.fuzzing --inputs $(FUZZ_INPUTS)

mutants: install  ## how many small mistakes the tests find: a seeded sample of changes of five packages (hours; goes on where it was)
	@$(BIN)/python -c 'import cosmic_ray' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e .[mutants]
	@$(BIN)/python -m tests.mutants

bench: install  ## every benchmark, with its claims checked
	@mkdir -p benchmarks/results && failed=; for file in $$(grep -l 'command_line(' benchmarks/*.py) $(REAL_BENCHMARKS); do \
		name=$$(basename $$file .py); echo "== $$name"; \
		$(BIN)/python -m benchmarks.$$name --check --json benchmarks/results/$$name.json || failed="$$failed $$name"; done; \
		test -z "$$failed" || { echo "make: benchmarks that failed or whose claims do not hold:$$failed"; exit 1; }

lint: install  ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

lock:  ## pin the newest versions that pyproject.toml allows (needs uv)
	uv pip compile --universal --python-version 3.11 --extra cpu --extra cloud --extra hpc --extra dev --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links --upgrade pyproject.toml -o requirements.lock
