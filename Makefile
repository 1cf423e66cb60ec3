# Everything runs in an environment of its own; no other is touched. `make` alone lists what there is.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DOCS_INSTALLED := $(VENV)/.docs-installed

# Two workers with one thread each beat one with two: the tests' tensors are small. Idle threads sleep, not spin.
# Each begins at one half of the tests, so that what a file prepares is prepared once, and takes from the other's at the end.
# Compiled files are kept, whatever the environment says: every Python that a test starts would compile 500 files again.
WORKERS ?= 2
PYTHONS ?= 3.11 3.12 3.13 3.14
RELEASE := .venvs/release
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help install demo reproduce test test-slow test-all docs lint types format release clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED) ## create .venv and install unnoise with the tested versions

demo: $(INSTALLED) ## the main job on real data: handwritten digits -> a model, new digits, a report
	$(BIN)/unnoise demo

reproduce: $(INSTALLED) ## a published experiment, as NAME=heartbeat (QUICK=1 DATA=folder SEED=0); without NAME a list
	@$(BIN)/python -m experiments $(if $(NAME),$(NAME) --overwrite) $(if $(QUICK),--quick) \
	  $(if $(DATA),--data '$(DATA)') $(if $(SEED),--seed $(SEED))

test: $(INSTALLED) ## the tests and the examples in the docstrings
	$(PYTEST)

test-slow: $(INSTALLED) ## the tests with full statistics
	$(PYTEST) -m slow

# Needs uv (pip install uv), which finds the interpreters that are there or fetches them; each has an environment of its own.
test-all: ## the tests on every Python of PYTHONS="3.11 3.12 3.13 3.14"; TESTS=path for some of them
	@failed=; for version in $(PYTHONS); do \
	  env=.venvs/$$version; \
	  { uv venv --quiet --allow-existing --python $$version $$env && \
	    uv pip install --quiet --python $$env --editable '.[dev]' --constraint constraints.txt && \
	    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $$env/bin/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS); \
	  } || failed="$$failed $$version"; \
	done; [ -z "$$failed" ] || { echo "test-all failed on Python$$failed" >&2; exit 1; }

docs: $(DOCS_INSTALLED) ## the documentation with its gallery, in docs/_build/html
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --fail-on-warning --keep-going docs docs/_build/html

lint: $(INSTALLED) ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED) ## static types, strict
	$(BIN)/mypy

format: $(INSTALLED) ## put the code in the common format, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

release: ## build the wheel and the source distribution in dist/, check them, and say how they would be published
	rm -rf dist $(RELEASE)
	$(PYTHON) -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet build twine
	$(RELEASE)/bin/python -m build --outdir dist
	$(RELEASE)/bin/python -m twine check --strict dist/*
	@grep -q "^## \[$$(sed -n 's/.*"\(.*\)"/\1/p' src/unnoise/_version.py)\]" CHANGELOG.md || { echo "CHANGELOG.md has no section of this version" >&2; exit 1; }
	@echo "Nothing was published. After a look at dist/: $(RELEASE)/bin/python -m twine upload dist/*"

clean: ## remove caches and build output; .venv stays
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache docs/_build docs/api docs/examples
	find src tests experiments -type d -name __pycache__ -prune -exec rm -rf {} +

# The stamp is written last, so an interrupted installation is simply done again.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "unnoise needs Python 3.11 or newer, and '$(PYTHON)' is not one: install it, or name it, as in 'make PYTHON=python3.12 $(MAKECMDGOALS)'." >&2; \
	  exit 1; }
	@echo "Installing unnoise and what it needs in $(VENV): a few minutes, the first time only."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --editable '.[dev]' --constraint constraints.txt
	@touch $@

$(DOCS_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --editable '.[docs]' --constraint constraints.txt
	@touch $@
