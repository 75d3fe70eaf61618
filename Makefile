# One place for the commands that people, CI and the README share. `make` alone lists them.

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .uv/bin/uv
export VIRTUAL_ENV := $(CURDIR)/.venv
export UV_PYTHON_DOWNLOADS := never
# Python starts twice as fast from compiled files, and the bot and its tests start many processes.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test quick test-openstack test-engines docs screenshots soak storms check format catalogues lock bench clean

help: ## show these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: .venv/.runtime ## launch an example on this machine, without Slack or cloud: make run [REPO=<url>]
	@$(BIN)/python -m bot try $(if $(REPO),--repo '$(subst ','\'',$(REPO))')

test: .venv/.dev ## run all tests; shows the ten slowest
	@$(BIN)/python -m pytest -n auto --dist worksteal --durations=10

quick: .venv/.dev ## run the tests that start no process, while you write code
	@$(BIN)/python -m pytest -n $$(nproc) --dist worksteal --quiet --hypothesis-profile quick -m 'not process' tests/unit tests/contract

test-openstack: .venv/.dev ## run the tests that need a cloud: that of OS_CLOUD, or one started here (Debian, root)
	@tests/openstack/cloud/with $(BIN)/python -m pytest -m openstack -n 2 --dist loadfile tests/integration/openstack

test-engines: .venv/.dev ## run the tests that need Docker: one is started for them here (Debian, root)
	@tests/engines/machine/with $(BIN)/python -m pytest -m engines tests/engines tests/integration/images tests/chaos/soak

docs: .venv/.dev ## build the documentation as a site, with search
	@$(BIN)/python -m docsite

screenshots: .venv/.dev ## take the stale pictures of the documentation again, with Chromium: make screenshots [ALL=1]
	@$(BIN)/python -m tests.screenshots $(if $(ALL),--all)

soak: .venv/.dev ## kill real processes hundreds of times, for a quarter of an hour
	@$(BIN)/python -m tests.chaos.soak

storms: .venv/.dev ## simulate thousands of schedules of faults: make storms [SEEDS=2000] [FROM=0]
	@$(BIN)/python -m tests.chaos.sim --seeds $(or $(SEEDS),2000) --from $(or $(FROM),0) --jobs $$(nproc)

check: .venv/.dev ## check style, formatting, types, and which package imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

catalogues: .venv/.dev ## bring the other languages up to date with the sentences in the code
	@mkdir -p build
	@$(BIN)/pybabel --quiet extract
	@$(BIN)/pybabel --quiet update
	@$(BIN)/pybabel compile --statistics

bench: .venv/.dev ## measure how fast the bot is: make bench [NAMES="cli slack"]
	@$(BIN)/python -m bench $(NAMES)

lock: $(UV) ## update the pinned versions of all packages
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group local pyproject.toml --output-file requirements.lock
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group local --group dev pyproject.toml --constraints requirements.lock --output-file requirements-dev.lock

clean: ## delete the environments, and what `make run` keeps
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
