# Every target sets up what it needs itself: Python 3.11–3.13 and make are enough.
# The first of these that is one and can make environments; another may be named: make demo PYTHON=/path/to/python
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	$$name -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$name && break; done)
NO_PYTHON := No Python 3.11, 3.12 or 3.13 that can make environments was found. Install one (Debian, Ubuntu: apt install \
	python3 python3-venv; macOS: brew install python@3.13), or name it: make demo PYTHON=/path/to/python
VENV := .venv
BIN := $(VENV)/bin
# Installed: what runs it, and that with what checks it.
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
# Tests wait for sockets and servers more than they compute, so a few more at once than there are cores.
JOBS ?= 3
PYTEST := $(BIN)/pytest -n $(JOBS) --dist worksteal

# The tests that `make coverage` runs.
COVERING := tests/rebalancing tests/activities tests/seals tests/workflows tests/starter/alerts

.PHONY: demo test test-slow test-faults nightly test-image test-browser test-prometheus test-successor coverage mutants audit release \
	lint restores chaos bench bench-planner bench-desk soak pictures newcomer docs drawings lock histories command-order \
	reference clean

demo: $(RUNS)
	$(BIN)/rebalancer demo $(ARGS)

test: $(READY)
	$(PYTEST) $(ARGS)

test-faults: $(READY)
	$(PYTEST) -m faults $(ARGS)

# Every line of the rebalancer command in the documents, and random requests to the HTTP API.
test-slow: $(READY)
	$(PYTEST) -m slow $(ARGS)

# All that is checked, what needs Docker, Chromium, Prometheus or a database of vulnerabilities too. Hours. Goes on where
# something fails, and says at the end what did.
NIGHTLY := lint test test-slow test-faults chaos coverage mutants restores test-browser test-prometheus test-successor docs \
	newcomer soak audit test-image
nightly: $(READY)
	failed=; for target in $(NIGHTLY); do $(MAKE) $$target || failed="$$failed $$target"; done; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }

# The database copied at each event of a rebalance, and each copy put back on the same day and the next: ten minutes or more.
restores: $(READY)
	RESTORES=all $(BIN)/pytest -m faults -n 2 -s -rP tests/faults/test_restored_at_every_event.py $(ARGS)

# Needs a Docker engine (at DOCKER_HOST or in its usual place) and Docker Compose. More for the build, for instance where
# its containers cannot reach a network: make test-image BUILD="--network host"
test-image: $(READY)
	docker build $(BUILD) --tag rebalancer:local .
	docker build $(BUILD) --target all-in-one --tag rebalancer:all-in-one .
	$(BIN)/pytest -m image $(ARGS)

# Needs Chromium (Debian, Ubuntu: apt install chromium npm), and npm for axe-core.
test-browser: $(READY)
	$(BIN)/pytest -m browser $(ARGS)

# Needs Prometheus (Debian, Ubuntu: apt install prometheus).
test-prometheus: $(READY)
	$(BIN)/pytest -m prometheus $(ARGS)

# The gateway's tests, and a rebalance of six accounts, with ib_async in the place of ib_insync.
SUCCESSOR := $(CURDIR)/$(VENV)/successor
test-successor: $(READY)
	$(BIN)/pip install --quiet --no-deps --require-hashes --upgrade --target $(SUCCESSOR) -r requirements-successor.txt
	PYTHONPATH=$(CURDIR)/tests/successor:$(SUCCESSOR) $(PYTEST) -p tests.successor.differences \
		tests/simulator/gateway tests/activities --deselect tests/activities/test_intent_properties.py $(ARGS)
	PYTHONPATH=$(CURDIR)/tests/successor:$(SUCCESSOR) $(BIN)/rebalancer demo --exit

# Fails where the tests that are about a folder reach less than 95 % of its lines and branches.
coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(JOBS) --dist worksteal $(COVERING) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --include="rebalancing/*" --fail-under=95
	$(BIN)/coverage report --include="workflows/*" --fail-under=95
	$(BIN)/coverage report --include="activities/*" --fail-under=95

# docs/mutants.md. For instance one part: make mutants ARGS="rebalancing.triggers*"
mutants: $(READY)
	rm -rf mutants
	$(BIN)/python tests/mutants/run.py $(ARGS)

# What is known to be wrong with what runs, and what it is made of (CycloneDX). Fails where the database of vulnerabilities
# cannot be reached, for then nothing is known.
AUDIT := $(VENV)/audit
$(AUDIT)/.ready: requirements-audit.txt $(READY)
	$(BIN)/python -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet --require-hashes -r requirements-audit.txt
	touch $@

