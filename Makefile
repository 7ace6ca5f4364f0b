PYTHON ?= python3
BIN := .venv/bin
PEERS := build/peers
SCRIPTS := .ci/run deploy/compose/pinned deploy/compose/postgres-init.sh deploy/compose/setup deploy/compose/with-secrets deploy/systemd/landfall-run
PACKAGES := landfall worker api cli sandbox migrations client/src/landfall_client tools tests
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help venv demo test faults chaos check docs hooks format openapi references screenshots vendor bench bench-peers bench-lock lock \
	sbom audit dist clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

venv: .venv/dev .venv/landfall ## Make the environment in .venv from the hashed lock files

demo: .venv/landfall ## Land twelve exports of both vendors from the sandbox, to watch (installs what running needs, no more)
	@$(BIN)/landfall demo

test: venv ## Run the tests that are marked neither slow nor faults (4 minutes or so)
	@$(BIN)/python -m pytest -rs -m "not slow and not faults" -n 2 --dist loadfile $(ARGS)

faults: venv ## Kill, stop, cut and fill up what can be, and print what each cost (25 minutes or so)
	@$(BIN)/python -m pytest tests/faults tests -rs -m "faults or slow" -n 2 --dist loadfile $(ARGS)

chaos: venv ## Land 500 exports in five minutes in which everything around them dies (ARGS="--seed N" repeats a run)
	@$(BIN)/python -m tests.faults.chaos $(ARGS)

check: venv sbom ## Check lint, format, types, import contracts, scripts, and what is known of the parts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/lint-imports --no-logo
	@if command -v shellcheck >/dev/null; then echo "shellcheck $(SCRIPTS)"; shellcheck $(SCRIPTS); \
		else echo "There is no shellcheck here: bash alone looks at the scripts."; \
		for script in $(SCRIPTS); do bash -n $$script || exit 1; done; fi
	@$(BIN)/python -m tools.audit --offline-too requirements/run.txt

docs: venv ## Build the documentation into build/site
	$(BIN)/zensical build --strict --clean

hooks: venv ## Have git run the quick ones of these checks before each commit
	$(BIN)/pre-commit install

format: venv ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

openapi: venv ## Write the API's description anew into docs/openapi.json
	@$(BIN)/python -m api.write_openapi docs/openapi.json

references: openapi ## Write all generated pages anew: API, commands, settings, errors, the picture of the layers
	@$(BIN)/python -m tools.http_reference
	@$(BIN)/python -m tools.cli_reference
	@$(BIN)/python -m tools.settings_reference
	@$(BIN)/python -m tools.errors_reference
	@$(BIN)/python -m tools.architecture

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
	$(COMPILE) $(or $(ARGS),--upgrade) requirements/build.in --constraint requirements/run.txt --output-file requirements/build.txt
	$(COMPILE) $(or $(ARGS),--upgrade) pyproject.toml requirements/dev.in --constraint requirements/run.txt \
		--constraint requirements/build.txt --output-file requirements/dev.txt

# Of the lock alone and without a date, so that the same release gives the same list.
sbom: venv ## List the run-time parts with versions and hashes in build/sbom.json (CycloneDX)
	@mkdir -p build
	@sed "s/^dynamic = .*/version = \"$$($(BIN)/python -c 'import landfall; print(landfall.__version__)')\"/" pyproject.toml >build/sbom.toml
	@$(BIN)/python -W ignore -m cyclonedx_py requirements --output-reproducible --pyproject build/sbom.toml \
		--output-file build/sbom.json requirements/run.txt
	@rm build/sbom.toml
	@echo "build/sbom.json lists the run-time parts."

audit: venv ## Ask for known weaknesses of the run-time parts (needs the network)
	@$(BIN)/python -m tools.audit requirements/run.txt

dist: venv sbom ## Build the server's and the client's wheels and sdists into dist/
	@rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m build --no-isolation --outdir dist client
	@cp build/sbom.json dist/landfall.cdx.json

clean: ## Remove the environment, caches and builds; your exports in .landfall stay
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip's own words go to a log, for it names where it looked; on failure they are shown with addresses left out.
WITHOUT_ADDRESSES := sed -E -e "s|[a-z]+://[^ ,)]+|<address>|g" -e "s|host='[^']*'|host=<address>|g"
define install
@$(BIN)/python -m pip install $(if $(findstring .txt,$(1)),--require-hashes) $(1) >.venv/install.log 2>&1 || { \
	$(WITHOUT_ADDRESSES) .venv/install.log | tail -n 20 >&2; exit 1; }
@touch $@
endef

# What a lock no longer names would stay: when one changes, the environment is made anew.
.venv/run: requirements/run.txt requirements/build.txt $(if $(wildcard .venv/dev),requirements/dev.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Landfall needs Python 3.11 or later: name one, as in make PYTHON=python3.12 venv." >&2; exit 1; }
	@echo "Making .venv from requirements/run.txt (half a minute or so) ..."
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	$(call install,--requirement requirements/run.txt --requirement requirements/build.txt)

.venv/dev: .venv/run requirements/dev.txt
	@echo "Adding requirements/dev.txt (a minute or so) ..."
	$(call install,--requirement requirements/dev.txt)
	@touch .venv/run $@

.venv/landfall: .venv/run pyproject.toml
	$(call install,--no-deps --no-build-isolation --editable .)

$(PEERS)/installed: benchmarks/requirements.txt
	@echo "Making $(PEERS) from benchmarks/requirements.txt (470 MB, a minute or so) ..."
	@rm -rf $(PEERS)
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --require-hashes --requirement benchmarks/requirements.txt >$(PEERS)/install.log 2>&1 || { \
		$(WITHOUT_ADDRESSES) $(PEERS)/install.log | tail -n 20 >&2; exit 1; }
	@touch $@
