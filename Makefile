# Everything one does often. Each target makes what it needs: only git, make and a Python >= 3.11 are taken for granted.
PYTHON ?= python3
VENV ?= .venv
DJANGO ?= Django
BIN = $(VENV)/bin
DATABASES ?= sqlite postgresql mysql
# The C library of MariaDB or MySQL has to be there to build its driver; without it those tests are skipped.
MYSQLCLIENT = $(shell command -v mariadb_config mysql_config >/dev/null 2>&1 && echo mysqlclient)

.PHONY: help demo test lint bench clean

help:
	@echo "make demo    see it work: a retry and a schedule on SQLite"
	@echo "make test    the whole suite on SQLite, PostgreSQL and MariaDB, with coverage"
	@echo "make lint    ruff and mypy"
	@echo "make bench   speed, next to django-tasks-db and a bare command"

demo: $(VENV)/.installed
	$(BIN)/python examples/crontab/demo.py

test: $(VENV)/.installed
	@rm -f .coverage .coverage.*
	@set -e; for database in $(DATABASES); do \
		echo "== $$database"; \
		$(BIN)/python -m tests.servers $$database -- $(BIN)/coverage run -m pytest $(PYTEST); \
	done
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

lint: $(VENV)/.linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.run $(BENCH)

$(VENV)/.installed
	$(BIN)/python examples/crontab/demo.py

test: $(VENV)/.installed
	@rm -f .coverage .coverage.*
	@set -e; for database in $(DATABASES); do \
		echo "== $$database"; \
		$(BIN)/python -m tests.servers $$database -- $(BIN)/coverage run -m pytest $(PYTEST); \
	done
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

lint: $(VENV)/.linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.run $(BENCH)

# Python 3.11 with Django 5.2 and the backport, 3.12 with 6.0, 3.13 with 6.1.
matrix:
	$(MAKE) test PYTHON=python3.11 VENV=.venv-3.11 DJANGO="Django~=5.2.0"
	$(MAKE) test PYTHON=python3.12 VENV=.venv-3.12 DJANGO="Django~=6.0.0"
	$(MAKE) test PYTHON=python3.13 VENV=.venv-3.13 DJANGO="Django~=6.1.0"

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q --group test -e . "$(DJANGO)" $(MYSQLCLIENT)
	@touch $@

$(VENV)/.linters: $(VENV)/.installed
	$(BIN)/python -m pip install -q --group lint
	@touch $@

clean:
	rm -rf .venv .venv-* .coverage .coverage.* build dist
