# The environments in .cache/: which there are, what makes them anew, and how each is made. Included by the Makefile.
CACHE := $(CURDIR)/.cache
VENV := $(CACHE)/venv
BIN := $(VENV)/bin
TREE := $(CACHE)/ac
FQCN_DIR := ansible_collections/apiary/swarm
PEERS := amazon.aws community.aws community.docker community.library_inventory_filtering_v1
PEERS_FROM := ansible==12.3.0

export PATH := $(BIN):$(PATH)
export PYTHONPATH := $(TREE)
export MYPYPATH := $(subst $() ,:,$(TREE) $(addprefix $(CURDIR)/,roles/local_region/files scripts tests/support tests/benchmarks))
export MYPY_CACHE_DIR := $(CACHE)/mypy
export ANSIBLE_COLLECTIONS_PATH := $(TREE):$(CACHE)/collections
export ANSIBLE_HOME := $(CACHE)/ansible
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONPYCACHEPREFIX := $(CACHE)/pycache
# Ansible and the AWS SDK take seconds to start each time they are compiled anew.
unexport PYTHONDONTWRITEBYTECODE

hash = $(shell cat $(1) | sha256sum | cut -c1-12)
RUN_REQUIREMENTS := $(addprefix requirements/,core-oldest.txt test.txt constraints.txt)
DEV_REQUIREMENTS := $(RUN_REQUIREMENTS) requirements/tools.txt
CORE_REQUIREMENTS := $(addprefix requirements/,core-oldest.txt constraints.txt)
NEWEST_REQUIREMENTS := $(addprefix requirements/,core-newest.txt test.txt constraints.txt)
READY_CORE := $(CACHE)/stamps/core-$(call hash,$(CORE_REQUIREMENTS))
READY_RUN := $(CACHE)/stamps/run-$(call hash,$(RUN_REQUIREMENTS))
READY := $(CACHE)/stamps/dev-$(call hash,$(DEV_REQUIREMENTS))
READY_NEWEST := $(CACHE)/stamps/newest-$(call hash,$(NEWEST_REQUIREMENTS))
READY_IMPORTER := $(CACHE)/stamps/importer-$(call hash,requirements/importer.txt)
READY_BENCH := $(CACHE)/stamps/bench-$(call hash,requirements/bench.txt)
PROGRAMS := $(CACHE)/stamps/programs-$(call hash,tests/support/packages.yml roles/local_region/vars/main.yml)
READY_PEERS := $(CACHE)/stamps/peers-$(subst ==,-,$(PEERS_FROM))

pip_files = $(foreach file,$(filter-out %/constraints.txt,$(1)),-r $(file)) -c requirements/constraints.txt

# Three steps into one environment: nobody waits for what he does not need. The collections come meanwhile.
$(READY_CORE):
	@mkdir -p $(@D) $(TREE)/$(dir $(FQCN_DIR)) && ln -sfn $(CURDIR) $(TREE)/$(FQCN_DIR)
	echo "setting up Ansible in .cache/venv"
	scripts/venv $(VENV) $$(python3 scripts/find_python.py oldest) $(call pip_files,$(CORE_REQUIREMENTS))
	touch $@

$(READY_RUN): $(READY_CORE)
	@echo "setting up the SDKs in .cache/venv"
	$(MAKE) $(READY_PEERS) & peers=$$!
	scripts/venv $(VENV) $$(python3 scripts/find_python.py oldest) $(call pip_files,$(RUN_REQUIREMENTS))
	wait $$peers
	touch $@

$(READY): $(READY_RUN)
	@echo "setting up the tools in .cache/venv"
	@scripts/venv $(VENV) $$(python3 scripts/find_python.py oldest) $(call pip_files,$(DEV_REQUIREMENTS))
	@touch $@

$(PROGRAMS): $(READY)
	@mkdir -p $(@D)
	@echo "installing the Debian packages that tests run"
	@$(PLAYBOOK) tests/support/packages.yml >$(CACHE)/programs.log 2>&1 || { cat $(CACHE)/programs.log >&2; exit 1; }
	@touch $@

$(READY_NEWEST):
	@mkdir -p $(@D)
	@scripts/venv $(CACHE)/venv-newest $$(python3 scripts/find_python.py newest) $(call pip_files,$(NEWEST_REQUIREMENTS))
	@touch $@

$(READY_IMPORTER):
	@mkdir -p $(@D)
	@scripts/venv $(CACHE)/venv-importer $$(python3 scripts/find_python.py oldest) -r requirements/importer.txt
	@touch $@

$(READY_BENCH): $(READY_RUN)
	@mkdir -p $(@D)
	@$(VENV)/bin/pip install --quiet --no-deps --upgrade --target $(CACHE)/bench/peers -r requirements/bench.txt
	@touch $@

# Galaxy is not asked: the same released collections are in the wheel of PyPI's "ansible".
$(READY_PEERS): $(READY_CORE)
	@mkdir -p $(CACHE)/dl
	@$(BIN)/pip download --quiet --no-deps --dest $(CACHE)/dl $(PEERS_FROM)
	@python3 scripts/unpack_collections.py $(CACHE)/dl/$(subst ==,-,$(PEERS_FROM))-*.whl $(CACHE)/collections $(PEERS)
	@touch $@
