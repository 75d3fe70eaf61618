# One place for the commands that people, CI and the README share. `make` alone lists them.

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv
export VIRTUAL_ENV := $(CURDIR)/.venv
export UV_PYTHON_DOWNLOADS := never
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test test-openstack soak storms check format lock bench clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: .venv/.runtime ## try it here, without Slack or cloud: make run [REPO=<url>]
	@$(BIN)/python -m bot try $(if $(REPO),--repo '$(subst ','\'',$(REPO))')

test: .venv/.dev ## the whole test suite
	@$(BIN)/python -m pytest -n auto --dist worksteal

test-openstack: .venv/.dev ## the tests that need a cloud: OS_CLOUD's, or (Debian, root) one brought up for them
	@tests/openstack/cloud/with $(BIN)/python -m pytest -m openstack -n 2 --dist loadfile tests/integration/openstack

soak: .venv/.dev ## hundreds of kills of real processes, for a quarter of an hour
	@$(BIN)/python -m tests.chaos.soak

storms: .venv/.dev ## thousands of seeded schedules of faults: make storms [SEEDS=2000] [FROM=0]
	@$(BIN)/python -m tests.chaos.sim --seeds $(or $(SEEDS),2000) --from $(or $(FROM),0) --jobs $$(nproc)

check: .venv/.dev ## lint, formatting, types, the walls between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## put the code into its form
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: .venv/.dev ## measure: acks, links, launches, start of the CLI
	@$(BIN)/python -m bench

lock: $(UV) ## renew the pinned versions
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra local pyproject.toml --output-file requirements.lock
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra local --group dev pyproject.toml --constraints requirements.lock --output-file requirements-dev.lock

clean: ## forget the environments (and what the local workspace keeps)
	rm -rf .uv .venv .binder-bot

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "binder-bot needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.runtime: requirements.lock pyproject.toml | $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip install --quiet --require-hashes --requirement requirements.lock
	@$(UV) pip install --quiet --no-deps --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@$(UV) pip install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@
