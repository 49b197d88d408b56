# The verbs of the course. `make demo`, `make test` and `make lab` each work alone on a fresh clone.
# The environment is .venv, the active conda environment, or what VENV= names.
SHELL := /bin/bash
ifdef CONDA_PREFIX
VENV ?= $(CONDA_PREFIX)
endif
VENV ?= .venv
PYTHON ?= python3
RUN := PATH="$(abspath $(VENV))/bin:$$PATH"
READY := $(VENV)/.deep-learning-lab-ready
NOTEBOOKS := $(wildcard solutions/ex*/ex*.ipynb)

.PHONY: help env demo test lab release bench lint clean

help:
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

env: $(READY) ## the environment in .venv, and what the system must give

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version). Name another with PYTHON=python3.x"; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(VENV)/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[staff,dev]'
	@tools/system_packages.sh
	@touch $@

demo: env ## from a fresh clone to graded work: a sample class, its marks, feedback and reports
	@$(RUN) python -m grading sample-class ex01_pose_regression

test: env lint ## all tests, the notebooks, the drift check: what CI runs
	$(RUN) python -m grading release --check
	printf '%s\n' $(NOTEBOOKS) | sort -r | $(RUN) DEEP_LEARNING_LAB_STRICT=1 xargs -P 2 -n 1 \
		python -m pytest -q --nbval-lax --nbval-cell-timeout=300 -p no:cacheprovider
	$(RUN) OMP_NUM_THREADS=1 python -m pytest -q -n 2 --dist loadfile

lab: env ## JupyterLab on exercises/
	@$(RUN) jupyter lab --notebook-dir=exercises

release: env ## exercises/ from solutions/, and the students' bundle in build/
	@$(RUN) python -m grading release

bench: env ## speed and memory, as ratios measured side by side (some 25 minutes)
	@$(RUN) python -m benchmarks

lint: env ## style, types, and that no room imports one above its own
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

clean: ## removes caches, the sample class and the bundle; a real class stays
	rm -rf build data/cache grading/sample grading/cache
