# make run     sets up .venv and runs the main job on real input
# make test    sets up .venv, with the packages in plugins/, and runs all tests, theirs too
# make lock    renews .ci/constraints.txt, which pins all that's installed here
# make lint    checks format, lint, types and the direction of imports; with -j 2, in half the time
#
# Tests run in as many processes as there are cores, 8 at most: JOBS=2 says how many, JOBS=0 runs them in one.
# ARGS="-k cells -x" goes to pytest. `make test-numbers` runs what computes as on older processors.
#
# make bench-language-models   measures language models beside nn.LSTM
# make bench-bbc   measures the recipe for BBC News beside its peers
# make bench-accuracy   measures classifiers on ten sets of texts
# make bench-words   measures tasks of words on six sets
# make bench-adding   measures which cells learn to remember over 400 steps
# make bench-gate-functions   measures what the functions in an LSTM's gates are for
# make bench-recurrent   measures the recurrent engines beside theirs
# make bench-embeddings   measures the training of word vectors beside its peers

PYTHON ?= python3
JOBS   ?= auto
VENV   := .venv
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
NUMBERS := tests/adapters tests/diagnostics tests/evaluation tests/kernels tests/native tests/parts tests/training
# Compilers for other processors know none of x86's levels.
X86    := $(filter x86_64 amd64,$(shell uname -m))
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --maxprocesses 8 --dist worksteal

# So many processes compute in one thread each.
test test-fast test-plugins test-numbers coverage: export OMP_NUM_THREADS := 1
# Where it's set, each process that a test starts compiles all modules of seqpipe anew, for a second. Empty is unset.
test test-fast test-plugins test-numbers coverage: export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup lock run test test-fast test-plugins test-numbers coverage format
.PHONY: lint lint-style lint-types lint-plugins lint-imports
.PHONY: bench-accuracy bench-words bench-bbc bench-adding bench-recurrent bench-embeddings
.PHONY: bench-language-models bench-gate-functions clean

setup: $(READY)

$(READY): pyproject.toml .ci/constraints.txt $(PLUGINS:%=%/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	echo '*' > $(VENV)/.gitignore
	$(PIP) hatchling editables
	$(PIP) --no-build-isolation --editable '.[demo,dev]' $(PLUGINS:%=--editable '%[test]')
	touch $(READY)

# For every version of Python that seqpipe runs on, and every platform. torch stays what .ci/torch.txt says.
lock: $(READY)
	$(PIP) uv
	printf -- '-e %s\n' '.[demo,dev,bench,engines,glove,projection]' $(PLUGINS:%='./%[test]') | \
	    UV_CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/uv pip compile - --quiet --universal --upgrade \
	    --python-version 3.10 --no-annotate --no-emit-package seqpipe \
	    $(PLUGINS:plugins/%=--no-emit-package %) --constraint .ci/torch.txt --output-file .ci/constraints.txt

run: $(READY)
	@$(BIN)/seqpipe run pipelines/bbc-news/pipeline.cfg $(ARGS)

test: $(READY)
	$(PYTEST) $(ARGS)
	@$(MAKE) --no-print-directory test-plugins

# The packages in plugins/ are distributions of their own, and so are their tests; they share one session, as
# starting another takes half a minute.
test-plugins: $(READY)
	$(PYTEST) $(PLUGINS:%=%/tests)

# As on a processor that knows fewer instructions, where the same arithmetic is rounded otherwise: a bound that
# holds by luck on the machine where it was written fails on one of these.
test-numbers: $(READY)
	$(if $(X86),SEQPIPE_MARCH=x86-64-v2) ATEN_CPU_CAPABILITY=default MKL_ENABLE_INSTRUCTIONS=SSE4_2 ONEDNN_MAX_CPU_ISA=SSE41 \
	    NPY_DISABLE_CPU_FEATURES=X86_V3 $(PYTEST) -m 'not slow' $(NUMBERS) $(ARGS)
	$(if $(X86),SEQPIPE_MARCH=x86-64-v3) ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 \
	    $(PYTEST) -m 'not slow' $(NUMBERS) $(ARGS)

test-fast: $(READY)
	$(PYTEST) -m 'not slow' $(ARGS)

coverage: $(READY)
	$(PYTEST) --cov --cov-report=term-missing:skip-covered $(ARGS)

lint: lint-style lint-types lint-plugins lint-imports

lint-style: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lint-types: $(READY)
	$(BIN)/mypy

# By the settings of each, and in a cache of their own: they need what torch is, told by other settings than ours.
lint-plugins: $(READY)
	@set -e; for plugin in $(PLUGINS); do \
	    $(BIN)/mypy --cache-dir .mypy_cache/plugins --config-file $$plugin/pyproject.toml $$plugin/src; \
	done

lint-imports: $(READY)
	$(BIN)/lint-imports --no-cache

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-bbc: $(READY)
	$(BIN)/python benchmarks/bbc.py $(ARGS)

bench-gate-functions: $(READY)
	$(BIN)/python benchmarks/gate_functions.py $(ARGS)

bench-accuracy: $(READY)
	@$(PIP) --no-build-isolation --editable '.[demo,bench]'
	$(BIN)/python benchmarks/accuracy.py $(ARGS)

bench-words: $(READY)
	@$(PIP) --no-build-isolation --editable '.[dev,glove]'
	$(BIN)/python benchmarks/words.py $(ARGS)

bench-adding: $(READY)
	$(BIN)/python benchmarks/adding.py $(ARGS)

bench-recurrent: $(READY)
	@$(PIP) --no-build-isolation --editable '.[bench]'
	$(BIN)/python benchmarks/recurrent.py $(ARGS)

bench-embeddings: $(READY)
	@$(PIP) --no-build-isolation --editable '.[bench]'
	$(BIN)/python benchmarks/embeddings.py $(ARGS)

bench-language-models: $(READY)
	$(BIN)/python benchmarks/language_models.py $(ARGS)

clean:
	rm -rf $(VENV)
