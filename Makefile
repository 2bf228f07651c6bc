# The doors to foldin: `make help` lists them. Each target installs what it needs first.
# Everything lands inside this folder (.uv, .venv); nothing is installed elsewhere.
SHELL := /bin/sh
PYTHON ?= python3
UV := .uv/bin/uv
BIN := .venv/bin
# As if the environment were activated: dvc.yaml says `python`, and must get this one.
ACTIVE := PATH="$(CURDIR)/$(BIN):$$PATH"
# An environment active elsewhere must not bend this one.
unexport PYTHONPATH VIRTUAL_ENV
# Compiled at install: where Python may not write bytecode, each import of TensorFlow costs 15 s, not 5.
export UV_COMPILE_BYTECODE := 1

# What git sees of a notebook: no outputs (.gitattributes), so that running one in Jupyter is no change.
FILTER := .venv/bin/python src/foldin strip --filter
LOCK_FILTER := .venv/bin/python src/foldin strip --lock-filter

.DEFAULT_GOAL := help
.PHONY: help repository install install-dev repro experiments lab lint format test anchors test-slow test-machines test-bounds test-faults cluster-test worlds test-install verify doctor lock clean

help:  ## print every target and what it does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

repro: install .venv/.checked  ## the main job: install everything, then run the pipeline, several families at a time
	@$(ACTIVE) foldin repro
	@$(ACTIVE) foldin outcome

experiments: install  ## compare experiments (dvc exp run): the parameters, RMSE and NDCG that differ
	@$(ACTIVE) foldin experiments

lab: install  ## open JupyterLab on this environment
	$(ACTIVE) foldin lab

# DVC works in a git repository only; better said now than after 3 GB.
repository:
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo "foldin: $(CURDIR) is no git repository, as after a ZIP download, \
	and DVC needs one; make it one (git init), or clone the project instead (git clone)" >&2; exit 1; }

install: .venv/.installed$(EXTRA)  ## install the pinned environment into .venv (EXTRA=app adds an extra of pyproject.toml)

install-dev: .venv/.installed-dev  ## install the test tools as well

test: install-dev  ## install everything, then run the fast, offline tests
	$(ACTIVE) pytest --numprocesses 2 --dist loadfile

anchors: install-dev  ## compare with published metrics on real data (needs FOLDIN_ARCHIVES)
	$(ACTIVE) pytest -m anchors

test-slow: install-dev  ## the slow tests: experiments, verify, leakage, every notebook in JupyterLab in a browser
	$(ACTIVE) pytest -m slow

test-machines: install-dev  ## compute as other processors, and find the same bytes (needs qemu-user; slow)
	$(ACTIVE) pytest -m machines --numprocesses 2

test-faults: install-dev  ## kill every stage, fill its disk, damage its inputs: the next run must mend it
	$(ACTIVE) pytest -m faults --numprocesses 2

test-bounds: install-dev  ## every network at the smallest and largest value of each setting (half an hour)
	$(ACTIVE) pytest -m bounds

cluster-test: install-dev  ## run on a real Spark cluster on this machine, and kill its workers (EXTRA=spark; needs Java)
	$(ACTIVE) pytest -m cluster tests/spark

worlds: install-dev  ## test on random data sets and random files, new ones each time, for MINUTES=10 each
	$(ACTIVE) nice pytest -m worlds tests/test_worlds.py tests/test_own_worlds.py

verify: install .venv/.checked  ## run the whole pipeline again in a copy, and compare every output with dvc.lock
	$(ACTIVE) foldin verify

doctor: install  ## look at this machine and environment: ok, or what to do
	@$(ACTIVE) foldin doctor

test-install: install-dev  ## install in a fresh clone and run its pipeline (needs a package index; slow)
	$(ACTIVE) pytest -m install

lint: install-dev  ## check style, formatting (notebooks too), types, and that notebooks carry no outputs
	$(ACTIVE) ruff check .
	$(ACTIVE) ruff format --check .
	$(ACTIVE) mypy
	$(ACTIVE) foldin strip --check

format: install-dev  ## rewrite code and notebooks in the house style
	$(ACTIVE) ruff check --fix .
	$(ACTIVE) ruff format .
	$(ACTIVE) foldin strip --in-place

lock: $(UV)  ## rewrite the locks to fit pyproject.toml (UPGRADE=1: newest versions; needs a package index)
	PYTHON=$(PYTHON) sh requirements/lock.sh $(UV)

clean:  ## remove the environment and caches; data and reports stay
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(UV): requirements/bootstrap.lock requirements/bootstrap.sh | repository
	@sh requirements/bootstrap.sh "$(PYTHON)" .uv

# params.yaml is checked as a whole before a run, where it has changed since the last.
.venv/.checked: params.yaml | .venv/.installed$(EXTRA)
	@$(BIN)/foldin check
	@touch $@

ifneq ($(EXTRA),)
$(if $(wildcard requirements/$(EXTRA).lock),,$(error no extra named '$(EXTRA)'; there are: ann, app, benchmarks, excel, gpu, jax, mlflow, spark))
.venv/.installed$(EXTRA): requirements/$(EXTRA).lock .venv/.installed
	@echo "foldin: installing the extra '$(EXTRA)'"
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $<
	@touch $@
endif

.venv/.installed: requirements.lock pyproject.toml | repository $(UV)
	@echo "foldin: installing the pinned environment into .venv (about 3 GB)"
	@test -x $(BIN)/python || $(UV) venv --quiet --python '$(if $(filter-out python3,$(PYTHON)),$(PYTHON),>=3.11,<3.14)' .venv
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@# Else git asks the filters about every notebook of a fresh clone, because its index is as old as they are.
	@git -c filter.notebook.clean=cat -c filter.dvc-lock.clean=cat update-index -q --refresh >/dev/null || true
	@git config filter.notebook.clean '$(FILTER)'; git config filter.dvc-lock.clean '$(LOCK_FILTER)'
	@touch $@

.venv/.installed-dev: requirements/dev.lock .venv/.installed
	@echo "foldin: installing the test tools"
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@
