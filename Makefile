# Two commands on a fresh machine: `make demo` and `make test`. Both start from nothing but the checkout.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PYTEST_ARGS ?=

.PHONY: demo test test-slow lint setup data sandbox browser clean

demo: setup data sandbox
	$(VENV)/bin/grade submissions_example --out reports

test: setup data sandbox browser
	$(VENV)/bin/pytest -n $(JOBS) --dist loadgroup -m "not slow" $(PYTEST_ARGS)

# What takes minutes each: the hostile corpus at every level, a million inputs, twenty kills.
test-slow: setup data sandbox browser
	$(VENV)/bin/pytest -n $(JOBS) --dist loadgroup -m slow $(PYTEST_ARGS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "grade needs Python 3.11 or newer: run 'make PYTHON=python3.11 …'"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

data: setup
	@$(VENV)/bin/grade data fetch >/dev/null

# The strongest sandbox level wants bubblewrap; without it the next one is taken, and each run says which.
sandbox:
	@command -v bwrap >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y bubblewrap >/dev/null; } || \
		echo "No bubblewrap here and no right to install one: the next sandbox level is used (see 'grade doctor')."

# The browser tests want a Chromium; they say so and are skipped where none can be installed.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium >/dev/null; } || \
		echo "No Chromium here and no right to install one: the browser tests will be skipped."

clean:
	rm -rf $(VENV) reports build dist
