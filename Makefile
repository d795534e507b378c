# Every command of this project. CI calls the same ones.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# uv trusts what the system trusts and asks where pip asks.
UV := $(if $(PIP_INDEX_URL),UV_DEFAULT_INDEX=$(PIP_INDEX_URL)) $(BIN)/uv
PIP_OPTIONS := -q --system-certs --python $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help demo test test-crash test-kafka test-python bench-simulate bench-intake bench-risk bench-found bench-burst bench-network bench-growth bench-rekey bench-takeover bench-referral bench-notify bench-backtest check format lock contracts clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(READY): requirements.txt requirements-uv.txt pyproject.toml
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Python 3.11 to 3.13 is needed; set one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@$(UV) pip sync $(PIP_OPTIONS) --require-hashes requirements.txt requirements-uv.txt
	@$(UV) pip install $(PIP_OPTIONS) --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## play one office day through the whole system (ONCE=1: stop by itself)
	@$(BIN)/tppo demo $(if $(ONCE),--once) $(if $(APPLICATIONS),--applications $(APPLICATIONS))

test: $(READY) ## the tests, with the embedded broker and store
	@$(BIN)/python -m pytest

test-crash: $(READY) ## kill every service at each of its fault points while a day plays
	@$(BIN)/python -m pytest -m crash

test-kafka: $(READY) ## the whole way on real Apache Kafka (needs Java 17 and mvn)
	@$(BIN)/python -m pytest -m kafka

test-python: $(READY) ## tests without a stack on another Python version (3.12 or 3.13)
	@$(UV) venv -q --allow-existing --python "$$(.ci/other-python $(BIN)/python)" .venv-other
	@VIRTUAL_ENV=.venv-other $(UV) pip sync -q --system-certs --require-hashes requirements.txt
	@.venv-other/bin/python -m pytest tests/simulator tests/contracts tests/intake tests/risk tests/referral -p no:cacheprovider

bench-simulate: $(READY) ## how fast the simulated world is, and its marginals
	@$(BIN)/python -m tests.bench.simulate

bench-intake: $(READY) ## how fast the door is, beside a bare loop on the same store and broker
	@$(BIN)/python -m tests.bench.intake

bench-found: $(READY) ## which rings of the simulated world are found, when, through the whole system on Kafka; hard negatives (needs Java 17 and mvn)
	@$(BIN)/python -m tests.bench.found

bench-burst: $(READY) ## how often each baseline calls a fortnight of a simulated village a burst
	@$(BIN)/python -m tests.bench.burst

bench-network: .venv-bench/.ready ## what the network costs: an event, an entity, a ring, from the fiftieth member to the last assessment
	@.venv-bench/bin/python -m tests.bench.network

bench-growth: .venv-bench/.ready ## risk over a store of 10,000 and of 100,000 applications; a million takes 50 minutes (SIZES="1000000")
	@.venv-bench/bin/python -m tests.bench.growth $(if $(SIZES),--sizes $(SIZES))

bench-rekey: .venv-bench/.ready ## how long the store of risk takes to move to newer token keys (10 minutes)
	@.venv-bench/bin/python -m tests.bench.rekey

bench-takeover: .venv-bench/.ready ## how long applications wait when a worker of risk is killed, stopped or added
	@.venv-bench/bin/python -m tests.bench.takeover

bench-referral: $(READY) ## flagged assessments a second, moves, timers and pulls with 100,000 open referrals
	@$(BIN)/python -m tests.bench.referral

bench-notify: $(READY) ## from a must-act event to an accepted mail, a storm of 10,000 alerts, timers over 100,000 open ones
	@$(BIN)/python -m tests.bench.notify

bench-backtest: $(READY) ## how long other rules take over a year of an office
	@$(BIN)/python -m tests.bench.backtest

.venv-bench/.ready: $(READY) requirements-bench.txt
	@$(UV) venv -q --allow-existing --python $(BIN)/python .venv-bench
	@VIRTUAL_ENV=.venv-bench $(UV) pip sync -q --system-certs --require-hashes requirements.txt
	@VIRTUAL_ENV=.venv-bench $(UV) pip install -q --system-certs --no-deps --require-hashes -r requirements-bench.txt
	@touch $@

bench-risk: .venv-bench/.ready ## how fast the score is, beside Quix Streams and bare loops on one broker (needs Java 17 and mvn)
	@.venv-bench/bin/python -W ignore -m tests.bench.risk $(if $(ROUNDS),--rounds $(ROUNDS))

check: $(READY) ## format, lint, types, imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY) ## format the code and mend what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

contracts: $(READY) ## write JSON Schemas and the AsyncAPI document anew from the models
	@$(BIN)/python -m services.contracts.schemas

lock: $(READY) ## lock the dependencies anew, with hashes
	@$(UV) pip compile -q --system-certs --universal --python-version 3.11 --generate-hashes --no-annotate --all-extras --prerelease=if-necessary-or-explicit --no-emit-package tppo pyproject.toml requirements-build.in -o requirements.txt
	@$(UV) pip compile -q --system-certs --universal --python-version 3.11 --generate-hashes --no-annotate requirements-uv.in -o requirements-uv.txt
	@$(UV) pip compile -q --system-certs --no-deps --generate-hashes --no-annotate --no-header requirements-bench.in -o requirements-bench.txt

clean: ## remove the environment and the data of demos
	@rm -rf $(VENV) .venv-other .venv-bench .data
