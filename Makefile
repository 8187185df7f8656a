# Developer's entry points. Everything that they make lives in .cache/; "make down" and "rm -rf .cache" leave nothing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

include scripts/environment.mk

PYTHON_SOURCES := plugins roles/local_region/files/region scripts tests
NAME ?= local
PLAYBOOK := $(BIN)/ansible-playbook
SANDBOX := $(PLAYBOOK) apiary.swarm.sandbox -e sandbox_name=$(NAME) -e sandbox_home=$(CACHE)/region \
	-e sandbox_cache=$(CACHE)/region-cache -e sandbox_python=$(BIN)/python

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# --- the local region -------------------------------------------------------------------------------------------------
.PHONY: demo up down status shell
demo: first ## the whole road on this machine: region, image, cluster, deploys, requests, logs
	@PYTHONPATH=$(TREE):scripts python -m demo

up: first ## start the local region
	@$(SANDBOX) -e sandbox_state=present

down: $(READY_RUN) ## stop the local region and remove everything of it
	@$(SANDBOX) -e sandbox_state=absent

status: $(READY_RUN) ## what runs in the local region
	@$(SANDBOX) -e sandbox_state=status

# The first time, the nodes' base images are made while the SDKs come.
.PHONY: first base-images
first:
	@$(MAKE) -j2 $(READY_RUN) $(if $(wildcard $(READY_RUN)),,base-images)

base-images: $(READY_CORE)
	@echo "making the nodes' base images"
	$(SANDBOX) -e sandbox_state=images >$(CACHE)/images.log 2>&1 || { cat $(CACHE)/images.log >&2; exit 1; }

shell: ## a shell inside the local region
	@run=$(CACHE)/region/$(NAME)/run
	[ -x $$run ] || { echo "The local region is not up: make up"; exit 0; }
	# How the last command in it ended is nobody's error here.
	$$run $(SHELL) || true

# --- tests ------------------------------------------------------------------------------------------------------------
PYTEST := $(BIN)/python -m pytest --durations=15 --durations-min=1

.PHONY: test test-judges test-unit test-integration test-engines test-agent test-faults test-load test-newest test-molecule test-e2e test-sanity bench
# Not in it, for their hour: deploys while engines break, random lives by the thousand, and every answer that may be lost, in
# the oldest and newest Python.
FAULTS := tests/integration/engine/test_faults.py
# Hours; LOST_ANSWERS=1/8 for an eighth of it.
LOST_ANSWERS ?= all
LOST := -m pytest -s tests/integration/engine/test_lost_answers.py
# Tests that wait more than they work, each process with its own engines, and judges, who never wait. The long ones first.
WAITING := $(addprefix tests/,judges $(addprefix integration/,agent engine aws compose_parity)) --ignore $(FAULTS)
# Two regions at a time: one is started and stopped again and again, in the other the demo has run.
REGIONS := tests/integration/region tests/e2e
test: setup-all ## cheap things first; ends with pytest's summary line
	@trap 'status=$$?; $(SANDBOX) -e sandbox_state=absent >$(CACHE)/down.log 2>&1 || { cat $(CACHE)/down.log >&2; exit 1; }; exit $$status' EXIT
	$(PYTEST) -n 2 tests/unit
	$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder $(WAITING)
	$(PYTEST) tests/newest tests/molecule
	$(PYTEST) -n 2 --dist loadgroup $(REGIONS)

test-judges: $(READY) $(READY_IMPORTER) ## linters, types, sanity, Galaxy's importer, templates, policies
	@$(PYTEST) tests/judges

test-unit: $(READY) $(PROGRAMS) ## unit tests, no engine and no network
	@$(PYTEST) -n 2 tests/unit

test-integration: $(READY) $(PROGRAMS) ## each module against a real engine and the region
	@$(PYTEST) tests/integration

