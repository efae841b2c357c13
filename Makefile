# Two commands matter: `make demo` shows the main job, `make test` runs the tests.
# Both set up what they need from nothing.

VENV    := .venv
BIN     := $(VENV)/bin
PYTHON  ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
NEEDED  := $(shell \
	command -v ip >/dev/null || echo iproute2; \
	command -v nft >/dev/null || echo nftables; \
	command -v ssh >/dev/null || echo openssh-client; \
	test -x /usr/sbin/sshd || echo openssh-server; \
	command -v setpriv >/dev/null || echo util-linux; \
	test "$$(id -u)" = 0 || command -v newuidmap >/dev/null || echo uidmap; \
	test -z "$(PYTHON)" || $(PYTHON) -c 'import ensurepip' 2>/dev/null || echo python3-venv)

# As pip compiles what it installs: also where Python is told to write no bytecode itself.
COMPILED := $(BIN)/python -m compileall -q raftfleet

.PHONY: demo test fidelity accuracy lint bench packages clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   three hosts, a cluster, a leader stopped: a verdict in a minute"
	@echo "make test   every test; those that need hosts need root"
	@echo "make fidelity  the simulator against recordings of the real broker, event by event (as root)"
	@echo "make accuracy  whether measured intervals contain the truth: 200 trials, TRIALS=20 (as root)"
	@echo "make lint   ruff and mypy"
	@echo "make bench  every benchmark beside its peer, as ratios (as root)"
	@echo "make clean  remove the virtual environment and caches"

demo: $(VENV)/.run
	@$(BIN)/raftfleet demo

# First what compares timings with recordings, and wants the machine for itself.
test: $(VENV)/.dev lint
	@$(BIN)/python -m pytest tests/fidelity
	@$(BIN)/python -m pytest --ignore tests/fidelity -n 3 --dist loadfile

# Needs the recordings (../shared); five minutes, mostly waiting.
fidelity: $(VENV)/.dev
	@$(BIN)/python -m tests.fidelity

# Twelve minutes on an idle machine.
accuracy: $(VENV)/.dev
	@$(BIN)/python -m tests.accuracy --trials $(or $(TRIALS),200)

lint: $(VENV)/.dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary

bench: $(VENV)/.dev
	@missed=; for one in $(basename $(notdir $(wildcard tests/bench/bench_*.py))); do \
		echo "== $$one"; $(BIN)/python -m tests.bench.$$one || missed="$$missed $$one"; \
	done; test -z "$$missed" || { echo "missed what is wanted:$$missed"; exit 1; }

# Debian packages: installed when we may, otherwise the exact line to run.
packages:
ifeq ($(PYTHON),)
	@echo "Python 3.11 or newer is needed; on Debian 12: apt-get install python3 python3-venv"; exit 1
endif
ifneq ($(strip $(NEEDED)),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $(NEEDED)"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $(NEEDED) >/dev/null; \
	else \
		echo "missing Debian packages; run:"; \
		echo "  sudo apt-get install --no-install-recommends $(NEEDED)"; \
		exit 1; \
	fi
endif

$(VENV)/.pip: | packages
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.run: pyproject.toml | packages $(VENV)/.pip
	@$(BIN)/python -m pip install --quiet --editable .
	@$(COMPILED)
	@touch $@

$(VENV)/.dev: pyproject.toml | packages $(VENV)/.pip
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@$(COMPILED)
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
