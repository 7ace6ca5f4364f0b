PYTHON ?= python3
BIN := .venv/bin
PEERS := build/peers
PACKAGES := landfall worker api cli sandbox migrations client/src/landfall_client tools tests
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test faults chaos check format openapi screenshots vendor bench bench-peers bench-lock lock audit clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

venv: .venv/installed ## Make the environment in .venv from the hashed lock file

demo: venv ## Land twelve exports of both vendors from the sandbox, to watch
	@$(BIN)/landfall demo

test: venv ## Run the tests that are marked neither slow nor faults (4 minutes or so)
	@$(BIN)/python -m pytest -rs -m "not slow and not faults" -n 2 --dist loadfile $(ARGS)

faults: venv ## Kill, stop, cut and fill up what can be, and print what each cost (25 minutes or so)
	@$(BIN)/python -m pytest tests/faults tests -rs -m "faults or slow" -n 2 --dist loadfile $(ARGS)

chaos: venv ## Land 500 exports in five minutes in which everything around them dies (ARGS="--seed N" repeats a run)
	@$(BIN)/python -m tests.faults.chaos $(ARGS)

check: venv ## Check lint, format, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/lint-imports --no-logo

format: venv ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

openapi: venv ## Write the API's description anew into docs/openapi.json
	@$(BIN)/python -m api.write_openapi docs/openapi.json

screenshots: venv ## Take the pictures of the pages anew into docs/pictures (needs Chromium)
	@$(BIN)/python -m tests.browser.screenshots

vendor: venv ## Fetch the browser parts of others anew, as their lists have them (needs npm and the network)
	@$(BIN)/python -m tools.vendor

bench: venv ## Measure Landfall on the sandbox; after `make bench-peers` others as well (ARGS="--quick", ARGS=--list)
	@$(BIN)/python -m benchmarks $(ARGS)

# What Landfall is compared with stays out of .venv: it is large and pins other versions.
bench-peers: $(PEERS)/installed

bench-lock: venv
	$(COMPILE) $(or $(ARGS),--upgrade) benchmarks/requirements.in --output-file benchmarks/requirements.txt

lock: venv ## Pin the newest versions allowed into requirements/ (ARGS="-P NAME" for one package)
	$(COMPILE) $(or $(ARGS),--upgrade) pyproject.toml --output-file requirements/run.txt
	$(COMPILE) $(or $(ARGS),--upgrade) pyproject.toml requirements/dev.in --constraint requirements/run.txt \
		--output-file requirements/dev.txt

audit: venv ## Ask for known weaknesses of the run-time parts (needs the network)
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements/run.txt

clean: ## Remove the environment, caches and builds; your exports in .landfall stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip's own words go to a log, for it names where it looked; on failure they are shown with addresses left out.
WITHOUT_ADDRESSES := sed -E -e "s|[a-z]+://[^ ,)]+|<address>|g" -e "s|host='[^']*'|host=<address>|g"

.venv/locked: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Landfall needs Python 3.11 or later: name one, as in make PYTHON=python3.12 venv." >&2; exit 1; }
	@echo "Making .venv from requirements/dev.txt (half a minute or so) ..."
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --require-hashes --requirement requirements/dev.txt >.venv/install.log 2>&1 || { \
		$(WITHOUT_ADDRESSES) .venv/install.log | tail -n 20 >&2; exit 1; }
	@touch $@

.venv/installed: .venv/locked pyproject.toml
	@$(BIN)/python -m pip install --no-deps --no-build-isolation --editable . >.venv/install.log 2>&1 || { \
		$(WITHOUT_ADDRESSES) .venv/install.log | tail -n 20 >&2; exit 1; }
	@touch $@

$(PEERS)/installed: benchmarks/requirements.txt
	@echo "Making $(PEERS) from benchmarks/requirements.txt (470 MB, a minute or so) ..."
	@rm -rf $(PEERS)
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --require-hashes --requirement benchmarks/requirements.txt >$(PEERS)/install.log 2>&1 || { \
		$(WITHOUT_ADDRESSES) $(PEERS)/install.log | tail -n 20 >&2; exit 1; }
	@touch $@
