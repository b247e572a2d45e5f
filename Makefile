# Everything one does often. Each target makes what it needs: only git, make and a Python >= 3.11 are taken for granted.
PYTHON ?= python3
VENV ?= .venv
DJANGO ?= Django
DATABASES ?= sqlite postgresql mysql
STORES ?= $(DATABASES) sqs
COVERAGE ?= yes
VALIDATORS ?= yes

BIN = $(VENV)/bin
# MariaDB's driver is compiled: without its C library those tests are skipped, and say so.
MYSQLCLIENT = $(shell command -v mariadb_config mysql_config >/dev/null 2>&1 && echo mysqlclient)

# uv, which tests run, believes the certificates that this system does, as pip does.
export UV_SYSTEM_CERTS ?= true

.PHONY: help demo demo-lambda demo-paas test no-coverage slow chaos lint terraform-readme bench clean

help:
	@echo "make demo         see it work: a retry, a schedule and a task of several runs, on SQLite"
	@echo "make demo-lambda  the same on AWS Lambda, which is played on this machine"
	@echo "make demo-paas    the same where a PaaS starts a command, or calls a URL; both are played on this machine"
	@echo "make test         the whole suite on SQLite, PostgreSQL and MariaDB, with coverage; make -j3 test: all at once"
	@echo "make slow         the crontab example under Debian's cron, for three minutes; as root"
	@echo "make chaos        kills hundreds of runs, and sees that no task is lost or repeated without a reason"
	@echo "make lint         ruff and mypy, and terraform fmt where there is terraform"
	@echo "make terraform-readme    the tables in terraform/README.md, after a change of the module"
	@echo "make bench        speed, next to django-tasks-db, a bare command and a plain loop"
	@echo
	@echo "Another Python or Django: make test PYTHON=python3.13 VENV=.venv-3.13 DJANGO='Django~=6.1.0'"

demo: $(VENV)/.installed
	$(BIN)/python examples/crontab/demo.py

demo-lambda: $(VENV)/.installed
	$(BIN)/python examples/lambda/local.py

demo-paas: $(VENV)/.installed
	$(BIN)/python examples/paas/local.py

# Faster: make test COVERAGE=no
RUN = $(if $(filter no,$(COVERAGE)),$(BIN)/python,$(BIN)/coverage run)

test: $(DATABASES:%=test-%)
ifneq ($(COVERAGE),no)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report
endif

# What validates the configurations of hosts is large. Without it (VALIDATORS=no), those tests are skipped.
test-%: no-coverage $(VENV)/.installed $(if $(filter no,$(VALIDATORS)),,$(VENV)/.validators)
	@echo "== $*"
	@$(BIN)/python -m tests.servers $* -- $(RUN) -m pytest $(PYTEST)

# Not that of another `make test`, if this one measures nothing.
no-coverage:
	@$(if $(filter no,$(COVERAGE)),:,rm -f .coverage .coverage.*)

slow: $(VENV)/.installed
	@$(BIN)/python -m tests.servers sqlite -- $(BIN)/python -m pytest tests/slow $(PYTEST)

chaos: $(VENV)/.installed
	$(BIN)/python -m tests.chaos $(STORES) $(CHAOS)

lint: $(VENV)/.linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if command -v terraform >/dev/null; then set -x; terraform fmt -check -recursive terraform tests/terraform; \
	else echo "SKIPPED terraform fmt: terraform was not found"; fi

terraform-readme: $(VENV)/.installed
	$(BIN)/python terraform/readme.py

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.run $(BENCH)

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q --group test -e . "$(DJANGO)" $(MYSQLCLIENT)
	@touch $@

$(VENV)/.validators: $(VENV)/.installed
	$(BIN)/python -m pip install -q --group hosts
	@touch $@

$(VENV)/.linters: $(VENV)/.installed
	$(BIN)/python -m pip install -q --group lint
	@touch $@

clean:
	rm -rf .venv .venv-* benchmarks/.venv .coverage .coverage.* build dist
