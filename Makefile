# The daily commands. Each does its own set-up; `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
K      ?=
FUZZ_SECONDS ?= 180
PYTEST := $(BIN)/python -m pytest $(if $(K),-k "$(K)")

# What the tests and the demo need beside the package itself. `make test TORCH=` goes without torch.
TORCH      ?= torch
TOOLS      := scikit-build-core pybind11 cmake ninja build
TEST_TOOLS := numpy lark pillow lz4 pyarrow av laspy nibabel pydicom click rich usearch pytest hypothesis $(TORCH)
FUZZ_TOOLS := atheris
LINT_TOOLS := ruff mypy clang-format
FRAMEWORKS := lightning accelerate transformers
BENCH      := duckdb polars pyarrow numexpr datafusion simplejpeg grain

CXX_SOURCES = $(shell git ls-files 'engine_cpp/*.cpp' 'engine_cpp/*.h' 'benchmarks/*.cpp' 'tests/*.cpp' 'tests/*.h')

.DEFAULT_GOAL := help
.PHONY: help build test frameworks lint format golden interop asan tsan fuzz bench bench-query bench-writing bench-instructions wheel demo clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tql needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "install the venv module of Python (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }

$(VENV)/tools: constraints.txt pyproject.toml Makefile | $(BIN)/python
	@sh .ci/install-codecs
	$(PIP) $(TOOLS) $(TEST_TOOLS)
	@touch $@

$(VENV)/lint-tools: $(VENV)/tools
	$(PIP) $(LINT_TOOLS)
	@touch $@

$(VENV)/fuzz-tools: $(VENV)/tools
	-$(PIP) $(FUZZ_TOOLS)
	@touch $@

$(VENV)/bench-tools: $(VENV)/tools
	$(PIP) $(BENCH)
	@touch $@

$(VENV)/framework-tools: $(VENV)/tools
	$(PIP) $(FRAMEWORKS)
	@touch $@

build: $(VENV)/tools  ## virtual environment, pinned tools, editable install, incremental
	@PATH="$(abspath $(BIN)):$$PATH" $(PIP) --no-build-isolation --no-deps --editable .

test: build  ## build and run the tests; make test K=limit for some
	$(PYTEST)

frameworks: build $(VENV)/framework-tools  ## the loader in Lightning, Accelerate and the Trainer of transformers
	$(PYTEST) tests/loader/test_frameworks.py

lint: $(VENV)/lint-tools build  ## ruff, mypy, clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p tql
	$(BIN)/clang-format --dry-run --Werror $(CXX_SOURCES)

format: $(VENV)/lint-tools  ## rewrite the sources in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CXX_SOURCES)

golden: build  ## rewrite the golden files, show the difference
	TQL_GOLDEN=rewrite $(PYTEST) tests/golden tests/rules tests/packaging tests/formats
	git --no-pager diff --stat -- tests docs

# A sanitizer needs its own environment: the editable install of .venv would win over the instrumented build.
# The runtime is preloaded because the interpreter itself is not instrumented. PYTHONSAFEPATH keeps ./tql, which
# holds no engine, off the path of the tests and of the processes that they start.
define sanitizer-build
	@test -x build/$(1)-env/bin/python || $(PYTHON) -m venv build/$(1)-env
	build/$(1)-env/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  $(TOOLS) $(filter-out torch,$(TEST_TOOLS))
	PATH="$(abspath build/$(1)-env/bin):$$PATH" build/$(1)-env/bin/pip install --quiet --no-build-isolation --no-deps \
	  --config-settings=build-dir=build/$(1) --config-settings=cmake.build-type=RelWithDebInfo \
	  --config-settings=install.strip=false --config-settings=cmake.define.TQL_SANITIZE=$(2) \
	  --config-settings=cmake.define.TQL_NATIVE_TESTS=ON .
endef
sanitized-python = LD_PRELOAD="$$($${CXX:-c++} -print-file-name=$(2)) $$($${CXX:-c++} -print-file-name=libstdc++.so)" \
	  PYTHONSAFEPATH=1 $(3) build/$(1)-env/bin/python
ASAN := ASAN_OPTIONS=detect_leaks=0:hard_rss_limit_mb=16000 UBSAN_OPTIONS=print_stacktrace=1
TSAN := TSAN_OPTIONS="halt_on_error=1 die_after_fork=0 suppressions=$(abspath tests/tsan.supp)"
asan-build  = $(call sanitizer-build,asan,address$(comma)undefined)
asan-python = $(call sanitized-python,asan,libasan.so,$(ASAN))
tsan-python = $(call sanitized-python,tsan,libtsan.so,$(TSAN))
comma := ,

# The format's own package needs NumPy below 2, so it lives in an environment of its own; the tests talk to it.
build/interop-env/tools: constraints-interop.txt
	@test -x build/interop-env/bin/python || $(PYTHON) -m venv build/interop-env
	build/interop-env/bin/pip install --quiet --disable-pip-version-check --requirement constraints-interop.txt
	@touch $@

interop: build build/interop-env/tools  ## datasets written in turns with deeplake, read by both
	TQL_INTEROP_PYTHON="$(abspath build/interop-env/bin/python)" $(PYTEST) tests/interop

