# PYTHON is the interpreter that makes the virtual environment; everything else runs inside it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SHELL := /bin/bash

# Without what it asks for: opencv-python-headless would take the windows of opencv-python away. The rest is in `dev`.
DATUMARO := datumaro==1.13.12

.PHONY: demo test bench lint docs clean

$(BIN)/liquidtrack: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e .
	@touch $@

$(VENV)/dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[torch,eval,bench,docs,dev]'
	$(BIN)/pip install --quiet --no-deps '$(DATUMARO)'
	@touch $@

demo: $(BIN)/liquidtrack  ## track a real clip: out/demo.mp4
	$(BIN)/liquidtrack demo

test: $(VENV)/dev  ## every test, on all cores
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/dev  ## style, types and the floors' import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/dev  ## the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

CLIP ?= out/demo.mp4
NETWORK ?= background
bench: $(VENV)/dev  ## the pipeline's stages on CLIP with the detector NETWORK
	$(BIN)/liquidtrack bench pipeline $(CLIP) --network $(NETWORK)

clean:
	rm -rf $(VENV) out site build dist *.egg-info
