# Two commands on a machine with Python, venv and make: "make demo" and "make test". Each makes .venv when it is missing.
PYTHON ?= python3
PORT ?= 8000
TOUR ?= yes
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.stamp-dev

.PHONY: help demo check test chaos screens mutants clean

help:
	@echo "make demo [PORT=8000] [TOUR=yes|only|no]   the shop, PortOne's sandbox and a worker on this machine"
	@echo "make check                                 lint, types, migrations, the fast tests"
	@echo "make test                                  check, and everything this machine has the servers for"
	@echo "make chaos [SHORT=1] [SEED=N]              renewals under kill -9 and a misbehaving PortOne"
	@echo "make screens                               pictures of every page into docs/screens/"
	@echo "make mutants                               removes each guard and shows that its test turns red"
	@echo "make clean                                 removes .venv, caches and the demo's files"

demo: $(READY)
	@exec $(PY) -m example_project.demo --port $(PORT) --tour $(TOUR)

check: $(READY)
	@exec $(PY) -m tests.run check

test: $(READY)
	@exec $(PY) -m tests.run all

chaos: $(READY)
	@exec $(PY) -m tests.chaos $(if $(filter-out 0 no,$(SHORT)),--short) $(if $(SEED),--seed $(SEED)) $(if $(DUE),--due $(DUE))

screens: $(READY)
	@exec $(PY) -m tests.browser.screens

mutants: $(READY)
	@exec $(PY) -m tests.mutants

# Made anew only when the pinned list or the package's own definition changes.
$(READY): requirements-dev.txt pyproject.toml
	@test -x $(PY) || $(PYTHON) -c "import sys; sys.exit('Python 3.11 or later is needed, and this is %d.%d. Write: make PYTHON=python3.11 …' % sys.version_info[:2]) if sys.version_info < (3, 11) else None"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements-dev.txt pins …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) example_project/var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