audit: $(AUDIT)/.ready
	mkdir -p build
	$(AUDIT)/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file build/sbom.json
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.txt

# Wheel, SBOM, documents and image from a tag, in build/release. For instance: make release TAG=v0.2.0
release: $(READY) $(AUDIT)/.ready
	BUILD="$(BUILD)" deploy/release.sh $(TAG)

# Needs Chromium. Writes docs/pictures: every state that an operator meets, as dashboard, Temporal UI and terminal show it,
# one rebalance, and the demo. Only one of them: make pictures ARGS=evening, ARGS=one-rebalance or ARGS=demo
pictures: $(READY)
	$(BIN)/python -m tests.operating.make_pictures $(ARGS)

# The documents as a site with a search, in build/site.
docs: $(READY)
	$(BIN)/python -m tests.documentation.site

# Needs Graphviz (Debian, Ubuntu: apt install graphviz).
drawings:
	for name in docs/drawings/*.dot; do dot -Tsvg "$$name" -o "docs/pictures/$$(basename "$$name" .dot).svg" || exit 1; done

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/temporalint workflows activities contract worker starter

# Random input first (FUZZ=no: not), then N random faults drawn from SEED against the real processes.
chaos: $(READY)
	$(if $(filter no,$(FUZZ)),,$(BIN)/pytest -m fuzz --hypothesis-profile=chaos)
	$(BIN)/python -m chaos --faults $(or $(N),50) --seed $(or $(SEED),7)

# For instance: make bench ARGS="--accounts 6,50 --json result.json"
bench: $(READY)
	$(BIN)/python -m bench.accounts $(ARGS)

# Six accounts live, again and again: about a quarter of an hour. For instance: make soak ARGS="--rounds 20"
soak: $(READY)
	$(BIN)/python -m bench.soak $(ARGS)

# The full run writes its tables into docs/planner.md; with another N they are only printed.
bench-planner: $(READY)
	$(BIN)/python -m bench.planner --seed $(or $(SEED),7) $(if $(N),--portfolios $(N),--document) $(ARGS)

# What README has a new user type, in a clone and an empty home of its own: how long the machine takes for each line.
newcomer: $(READY)
	$(BIN)/python -m tests.documentation.newcomer

# status and history on 500 accounts with 20 runs each. For instance: make bench-desk ARGS="--accounts 50"
bench-desk: $(READY)
	$(BIN)/python -m bench.desk $(ARGS)

# Before each release: the histories that later ones must replay, in a folder of its number.
histories: $(READY)
	$(BIN)/python -m tests.workflows.record_histories

# The commands of the workflow code, function by function; read what the failing test says before it is renewed.
command-order: $(READY)
	$(BIN)/python -m tests.workflows.command_order

# All that is written from the code: the pages of docs/reference, the example, schemas, metrics.
reference: $(READY)
	$(BIN)/python -m tests.configuration.write_reference

# What runs (requirements.txt), that with the embedded server and the stand-ins, that with what checks, and what builds.
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --quiet
lock: $(READY)
	$(BIN)/pip install --quiet uv
	$(COMPILE) pyproject.toml --output-file requirements.txt
	$(COMPILE) pyproject.toml --extra local --constraint requirements.txt --output-file requirements-local.txt
	$(COMPILE) pyproject.toml --extra local --extra dev --constraint requirements-local.txt --output-file requirements-dev.txt
	echo "setuptools>=75" | $(COMPILE) --constraint requirements-dev.txt - --output-file requirements-build.txt
	echo "ib_async aeventkit nest-asyncio" | tr ' ' '\n' | $(COMPILE) --no-deps - --output-file requirements-successor.txt
	echo "pip-audit cyclonedx-bom" | tr ' ' '\n' | $(COMPILE) - --output-file requirements-audit.txt

INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
$(RUNS): requirements-local.txt requirements-build.txt pyproject.toml
	$(or $(PYTHON),$(error $(NO_PYTHON))) -m venv $(VENV)
	@echo "Installing what it runs on into $(VENV), once: about a minute without a further word."
	$(INSTALL) --require-hashes -r requirements-local.txt -r requirements-build.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(READY): requirements-dev.txt $(RUNS)
	@echo "Installing what checks it as well, once: about two minutes without a further word."
	$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV)
