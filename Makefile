# PYTHON is the interpreter that makes the virtual environment; everything else runs inside it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SHELL := /bin/bash

# Without what they ask for: opencv-python-headless would take the windows of opencv-python away. The rest is in `dev`.
WITHOUT_HEADLESS := datumaro==1.13.12 albumentations==2.0.8 albucore==0.0.24

.PHONY: demo test test-fast wheel bench lint docs results run-results clean

$(BIN)/liquidtrack: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e .
	@touch $@

$(VENV)/dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[torch,eval,bench,docs,dev]'
	$(BIN)/pip install --quiet --no-deps $(WITHOUT_HEADLESS)
	@touch $@

demo: $(BIN)/liquidtrack  ## track a real clip: out/demo.mp4
	$(BIN)/liquidtrack demo

# Two test processes more than cores, since many tests wait for servers, browsers and children. With threads of their
# own, the networks' libraries would wait for one another.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 2))) --dist loadfile

test: $(VENV)/dev  ## every test, on all cores
	$(PYTEST)

# Each room's tests that end within seconds; `make test` runs all.
FAST := tests/models tests/tracker tests/datasets/ground_truth tests/datasets/masks tests/datasets/subsampling \
	tests/datasets/formats/test_coco.py tests/datasets/formats/test_jsonl.py tests/datasets/formats/test_mot.py \
	tests/datasets/simulation/test_crops.py tests/datasets/sources/test_images.py \
	tests/tools/annotate/test_security.py tests/tools/batch/engines/test_config.py \
	tests/tools/benchmark/test_paired_bootstrap.py tests/tools/cli tests/tools/display/test_box_selection.py \
	tests/tools/evaluate tests/tools/inspect tests/tools/metrics tests/tools/reporting tests/tools/track \
	tests/tools/train/test_motion_priors.py tests/end_to_end/test_project_files.py tests/end_to_end/test_readme.py \
	tests/end_to_end/test_regression.py tests/end_to_end/test_results.py tests/end_to_end/test_stale_environment.py
test-fast: $(VENV)/plain  ## the quick tests of each room, with a plain installation: what needs an extra skips itself
	$(PYTEST) $(FAST)

$(VENV)/plain: $(BIN)/liquidtrack
	$(BIN)/pip install --quiet 'pytest>=8,<10' 'pytest-xdist>=3.6,<4' 'hypothesis>=6.100,<7'
	@touch $@

wheel:  ## the package in dist/, installed without extras in an environment of its own, at work in a foreign folder
	$(PYTHON) docs/scripts/smoke_wheel.py

lint: $(VENV)/dev  ## style, types and the floors' import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/dev  ## the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

results: $(VENV)/dev  ## the pages of results and the README's table, from docs/results/*.json
	$(BIN)/python docs/scripts/results.py

DATA ?= ../shared/data
MODELS ?= ../shared/models
run-results: $(VENV)/dev  ## measure every result: the research data in DATA, the published detectors in MODELS
	$(BIN)/pip install --quiet --no-deps arcsort loguru
	$(BIN)/python docs/scripts/run_results.py '$(DATA)' '$(MODELS)'

CLIP ?= out/demo.mp4
NETWORK ?= background
bench: $(VENV)/dev  ## the pipeline's stages on CLIP with the detector NETWORK
	$(BIN)/liquidtrack bench pipeline $(CLIP) --detector $(NETWORK)

clean:
	rm -rf $(VENV) out site build dist *.egg-info
