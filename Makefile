# The verbs of the course. `make demo`, `make test` and `make lab` each work alone on a fresh clone.
# The environment is .venv, the active conda environment, or what VENV= names. Conda's base is nobody's place for
# packages: where it is active, .venv is made from its Python.
SHELL := /bin/bash
ifdef CONDA_PREFIX
ifeq ($(filter base root,$(CONDA_DEFAULT_ENV))$(wildcard $(CONDA_PREFIX)/condabin),)
VENV ?= $(CONDA_PREFIX)
else ifeq ($(origin VENV),undefined)
$(info conda's base is active and stays as it is: the course goes into .venv here.)
endif
endif
VENV ?= .venv
PYTHON ?= python3
RUN := PATH="$(abspath $(VENV))/bin:$$PATH"
READY := $(VENV)/.deep-learning-lab-ready
NOTEBOOKS := $(wildcard solutions/ex*/ex*.ipynb)

.PHONY: help env demo test test-full check-the-checks lab release bench docs lint clean

help:
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

env: $(READY) ## the environment in .venv, and what the system must give

GUARD := $(VENV)/etc/jupyter/nbgrader_config.py# an administrator's own stays
$(READY): pyproject.toml constraints.txt tools/nbgrader_config.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version). Name another with PYTHON=python3.x"; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[staff,dev]'
	@tools/system_packages.sh
	@{ test -e $(GUARD) && ! grep -q "does as in the course's own" $(GUARD); } || { mkdir -p $(dir $(GUARD)) && cp tools/nbgrader_config.py $(GUARD); }
	@touch $@

demo: env ## from a fresh clone to graded work: a sample class, its marks, feedback and reports
	@$(RUN) python -m grading sample-class ex01_pose_regression

# In `make test` trainings take a tenth of their seconds; all cells, pictures and checks run.
SHORTLY := DEEP_LEARNING_LAB_TIME_FACTOR=0.1
SHORT := $(NOTEBOOKS:solutions/%=build/notebooks/%)
MEASURED := build/durations# what each test and each notebook took
PICTURES := build/screenshots# what browsers showed
PYTEST = DEEP_LEARNING_LAB_SCREENSHOTS="$(abspath $(PICTURES))" python -m pytest -q -p no:cacheprovider \
	-n 2 --dist loadfile --no-loadscope-reorder --junitxml=$(MEASURED)
# A test that hangs is named with its stack, and the others go on: after so many seconds.
HANGS = -o faulthandler_exit_on_timeout=true -o faulthandler_timeout

test: env lint ## is this change sound? tests, drift, notebooks with short trainings: what CI runs (16 to 25 minutes)
	$(RUN) OMP_NUM_THREADS=1 python -m grading release --check
	rm -rf $(MEASURED) $(PICTURES) build/notebooks
	mkdir -p $(MEASURED) $(PICTURES) $(dir $(SHORT))
	for one in $(NOTEBOOKS); do cp $$one build/notebooks/$${one#solutions/}; done
	$(RUN) $(SHORTLY) OMP_NUM_THREADS=1 DEEP_LEARNING_LAB_STRICT=1 tools/run_notebooks.sh 2 $(MEASURED) $(SHORT)
	$(RUN) $(SHORTLY) OMP_NUM_THREADS=1 $(PYTEST)/tests.xml $(HANGS)=600 -m "not full"
	@$(RUN) python -m tools.durations $(MEASURED)

test-full: env lint ## all of it: whole trainings that must earn all points, every browser, every loop (an hour)
	$(RUN) OMP_NUM_THREADS=1 python -m grading release --check
	rm -rf $(MEASURED) $(PICTURES)
	mkdir -p $(MEASURED) $(PICTURES)
	$(RUN) DEEP_LEARNING_LAB_STRICT=full tools/run_notebooks.sh 1 $(MEASURED) $(NOTEBOOKS)
	$(RUN) OMP_NUM_THREADS=1 $(PYTEST)/tests.xml $(HANGS)=2400
	@$(RUN) python -m tools.durations $(MEASURED)

check-the-checks: env ## do checks hold what they promise? answers, strangers, mutants, sentences, seeds (7 to 11 minutes)
	@$(RUN) OMP_NUM_THREADS=1 python -m tools.check_the_checks

lab: env ## JupyterLab on exercises/
	@$(RUN) jupyter lab --notebook-dir=exercises

release: env ## exercises/ from solutions/, and the students' bundle in build/
	@$(RUN) python -m grading release
	@$(RUN) python -m tools.check_the_checks --sentences

bench: env ## speed and memory, as ratios measured side by side (some 25 minutes)
	@$(RUN) python -m benchmarks

docs: env ## the documentation as a site in build/site; strict, and it fetches nothing
	@$(RUN) python -c 'import material, mkdocs' 2>/dev/null || \
		$(VENV)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(RUN) NO_MKDOCS_2_WARNING=1 python -m mkdocs build
	@echo "build/site/index.html opens in a browser; with the search: python -m http.server -d build/site"

lint: env ## style, types, and that no room imports one above its own
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

clean: ## removes caches, the sample class and the bundle; a real class stays
	rm -rf build data/cache grading/sample grading/cache
