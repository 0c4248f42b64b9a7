# make run     sets up .venv and runs the main job on real input
# make test    sets up .venv, with the packages in plugins/, and runs all tests, theirs too
# make lint    checks format, lint, types and the direction of imports
# make bench-bbc   measures the recipe for BBC News beside its peers
# make bench-adding   measures which cells learn to remember over 400 steps
# make bench-recurrent   measures the recurrent engines beside theirs

PYTHON ?= python3
VENV   := .venv
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
BIN    := $(VENV)/bin
READY  := $(VENV)/ready

.PHONY: setup run test test-fast test-plugins lint format coverage bench-bbc bench-adding bench-recurrent clean

setup: $(READY)

$(READY): pyproject.toml .ci/constraints.txt $(PLUGINS:%=%/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	echo '*' > $(VENV)/.gitignore
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --constraint .ci/constraints.txt --editable '.[demo,dev]' \
	    $(PLUGINS:%=--editable '%[test]')
	touch $(READY)

run: $(READY)
	@$(BIN)/seqpipe run pipelines/bbc-news/pipeline.cfg $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest $(ARGS)
	@$(MAKE) --no-print-directory test-plugins

# The packages in plugins/ are distributions of their own, and so are their tests.
test-plugins: $(READY)
	@set -e; for plugin in $(PLUGINS); do \
	    echo "$$plugin"; \
	    $(BIN)/python -m pytest -c $$plugin/pyproject.toml $$plugin/tests; \
	done

test-fast: $(READY)
	$(BIN)/python -m pytest -m 'not slow' $(ARGS)

coverage: $(READY)
	$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(ARGS)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@set -e; for plugin in $(PLUGINS); do \
	    $(BIN)/mypy --config-file $$plugin/pyproject.toml $$plugin/src; \
	done
	$(BIN)/lint-imports --no-cache

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-bbc: $(READY)
	$(BIN)/python benchmarks/bbc.py $(ARGS)

bench-adding: $(READY)
	$(BIN)/python benchmarks/adding.py $(ARGS)

bench-recurrent: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --constraint .ci/constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/recurrent.py $(ARGS)

clean:
	rm -rf $(VENV)
