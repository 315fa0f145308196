# The two commands are `make run` and `make test`; both set up all that they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DJADE := git ls-files -z 'templates/*.html' | xargs -0 $(BIN)/djade --target-version 5.2

.PHONY: run test check fix bench screenshots lock clean

# A stamp per requirements file: installed again only when its lock changed.
$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 run")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the chat needs (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@echo "Installing what its development needs (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

run: $(VENV)/installed
	@exec $(BIN)/python manage.py serve

test: $(VENV)/installed-dev
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: $(VENV)/installed-dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(DJADE) --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tests.checks

# What `check` would complain about, mended where a tool can.
fix: $(VENV)/installed-dev
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .
	@$(DJADE) || true

bench: $(VENV)/installed-dev
	@$(BIN)/python -m bench

screenshots: $(VENV)/installed-dev
	@$(BIN)/python -m bench.screenshots

# Pin every package, with its hashes, anew.
lock: $(VENV)/installed-dev
	@for name in requirements requirements-dev requirements-postgres; do \
		$(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-header --no-emit-index-url $$name.in -o $$name.txt; \
	done

# Everything that was made here but the data.
clean:
	@rm -rf $(VENV) staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
