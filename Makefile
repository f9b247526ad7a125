# Everything a person or a machine does with this repository. `make` alone lists it.

# The Python that .venv is made from: make site PYTHON=python3.12
PYTHON ?= python3
# Which tests, and how: make test PYTEST_ARGS="tests/unit -k wheel"
# (the long ones first: what is short fills what is left of the time of each process)
LONG = tests/whole/ tests/faults/ tests/independent/ tests/browser/ tests/properties/ tests/unit/understand/ tests/golden/
# (one process more than processors: some tests wait for a browser or a server)
PYTEST_ARGS ?= --durations 25 --numprocesses $(shell expr $$(nproc) + 1) --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
	$(LONG) $(filter-out $(LONG) %__pycache__/,$(wildcard tests/*/))
# make lock UPGRADE=--upgrade takes the newest versions that the ranges allow
UPGRADE ?=
UV = uv==0.13.9

BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
INSTALLED = .venv/installed
export PYTHON ANSWERABLE_CHROMIUM ANSWERABLE_NODE
# The theme's banner about its end of life: docs/decisions/ says what we do about it.
export NO_MKDOCS_2_WARNING = 1
# Who has set this would wait for each start of the program to compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help site serve test test-servers check format bench lock clean demo install install-test install-bench

help: ## what can be made
	@echo "make site     builds the demonstration site into build/site"
	@echo "make serve    shows it on this machine"
	@echo "make test     runs every test (installs what they need, Chromium included)"
	@echo "make test-servers  runs connectors against real servers (needs PostgreSQL, Redis and npm)"
	@echo "make check    ruff, mypy --strict, and which module may import which"
	@echo "make format   lets ruff rewrite what it can"
	@echo "make bench    measures speed and memory, beside other tools in the same run"
	@echo "make lock     makes requirements/*.txt anew (UPGRADE=--upgrade for newer versions)"
	@echo "make clean    removes build/ and .venv"

# ---- installing -----------------------------------------------------------------------------------------------------

$(BIN)/python:
	@tools/venv.sh

# One stamp for each lock; a larger lock holds the smaller ones with the same pins.
define INSTALL
	@echo "Installing what $< pins"
	@$(PIP) install --quiet --require-hashes -r $<
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@
endef

$(INSTALLED)-site: requirements/site.txt pyproject.toml | $(BIN)/python
	$(INSTALL)

$(INSTALLED)-test: requirements/test.txt pyproject.toml | $(BIN)/python
	$(INSTALL)
	@touch $(INSTALLED)-site

$(INSTALLED)-bench: requirements/bench.txt pyproject.toml | $(BIN)/python
	$(INSTALL)
	@touch $(INSTALLED)-site $(INSTALLED)-test

install: $(INSTALLED)-site
install-test: $(INSTALLED)-test
install-bench: $(INSTALLED)-bench

# ---- the demonstration site -----------------------------------------------------------------------------------------

# The invented city's files, which its sources read. One of its sources breaks: it is read once while it is sound, so that
# the site shows what a reader of a real one would see (the last good data, and since when).
build/demo/truth.json: $(shell find data/demo -type f -not -path '*/__pycache__/*' 2>/dev/null) | $(INSTALLED)-site
	@echo "Writing the demonstration city's records into build/demo"
	@$(BIN)/python data/demo/make.py --out build/demo
	@cp build/demo/permits_export.csv build/demo/permits_broken.csv
	@cp build/demo/earlier/permits_export.csv build/demo/permits_export.csv
	@$(BIN)/answerable gather . --source permits
	@mv build/demo/permits_broken.csv build/demo/permits_export.csv
	@touch $@

demo: build/demo/truth.json

site: $(INSTALLED)-site demo
	@$(BIN)/answerable build .
	@echo
	@echo "The site is in build/site. Look at it with: make serve"

serve: $(INSTALLED)-site
	@$(BIN)/answerable serve .

# ---- checking -------------------------------------------------------------------------------------------------------

test: $(INSTALLED)-test demo
	@ANSWERABLE_CHROMIUM="$$(tools/browser.sh)" && export ANSWERABLE_CHROMIUM && \
		$(BIN)/python -m pytest $(PYTEST_ARGS)

test-servers: $(INSTALLED)-test
	@ANSWERABLE_NODE="$$(tools/servers.sh)" && export ANSWERABLE_NODE && \
		$(BIN)/python -m pytest -m servers tests/servers

check: $(INSTALLED)-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(INSTALLED)-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)-bench
	$(BIN)/python benchmarks/run.py

# ---- upkeep ---------------------------------------------------------------------------------------------------------

# Hashes and no hosts: whoever installs uses whatever index they have set up.
COMPILE = ../build/lock/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal \
	--python-version 3.11 $(UPGRADE)

lock: | $(BIN)/python
	@$(BIN)/python -m venv build/lock
	@build/lock/bin/python -m pip --disable-pip-version-check install --quiet "$(UV)"
	cd requirements && $(COMPILE) site.in -o site.txt
	cd requirements && $(COMPILE) -c site.txt test.in -o test.txt
	cd requirements && $(COMPILE) -c test.txt bench.in -o bench.txt
	cd requirements && $(COMPILE) -c test.txt snscrape.in -o snscrape.txt

clean:
	rm -rf build dist .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
