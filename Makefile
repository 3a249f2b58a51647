# `make` alone explains itself. Every target sets up what it needs in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= auto
PYTHON38 ?=
VENV38 ?= .venv38
EXTRAS ?= train,s3,mqtt,sign,test,lint,package

.PHONY: help setup demo test lint bench package package-test package-root-test image-test clean

help: ## show what can be made
	@echo "SednaBox - make targets:"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16 | sed 's/^/  /'
	@echo "  Variables: PYTHON=$(PYTHON) VENV=$(VENV) JOBS=$(JOBS)"

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.8 or newer is needed, this is " + sys.version) if sys.version_info < (3, 8) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@

setup: $(VENV)/.ready ## make the environment in .venv

demo: setup ## run the closed loop: detect, filter, upload, train, evaluate, swap
	$(BIN)/sednabox demo

test: setup ## run all tests; what ModelBox's interpreter loads also on Python 3.8, where there is one
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests
	PYTHON38="$(PYTHON38)" VENV38="$(VENV38)" tests/on_python38.sh -n $(JOBS) --dist worksteal

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup ## print every figure that the docs quote, each with its ceiling
	$(BIN)/python -m bench

package: setup ## build deb, rpm and tgz into dist/
	packaging/build.sh

package-root-test: setup ## the same in a real Debian root, with a bundle (needs root and debootstrap)
	packaging/root-test.sh

image-test: ## build the edge image and use it without root, network and a writable root (ENGINE=podman)
	sh packaging/docker/test.sh

package-test: package ## install, run, upgrade and remove the packages in a clean root
	packaging/test.sh

clean: ## remove what was built, keep .venv
	rm -rf build dist out .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
