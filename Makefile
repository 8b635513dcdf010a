# Two commands: `make run` and `make test`. Both set up what they need first and can be repeated safely.
# `make test-system` tests real servers, browsers and whole pipelines as well; CI (.ci/run) runs both.
PYTHON ?= python3
# The build of torch: leave empty for the default of the package index. For a CPU build where the default is CUDA's:
#   make run TORCH_INDEX=https://download.pytorch.org/whl/cpu
# and for a given CUDA version e.g. https://download.pytorch.org/whl/cu130
TORCH_INDEX ?=
# e.g. make run DATASET=musdb18-7s (several: DATASET="musdb18-7s folder"); empty: what params.yaml says
DATASET ?=
# How many test processes run at once: more than there are cores, since tests also wait for processes and files.
WORKERS ?= 4
PYTEST := pytest --dist loadfile --no-loadscope-reorder

export PATH := $(CURDIR)/.venv/bin:$(PATH)
STAMP := .venv/.set-up

.PHONY: run test component-tests test-fast test-system test-containers soak lint style types setup clean

run: $(STAMP)
	@stemline run $(foreach name,$(DATASET),--dataset $(name))

# Formatting first, since it takes seconds; then types beside the tests.
test: style
	@$(MAKE) --no-print-directory --jobs=2 types component-tests

component-tests: $(STAMP)
	@$(PYTEST) -n $(WORKERS) -m "not system and not soak and not containers" tests

# Only the tests that take at most a few seconds.
test-fast: $(STAMP)
	@$(PYTEST) -n $(WORKERS) -m "not slow and not system and not soak and not containers" tests

# Real servers, browsers, trainings, other runtimes, kills and whole pipelines.
test-system: $(STAMP)
	@$(PYTEST) -n $(WORKERS) -m "system and not soak" tests

# Images and the stack on a Docker engine; skips without one. The first run builds the images, which takes minutes.
test-containers: $(STAMP)
	@pytest -m containers tests/docker

soak: $(STAMP)
	@pytest -m soak tests

lint: style types

style: $(STAMP)
	@ruff check --no-cache .
	@ruff format --check .

types: $(STAMP)
	@mypy

setup: $(STAMP)

$(STAMP): pyproject.toml requirements/lock.txt requirements/set-up.sh
	@PYTHON="$(PYTHON)" TORCH_INDEX="$(TORCH_INDEX)" sh requirements/set-up.sh
	@touch $(STAMP)

clean:
	@echo "This deletes workspace/: data, models, MLflow's and Prefect's stores." && rm -rf workspace
