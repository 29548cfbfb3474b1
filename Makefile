# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

# Commands for development. `make` without a target lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIBRARY ?=
SECONDS ?= 300

# A test run starts hundreds of processes; without bytecode files, which images
# of containers often turn off, each of them compiles the whole package.
unexport PYTHONDONTWRITEBYTECODE

# Thousands of tests write a small database each, which a disk would sync: they
# are in memory where there is a gigabyte of it for files.
FAST_TEMP = $(shell avail=$$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1); \
    [ "$${avail:-0}" -gt 1000000 ] && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

.DEFAULT_GOAL := help
.PHONY: help run test test-fast check bench bench-guard fuzz lock release demo translations clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' \
	    $(MAKEFILE_LIST)

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

run: $(VENV)/installed ## serve the demo library, or with LIBRARY=folder another
	@$(BIN)/python -m msrv serve $(if $(LIBRARY),--library "$(LIBRARY)")

test: $(VENV)/installed-dev ## run all tests; ARGS="-k name" selects some
	$(BIN)/python -m pytest $(ARGS)

test-fast: $(VENV)/installed-dev ## run the tests that need only this process
	TMPDIR=$(FAST_TEMP) $(BIN)/python -m pytest -n 2 -m "not slow" \
	    -o tmp_path_retention_count=1 -o tmp_path_retention_policy=failed \
	    $(ARGS)

check: $(VENV)/installed-dev ## lint, check types, layers, licences and the containers' files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/reuse lint --lines
	$(BIN)/check-jsonschema --quiet \
	    --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet \
	    --builtin-schema vendor.github-issue-config \
	    .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --quiet \
	    --builtin-schema vendor.github-issue-forms \
	    $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/check-jsonschema --quiet \
	    --builtin-schema vendor.renovate renovate.json
	BIN=$(BIN) deploy/lint.sh

# The servers to compare with have their own environment; the benchmark skips
# those that are not installed.
$(VENV)-bench/installed: bench/requirements.txt
	$(PYTHON) -m venv $(VENV)-bench
	-$(VENV)-bench/bin/pip install --quiet --require-hashes \
	    -r bench/requirements.txt && touch $@

bench: $(VENV)/installed-dev $(VENV)-bench/installed ## measure performance, compared with other servers
	$(BIN)/python -m bench

$(VENV)/installed-fuzz: fuzz/requirements.txt $(VENV)/installed-dev
	$(BIN)/pip install --quiet --require-hashes -r fuzz/requirements.txt
	@touch $@

bench-guard: $(VENV)/installed-dev ## compare pages and downloads with stock aiohttp, and fail where they are twice as dear
	$(BIN)/python -m bench.guard

fuzz: $(VENV)/installed-fuzz ## fuzz the parsers; SECONDS=10 for a short run of each
	$(BIN)/python -m fuzz --seconds $(SECONDS) $(ARGS)

$(VENV)-release/installed: scripts/requirements.txt
	$(PYTHON) -m venv $(VENV)-release
	$(VENV)-release/bin/pip install --quiet --require-hashes \
	    -r scripts/requirements.txt
	@touch $@

release: $(VENV)-release/installed ## build a release of the last commit in dist/; ARGS="--no-image"
	$(VENV)-release/bin/python scripts/make_release.py $(ARGS)

demo: $(VENV)/installed-dev ## regenerate the demo library (needs ffmpeg)
	$(BIN)/python scripts/make_demo.py

translations: $(VENV)/installed-dev ## extract, update and compile the translated texts
	$(BIN)/python -m scripts.update_translations
	$(BIN)/python -m scripts.edge_texts

EXTRAS := acme backup deployer mysql objects otel passkeys pdf postgresql stripe

lock: $(VENV)/installed-dev ## write the requirements.txt files from pyproject.toml
	$(BIN)/pip-compile $(EXTRAS:%=--extra %) \
	    --output-file requirements.txt pyproject.toml
	$(BIN)/pip-compile $(EXTRAS:%=--extra %) --extra dev --constraint requirements.txt \
	    --output-file requirements-dev.txt pyproject.toml
	$(BIN)/pip-compile --allow-unsafe --generate-hashes --quiet \
	    --strip-extras --no-emit-options --no-emit-index-url \
	    --no-emit-find-links --no-emit-trusted-host \
	    --output-file bench/requirements.txt bench/requirements.in
	$(BIN)/pip-compile --generate-hashes --quiet \
	    --strip-extras --no-emit-options --no-emit-index-url \
	    --no-emit-find-links --no-emit-trusted-host \
	    --output-file fuzz/requirements.txt fuzz/requirements.in
	$(BIN)/pip-compile --generate-hashes --quiet \
	    --strip-extras --no-emit-options --no-emit-index-url \
	    --no-emit-find-links --no-emit-trusted-host \
	    --output-file deploy/notices/requirements.txt \
	    deploy/notices/requirements.in
	$(BIN)/pip-compile --allow-unsafe --generate-hashes --quiet \
	    --strip-extras --no-emit-options --no-emit-index-url \
	    --no-emit-find-links --no-emit-trusted-host \
	    --output-file scripts/requirements.txt scripts/requirements.in

clean: ## remove the environments and caches
	rm -rf $(VENV) $(VENV)-bench $(VENV)-release .mypy_cache .ruff_cache .pytest_cache \
	    .fuzz .hypothesis .import_linter_cache
