# Everything starts here; `make help` lists it. Nothing but Python 3.11+ and a network is needed.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
LOCK := requirements/dev.txt
# Two stamps, so that a change of pyproject.toml does not install the lock again.
LOCK_STAMP := $(VENV)/.lock-installed
PROJECT_STAMP := $(VENV)/.project-installed
OLDEST_PYTHON := 3, 11

# PYTHON=… chooses the interpreter; otherwise the first of these that is new enough.
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)
VERSION_OF = $(shell $(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: env
env: $(PROJECT_STAMP) ## make .venv/ and install into it (PYTHON=python3.13 chooses another Python)

.PHONY: demo
demo: env ## the demo shop, complete, without any server (PORT=8000, WAIT_SCALE=0.001, DEMO_DIR=.demo)
	@exec $(VENV_PYTHON) manage.py demo $(if $(PORT),--port $(PORT)) $(if $(WAIT_SCALE),--wait-scale $(WAIT_SCALE))

.PHONY: test
test: env ## the whole test suite, on every database and broker it can reach (ARGS="--only sqlite -- -k wait")
	@exec $(VENV_PYTHON) -m tests $(ARGS)

.PHONY: soak
soak: env ## kill everything at random for MINUTES=n (10) under load, then balance the books
	@exec $(VENV_PYTHON) -m tests.faults.soak $(or $(MINUTES),10)

.PHONY: faults
faults: env ## all tests of faults, the further combinations of faults and providers too
	@TRIGGERS_LONG=1 exec $(VENV_PYTHON) -m tests $(ARGS) -- tests/faults

.PHONY: lint
lint: env ## style, types, import rules, templates, forgotten migrations
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo --no-cache
	$(VENV)/bin/djlint --quiet --lint templates triggers/templates
	DJANGO_SETTINGS_MODULE=tests.settings $(VENV_PYTHON) -m django makemigrations --check --dry-run

.PHONY: format
format: env ## let ruff put the code in order
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

.PHONY: cover
cover: env ## the suite on SQLite with branch coverage, as text and in htmlcov/
	@exec $(VENV_PYTHON) -m tests --only sqlite -- --cov --cov-report=term --cov-report=html $(ARGS)

.PHONY: bench
bench: env ## one measurement: NAME=turn (ARGS="--quick --json")
	@test -n "$(NAME)" || { echo "say which: make bench NAME=turn"; exit 2; }
	@exec $(VENV_PYTHON) -m benchmarks $(NAME) $(ARGS)

.PHONY: lock
lock: ## write requirements/dev.txt anew from pyproject.toml (needs uv; ARGS=--upgrade takes newer versions)
	uv pip compile --universal --python-version 3.11 --group dev --all-extras pyproject.toml --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header $(ARGS) -o $(LOCK)

.PHONY: clean
clean: ## remove everything that was made here: .venv/, the demo's data, reports, caches
	rm -rf $(VENV) .demo build dist htmlcov staticfiles .coverage .coverage.* \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PROJECT_STAMP): $(LOCK_STAMP) pyproject.toml
	@$(VENV_PYTHON) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(LOCK_STAMP): $(LOCK)
	@$(MAKE_VENV)
	@echo "installing $(LOCK) into $(VENV)/ …"
	@# The lock is complete: a resolver would only find newer releases of what an extra names ("coverage[toml]") and refuse them.
	@$(VENV_PYTHON) -m pip install --quiet --no-deps --require-hashes --requirement $(LOCK)
	@touch $@

# Another PYTHON than the environment was made with: its stamps say nothing about the new one.
ifneq ($(PYTHON),)
ifneq ($(call VERSION_OF,$(PYTHON)),$(call VERSION_OF,$(VENV_PYTHON)))
$(LOCK_STAMP): .FORCE
.PHONY: .FORCE
endif
endif

# An environment that works is kept, unless PYTHON asks for another version than the one it has.
define MAKE_VENV
	set -eu; version='import sys; print("%d.%d" % sys.version_info[:2])'; found=; \
	for candidate in $(CANDIDATES); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < ($(OLDEST_PYTHON)))' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Python 3.11 or newer is needed; tried: $(CANDIDATES)." >&2; \
		echo "Name one that you have: make env PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	if "$(VENV_PYTHON)" -m pip --version >/dev/null 2>&1; then \
		wanted=$$("$$found" -c "$$version"); present=$$("$(VENV_PYTHON)" -c "$$version"); \
		if [ -z "$(PYTHON)" ] || [ "$$wanted" = "$$present" ]; then exit 0; fi; \
		echo "$(VENV)/ holds Python $$present, $(PYTHON) is $$wanted: making it anew"; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$found cannot make virtual environments: its venv or ensurepip module is missing." >&2; \
		echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	"$$found" -m venv --clear $(VENV)
endef
