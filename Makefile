# Gateproof. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
SSLYZE := .venv-sslyze
PEERS := .venv-peers
FOREIGN := .venv-foreign
BIN := $(VENV)/bin
# Processes that run tests: one more than CI has cores, since many tests wait for sockets.
WORKERS ?= 3
# Installed as told by the lock and nothing else: hashes are required, wheels are never resolved anew.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --no-deps
UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.PHONY: help audit test lint lock bench bench-peers foreign exam faults docs clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

audit: $(VENV)/.run $(SSLYZE)/.done ## start the reference gateway, audit it, write the report
	@$(BIN)/gateproof demo

test: $(VENV)/.dev $(VENV)/.packages $(SSLYZE)/.done lint ## everything that CI runs: lint, types, contracts, tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

lint: $(VENV)/.dev ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

exam: $(VENV)/.dev $(SSLYZE)/.done ## every twin on both hosts, full campaign; writes conformance/kill_matrix.json
	@$(BIN)/python -m tests.twins.exam

N ?= 20
SEED ?= 1
faults: $(VENV)/.dev $(SSLYZE)/.done ## N=20 disturbed audits: no pass that the undisturbed run does not have
	@$(BIN)/python -m tests.faults.campaign $(N) --seed $(SEED)

bench: $(VENV)/.dev $(SSLYZE)/.done ## measure speed side by side; writes bench.json
	-@bash tests/setup/packages.sh testssl.sh:testssl
	@$(BIN)/python -m tests.bench

bench-peers: $(VENV)/.dev $(SSLYZE)/.done $(PEERS)/.done ## bench beside nginx and LiteLLM, which it fetches; never part of CI
	@$(BIN)/python -m tests.bench --peers

foreign: $(VENV)/.dev $(SSLYZE)/.done $(FOREIGN)/.done ## audit well-known gateways, which it fetches, behind nginx; never part of CI
	@$(BIN)/python -m tests.foreign

docs: $(VENV)/.dev ## regenerate TARGET.md and results.schema.json from their sources
	@$(BIN)/python -m tests.architecture.generated --write

lock: $(VENV)/.dev ## resolve the five locked sets anew
	$(UV_COMPILE) pyproject.toml --group build -o requirements-run.txt
	$(UV_COMPILE) pyproject.toml --group build --extra dev -c requirements-run.txt -o requirements-dev.txt
	$(UV_COMPILE) --group sslyze -o requirements-sslyze.txt
	$(UV_COMPILE) --group peers -o requirements-peers.txt
	$(UV_COMPILE) --group foreign -o requirements-foreign.txt

clean: ## remove environments, caches and runs
	rm -rf $(VENV) $(SSLYZE) $(PEERS) $(FOREIGN) gateproof-runs bench.json build .mypy_cache .ruff_cache .pytest_cache *.egg-info

# An environment is made once; what is in it follows the locks. So a change of pyproject.toml never pulls it from under a run.
$(VENV)/pyvenv.cfg:
	@bash tests/setup/environment.sh "$(PYTHON)" $(VENV)

$(VENV)/.run: requirements-run.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@$(BIN)/python $(PIP_INSTALL) -r requirements-run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	@$(BIN)/python $(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

# What the tests need of Debian: a browser for the report; strace shows which system calls the kernel refused; databases and
# journals to be read; web servers whose transport is audited.
$(VENV)/.packages: tests/setup/packages.sh | $(VENV)/pyvenv.cfg
	@bash tests/setup/packages.sh chromium strace redis-server 'postgresql:/usr/lib/postgresql/*/bin/postgres' \
		systemd:journalctl systemd-journal-remote:/lib/systemd/systemd-journal-remote \
		nginx:/usr/sbin/nginx haproxy:/usr/sbin/haproxy
	@touch $@

# Optional second opinion on TLS: without it the audit runs and says that it had one engine only.
$(SSLYZE)/pyvenv.cfg:
	@bash tests/setup/environment.sh "$(PYTHON)" $(SSLYZE)

$(SSLYZE)/.done: requirements-sslyze.txt | $(SSLYZE)/pyvenv.cfg
	@$(SSLYZE)/bin/python $(PIP_INSTALL) -r requirements-sslyze.txt
	@touch $@

$(PEERS)/.done: requirements-peers.txt tests/setup/peers.sh
	@bash tests/setup/peers.sh "$(PYTHON)" $(PEERS) requirements-peers.txt
	@touch $@

$(FOREIGN)/.done: requirements-foreign.txt tests/setup/packages.sh
	@bash tests/setup/packages.sh nginx:/usr/sbin/nginx
	@bash tests/setup/environment.sh "$(PYTHON)" $(FOREIGN)
	@$(FOREIGN)/bin/python $(PIP_INSTALL) -r requirements-foreign.txt
	@touch $@
