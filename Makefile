# Two commands: `make run` and `make test`. Both set up what they need first, and are safe to repeat.
PYTHON ?= python3
# The build of torch: leave empty for the default of the package index. For a CPU build where the default is CUDA's:
#   make run TORCH_INDEX=https://download.pytorch.org/whl/cpu
# and for a given CUDA version e.g. https://download.pytorch.org/whl/cu130
TORCH_INDEX ?=
# e.g. make run DATASET=musdb18-7s (several: DATASET="musdb18-7s folder"); empty: what params.yaml says
DATASET ?=

export PATH := $(CURDIR)/.venv/bin:$(PATH)
STAMP := .venv/.set-up

.PHONY: run test all-tests test-fast soak lint style types setup clean

run: $(STAMP)
	@stemline run $(foreach name,$(DATASET),--dataset $(name))

# what takes seconds first, then types beside the tests: on a clean clone those take a minute of one core
test: style
	@$(MAKE) --no-print-directory --jobs=2 types all-tests

all-tests: $(STAMP)
	@pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not soak" tests

test-fast: $(STAMP)
	@pytest -n 2 --dist loadfile -m "not slow and not soak" tests

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
