# What .ci/run does several at a time. make begins them in this order: the longest first, what is short fills the gaps.
# --output-sync shows each row's output when it has ended.
rows = \
  slow \
  lint \
  3.13-terraform \
  3.12-sqlite \
  3.13-sqlite \
  3.13-mysql \
  3.13-postgresql \
  3.13-sqlite-once \
  3.11-sqlite \
  3.11-mysql \
  3.11-postgresql \
  bench \
  demo \
  demo-lambda \
  demo-paas

# Once, on the last Python: what is killed at random, what has nothing to do with Django, and what asks SQS thousands of times.
once = \
  tests/bundle/test_lambda.py \
  tests/chaos \
  tests/contract/test_cron_cases.py \
  tests/contract/test_cron_property.py \
  tests/examples \
  tests/hosts/test_manifests.py \
  tests/hosts/test_templates.py \
  tests/hosts/test_timers.py \
  tests/hosts/test_typed.py \
  tests/http/test_servers.py \
  tests/local_aws \
  tests/sqs/test_kills.py \
  tests/sqs/test_processes.py \
  tests/sqs/test_requests.py \
  tests/terraform
# On servers, with the last Django: what starts processes, one after the other. What differs by Django there is its SQL.
processes = \
  tests/handlers \
  tests/management/test_run_due_tasks.py \
  tests/run/test_database_trouble.py \
  tests/run/test_exactly_once.py \
  tests/run/test_host_clock.py \
  tests/test_concurrency.py
without = PYTEST="$(addprefix --ignore=,$(1))"

# What validates the configuration of hosts is large; it is there once.
3.11 = $(MAKE) PYTHON=python3.11 COVERAGE=no VALIDATORS=no
3.12 = $(MAKE) PYTHON=python3.12 VENV=.venv-3.12 DJANGO="Django~=6.0.0" VALIDATORS=no
3.13 = $(MAKE) PYTHON=python3.13 VENV=.venv-3.13 DJANGO="Django~=6.1.0" COVERAGE=no

.PHONY: all $(rows) environments installed-3.11 installed-3.12 installed-3.13

all: $(rows)

# Before all rows: two that need the same one would make it twice at the same time.
environments: installed-3.11 installed-3.12 installed-3.13
installed-3.11:
	$(3.11) .venv/.installed
installed-3.12:
	$(3.12) .venv-3.12/.installed
installed-3.13:
	$(3.13) .venv-3.13/.linters .venv-3.13/.validators

lint:
	$(3.13) lint

3.13-mysql 3.13-postgresql:
	$(3.13) test DATABASES=$(@:3.13-%=%)
# What starts processes has its turn on the servers with this Python, and on SQLite with the other two.
3.13-sqlite:
	$(3.13) test DATABASES=sqlite $(call without,$(once) $(processes) tests/management/test_scheduler_config.py)
3.13-sqlite-once:
	$(3.13) test DATABASES=sqlite PYTEST="$(filter-out tests/terraform,$(once))"
# By itself: it waits for Terraform's provider, which waits for its own sake.
3.13-terraform:
	$(3.13) test DATABASES=sqlite PYTEST=tests/terraform

3.12-sqlite:
	$(3.12) test DATABASES=sqlite $(call without,$(once))

3.11-sqlite:
	$(3.11) test DATABASES=sqlite $(call without,$(once) tests/management/test_scheduler_config.py)
3.11-mysql 3.11-postgresql:
	$(3.11) test DATABASES=$(@:3.11-%=%) $(call without,$(once) $(processes))

# It only shows that the benchmark works.
bench:
	$(3.11) bench BENCH=--quick
demo demo-lambda demo-paas:
	$(3.11) $@
# Three minutes of cron, in which it waits.
slow:
	$(3.13) $@
