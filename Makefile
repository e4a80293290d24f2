# One word per task. Everything is made by this file: it needs python3 (3.11 to 3.13), make and git.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do $$p -c 'import sys; sys.exit(not (3,11)<=sys.version_info[:2]<=(3,13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv
PACKAGES := $(wildcard libs/* services/*)
READY := $(VENV)/.ready
DISTRIBUTIONS = $(shell sed -n 's/^name = "\(.*\)"/\1/p' $(addsuffix /pyproject.toml,$(PACKAGES)))
AREA ?=

.PHONY: help setup demo test check gen lock bench soak clean

help: ## say what each word does
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## make the environment in .venv (the other words do this on their own)

$(READY): requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES))
	@test -n "$(PYTHON)" || { echo "cxmesh needs Python 3.11, 3.12 or 3.13 on the PATH; none was found."; exit 1; }
	@echo "==> Setting up $(VENV) with $$($(PYTHON) --version) (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[0-9.]*' requirements.lock)"
	@$(UV) pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $@

demo: $(READY) ## run the three stories on embedded PostgreSQL and Redis (SUBSCRIBERS=n, ALL=1, KEEP=1)
	@$(BIN)/cxmesh demo $(if $(ALL),--all,$(if $(SUBSCRIBERS),--subscribers $(SUBSCRIBERS))) $(if $(KEEP),--keep)

test: $(READY) ## run every test, on real processes, PostgreSQL and Redis
	@echo "==> Tests: libraries, then services, then the whole mesh (real PostgreSQL, Redis and processes; under 10 minutes)"
	@$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

check: $(READY) ## lint, types, layering, protos, generated code
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tools.check

gen: $(READY) ## generate Python from the protos
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tools.gen && $(BIN)/python -m tools.docs

COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
  $(addprefix --no-emit-package ,$(DISTRIBUTIONS))

lock: ## resolve every dependency anew: requirements.lock for work here, requirements-run.lock for the image
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	@$(COMPILE) --group dev --all-extras pyproject.toml tools/uv.in -o requirements.lock $(ARGS)
	@$(COMPILE) --constraints requirements.lock services/*/pyproject.toml -o requirements-run.lock

bench: $(READY) ## run the benchmarks (AREA=mesh|demo|usage|... for one) and merge figures into build/bench.json
	@$(BIN)/python -m tests.bench $(AREA)

soak: $(READY) ## run the kill and rolling-restart tests 20 times
	@for i in $$(seq 1 $${TIMES:-20}); do echo "==> round $$i"; $(BIN)/pytest -q -m kill --durations=0 || exit 1; done

clean: ## remove what was built here (not the instances under .cxmesh)
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