# What a sanitizer can't run: a test that takes address space away from a process, which the sanitizer's own
# allocator does not survive, and tests that measure a process in which the sanitizer's bookkeeping grows.
MEMORY_TESTS := --ignore tests/loader/test_memory_stays_flat.py --ignore tests/loader/test_memory_bound.py \
  --ignore tests/engine/test_kept_memory.py --deselect \
  tests/engine/test_memory_limit.py::test_where_the_system_has_no_memory_the_query_fails_and_the_engine_goes_on

# A small stack holds fewer of the sanitizer's frames than the engine counts on.
SMALL_STACKS := tests/language/test_limits.py::test_deep_queries_run_in_threads_with_small_stacks

asan: | $(BIN)/python  ## all tests under the address and undefined-behaviour sanitizers
	$(asan-build)
	$(ASAN) build/asan/tql_native_tests
	$(asan-python) -m pytest -p no:cacheprovider tests $(MEMORY_TESTS) --deselect $(SMALL_STACKS)

# Four tests start threads in a forked child of a process with threads. The sanitizer's own bookkeeping of threads
# does not survive that: it aborts with "dup thread with used id" whatever the code does.
FORKED_THREADS := tests/engine/test_decode_pool.py::test_a_forked_child_starts_threads_of_its_own \
  --deselect tests/loader/test_streaming.py::test_a_forked_child_goes_on_with_threads_of_its_own \
  --deselect tests/engine/test_engine_read_ahead.py::test_a_child_after_a_query_can_query \
  --deselect tests/engine/test_stored_area.py::test_a_forked_child_reads_its_own

tsan: | $(BIN)/python  ## the engine and loader tests under the thread sanitizer
	$(call sanitizer-build,tsan,thread)
	$(TSAN) build/tsan/tql_native_tests
	$(tsan-python) -m pytest -p no:cacheprovider tests/engine tests/loader $(MEMORY_TESTS) --deselect $(FORKED_THREADS)

# The first two run side by side; together they take the longest by far.
fuzz: build $(VENV)/fuzz-tools  ## generated queries against the reference engine; the parser, plans and documents by coverage; files of the format
	HYPOTHESIS_PROFILE=fuzz TQL_FUZZ_EXAMPLES=$(or $(TQL_FUZZ_EXAMPLES),100000) \
	  $(PYTEST) -q tests/property -k reference_answer & first=$$!; \
	HYPOTHESIS_PROFILE=fuzz TQL_FUZZ_EXAMPLES=$(or $(TQL_FUZZ_EXAMPLES),10000) \
	  $(PYTEST) -q tests/property -k "not reference_answer"; second=$$?; \
	wait $$first && test $$second = 0
	$(BIN)/python tests/fuzz/run.py parser $(FUZZ_SECONDS)
	$(BIN)/python tests/fuzz/run_native.py plans $(FUZZ_SECONDS)
	$(BIN)/python tests/fuzz/run_native.py documents $(FUZZ_SECONDS)
	$(asan-build)
	$(asan-python) tests/fuzz/run_format.py $(FUZZ_SECONDS)

bench: build $(VENV)/bench-tools  ## ratios to the peers and to the machine's limit; never a pass or fail
	$(BIN)/python benchmarks/run.py

bench-query: build $(VENV)/bench-tools  ## queries in memory against the peers; ARGS="--only Q3 --markdown"
	PYTHONPATH=benchmarks $(BIN)/python -m query $(ARGS)

bench-writing: build build/interop-env/tools  ## writing datasets, beside deeplake
	TQL_INTEROP_PYTHON="$(abspath build/interop-env/bin/python)" $(BIN)/python benchmarks/writing.py

# No wall time, so it does not mind a busy machine. Needs valgrind.
bench-instructions: build  ## instructions per row of the main kernels, by callgrind; ARGS="--only Q3 --markdown"
	@PATH="$(abspath $(BIN)):$$PATH" cmake -S . -B build/instructions -G Ninja -DCMAKE_BUILD_TYPE=Release \
	  -DTQL_BENCHMARKS=ON -DPython_EXECUTABLE="$(abspath $(BIN)/python)" \
	  -Dpybind11_DIR="$$($(BIN)/python -m pybind11 --cmakedir)" > build/instructions.log || { cat build/instructions.log; exit 1; }
	@$(BIN)/cmake --build build/instructions --target tql_instructions
	PYTHONPATH=benchmarks $(BIN)/python -m instructions $(ARGS)

wheel: $(VENV)/tools  ## build the wheel and test it in a fresh environment
	rm -rf dist build/wheel-env build/wheel-tests
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m build --no-isolation --outdir dist .
	$(PYTHON) -m venv build/wheel-env
	build/wheel-env/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	  $(filter-out torch,$(TEST_TOOLS)) dist/*.whl
	mkdir build/wheel-tests && cp -r tests examples docs pyproject.toml *.md LICENSE build/wheel-tests/
	cd build/wheel-tests && ../wheel-env/bin/python -m pytest -q

demo: build  ## the main job on real data
	$(BIN)/python examples/demo.py

clean:  ## remove everything that was built
	rm -rf $(VENV) build dist