# Debian releases; joined by commas, nodes of a swarm take them in turn.
ENGINES ?= trixie
test-engines: $(READY) $(PROGRAMS) ## each module on Debian 13's engine; ENGINES="trixie host,trixie forky" for others
	@for engine in $(ENGINES); do
		LAB_ENGINE=$$engine $(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder tests/integration/engine --ignore $(FAULTS)
	done

test-agent: $(READY) $(PROGRAMS) ## agents on real engines: formation, take-over, loss of the leader, leaving
	@$(PYTEST) tests/integration/agent

test-faults: $(READY) $(READY_NEWEST) $(PROGRAMS) ## deploys while engines, networks, clocks, disks and registries break, or an answer is lost
	@$(PYTEST) $(FAULTS)
	@TRUTH_CASES=10000 $(PYTEST) tests/unit/module_utils/_swarm/plan/test_random_truth.py
	@TRUTH_CASES=40 $(PYTEST) tests/integration/engine/test_random_truth.py
	@LEAKS=all $(PYTEST) $(wildcard tests/integration/*/test_no_secret_leaks*.py)
	@LOST_ANSWERS=$(LOST_ANSWERS) $(BIN)/python $(LOST)
	@LOST_ANSWERS=$(LOST_ANSWERS) PATH=$(CACHE)/venv-newest/bin:$$PATH $(CACHE)/venv-newest/bin/python $(LOST)

test-load: $(READY) $(PROGRAMS) ## ten updates under 200 requests a second; prints median and p99, quiet and meanwhile
	@EDGE_LOAD_RATE=200 EDGE_LOAD_UPDATES=10 EDGE_LOAD_BESIDE=1 $(PYTEST) -s tests/integration/engine/test_edge_load.py

test-newest: $(READY) $(READY_NEWEST) $(PROGRAMS) ## unit and integration tests on the newest ansible-core that a Python here runs
	@$(PYTEST) tests/newest

test-molecule: $(READY) $(PROGRAMS) ## each role on a fresh node; ROLE=name for one
	@$(PYTEST) tests/molecule $(if $(ROLE),-k $(ROLE))

test-e2e: $(READY) $(PROGRAMS) ## bake, cluster, deploy, break things
	@$(PYTEST) tests/e2e

test-sanity: check-sanity

bench: $(READY) $(READY_BENCH) $(PROGRAMS) ## measure against the peers, in turns in one run; writes docs/benchmarks.md
	@$(BIN)/python tests/benchmarks/run_engine.py
	$(BIN)/python tests/benchmarks/run_aws.py

# --- quick checks, two at a time, each line with its check's name -----------------------------------------------------
CHECKS := lint unit unit-region docs changelog reference types yaml arguments format ruff
# Slow ones, and what they look at: within a minute there is only time for those that a change concerns.
LOOKS_lint := .ansible-lint galaxy.yml meta molecule playbooks requirements roles tests/support/packages.yml
LOOKS_unit-region := requirements roles/local_region/files scripts/demo tests/unit/region tests/unit/conftest.py
LOOKS_docs := docs galaxy.yml meta plugins requirements
LOOKS_changelog := changelogs galaxy.yml requirements

.PHONY: check lint $(addprefix check-,$(CHECKS) sanity sanity-newest importer templates policies)
check: $(READY) ## what must pass before a commit, within a minute
	@$(MAKE) -j2 -k $(addprefix named-,$(CHECKS))

named-%:
	@scripts/unless_passed $(CACHE)/stamps/passed/$* $(LOOKS_$*) -- $(MAKE) check-$* 2>&1 | sed -u 's/^/$*: /'

lint: check-format check-ruff check-types check-lint check-yaml ## format, ruff, mypy, ansible-lint, yamllint

check-format: $(READY)
	@ruff format --check --output-format concise $(PYTHON_SOURCES)

check-ruff: $(READY)
	@ruff check --quiet --output-format concise $(PYTHON_SOURCES)

check-types: $(READY)
	@mypy -p ansible_collections.apiary.swarm.plugins -p region -p demo
	@mypy scripts/*.py tests

check-lint: $(READY)
	@ansible-lint

check-yaml: $(READY)
	@yamllint --strict .

check-arguments: $(READY)
	@python scripts/argument_specs.py

check-docs: $(READY)
	@antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .

check-reference: $(READY)
	@python scripts/reference.py --check

check-changelog: $(READY)
	@antsibull-changelog lint

check-unit: $(READY) $(PROGRAMS)
	@python -m pytest -q -n 2 tests/unit --ignore tests/unit/region

check-unit-region: $(READY) $(PROGRAMS)
	@python -m pytest -q tests/unit/region

# --- slower judges ----------------------------------------------------------------------------------------------------
TEMPLATES := $(wildcard roles/*/files/*.template)

check-sanity: $(READY)
	@scripts/sanity $(CACHE)/sanity

check-sanity-newest: $(READY_NEWEST)
	@PATH=$(CACHE)/venv-newest/bin:$$PATH scripts/sanity $(CACHE)/sanity-newest

check-importer: $(READY_IMPORTER) build
	@scripts/importer $(CACHE)/venv-importer $(CACHE)/importer $(ARCHIVE)

check-templates: $(READY)
	@cfn-lint $(TEMPLATES)

check-policies: $(READY)
	@python scripts/policies.py $(TEMPLATES) $(wildcard docs/iam/*.json)

# --- documentation and archive ----------------------------------------------------------------------------------------
ARCHIVE := $(CACHE)/build/apiary-swarm-$(shell sed -n 's/^version: //p' galaxy.yml).tar.gz

.PHONY: docs drawings build constraints setup setup-all
docs: $(READY) ## write the generated reference and the roles' variable tables
	@python scripts/reference.py

drawings: ## draw docs/*.svg from docs/*.dot; needs Graphviz
	@scripts/drawings

build: $(READY) ## the archive that goes to Galaxy, in .cache/build
	@ansible-galaxy collection build --force --output-path $(CACHE)/build . >/dev/null
	@echo $(ARCHIVE)

constraints: $(READY) ## write requirements/constraints.txt from the environment as it is now
	@pip freeze --all | grep -viE '^(ansible-core|pip)==' | LC_ALL=C sort -f > requirements/constraints.txt

# --- environment ------------------------------------------------------------------------------------------------------
setup: $(READY) ## only prepare .cache/

# Downloads wait, so side by side.
setup-all:
	@$(MAKE) -j3 $(READY) $(READY_NEWEST) $(READY_IMPORTER) $(PROGRAMS)
