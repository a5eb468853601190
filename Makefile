# `make demo` shows what Zap does; `make ci` is all that a change must pass.
# PYTHON=python3.12 make demo    chooses the interpreter of .venv
# EXTRAS=beam,train make demo    installs less
# PYTEST_ARGS="-k layers" make test
# SLOW=1 make test               adds kills, full disks, others' clients, retraining

PYTHON ?= $(shell python3.11 -c "" 2>/dev/null && echo python3.11 || echo python3)
EXTRAS ?= beam,train,serve
JOBS ?= 3
PYTEST_ARGS ?=
SLOW ?= $(CI)
DEMO := build/demo

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --progress-bar off --log $(VENV)/pip.log \
	--constraint constraints.txt --editable
NEEDS := setup.py pyproject.toml constraints.txt

.DELETE_ON_ERROR:
.PHONY: help demo demo-live test docs-test lint format types ci clean prove-quality prove-guards prove-speed prove-tuning prove-retraining prove-airflow prove-serving prove-collect prove-scoring prove-scale

help:  ## list these commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.installed  ## the whole job on real data, and where its report is
	@rm -rf $(DEMO)
	@$(BIN)/zap run cdnow_repurchase --output $(abspath $(DEMO))
	@test -s $(DEMO)/report.html

demo-live: $(VENV)/.installed  ## a shop page whose clicks move a probability; Ctrl-C ends it
	@$(BIN)/python examples/live/demo.py --folder build/live

test: $(VENV)/.installed-dev  ## the tests, the examples of the docs included; SLOW=1 adds the long ones, as CI does
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -n $(JOBS) --dist worksteal \
		$(if $(SLOW),,-m "not slow") $(PYTEST_ARGS)

docs-test: $(VENV)/.installed-dev  ## only the examples in docstrings and docs
	@$(BIN)/python -m pytest tests/test_docs.py $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev  ## style and format, as ruff sees them
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(VENV)/.installed-dev  ## mend what ruff can mend by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.installed-dev  ## mypy, strict, on zap/
	@$(BIN)/mypy

ci:  ## what a change must pass: lint, types, test
	@bash .ci/run

prove-quality: $(VENV)/.installed-dev  ## how good models are beside boosting (long; needs ZAP_SHARED_DATA)
	@rm -rf build/quality
	@$(BIN)/python -m bench.quality --data $(or $(ZAP_SHARED_DATA),../shared/data)

prove-guards: $(VENV)/.installed-dev  ## leaks, bots, bias, labels against what is known (long; needs ZAP_SHARED_DATA)
	@$(BIN)/python -m bench.guards.leaks
	@$(BIN)/python -m bench.guards.paper_rule --data $(or $(ZAP_SHARED_DATA),../shared/data)
	@$(BIN)/python -m bench.guards.bots
	@$(BIN)/python -m bench.guards.simulated_truth
	@$(BIN)/python -m bench.guards.kinds

prove-tuning: $(VENV)/.installed-dev  ## what 30 trials of zap tune gain on the test split (half an hour; needs ZAP_SHARED_DATA)
	@$(BIN)/python -m bench.tuning --data $(or $(ZAP_SHARED_DATA),../shared/data) --trials 30 --seeds 3

prove-retraining: $(VENV)/.installed-dev  ## eight weekly retrains of a shop that changes, and broken feeds (a quarter of an hour)
	@$(BIN)/python -m bench.retraining

prove-serving: $(VENV)/.installed-dev  ## predictions beside LiteRT alone, the server beside FastAPI with TensorFlow, faults at full size (long; needs redis-server)
	@$(BIN)/python -m bench.serving.predictor
	@$(BIN)/python -m bench.serving
	@$(BIN)/python -m bench.serving.faults

prove-collect: $(VENV)/.installed-dev  ## the collector's load beside a bare server, and faults at full size (an hour; needs redis-server)
	@$(BIN)/python -m bench.collect.load
	@$(BIN)/python -m bench.collect.spool
	@$(BIN)/python -m bench.collect.faults
	@ZAP_PROVE=1 $(BIN)/python -m pytest tests/collect -k "kill or lost or failure_at_any_step"

prove-scoring: $(VENV)/.installed-dev  ## batch scores beside a real server's, kills, subjects a second
	@$(BIN)/python -m pytest tests/scoring tests/jobs/test_batch_score.py tests/jobs/test_score_kills.py
	@$(BIN)/python -m bench.scoring

GCS := build/servers/gcs
prove-scale: $(VENV)/.installed-dev  ## the same examples on Prism, Flink and a worker's clean environment, kills, costs to 100 M events (an hour; needs go, mvn, java)
	@bench/scale/servers/install
	@tests/servers/google/install && tests/servers/dataflow/install
	@test -x $(GCS)/bin/gcp-storage-emulator || { $(PYTHON) -m venv $(GCS) && \
		$(GCS)/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement tests/servers/gcs/requirements.txt; }
	@$(BIN)/python -m bench.scale
	@ZAP_PROVE=1 $(BIN)/python -m pytest tests/bench/test_scale.py tests/dataflow/test_worker_side.py tests/vertex \
		tests/beam/test_follow.py tests/beam/test_pool.py tests/scoring/following
	@$(BIN)/python -m bench.scale.throughput
	@$(BIN)/python -m bench.scale.cost --again
	@$(BIN)/python -m bench.scale.cost.pieces
	@$(BIN)/python -m bench.scale.skew

AIRFLOW := build/airflow
prove-airflow: $(VENV)/.installed-dev  ## the Airflow DAG, imported and run by Airflow in an environment of its own
	@test -x $(AIRFLOW)/bin/airflow || { $(PYTHON) -m venv $(AIRFLOW) && \
		$(AIRFLOW)/bin/python -m pip install --quiet --disable-pip-version-check \
		--requirement examples/airflow/requirements.txt; }
	@ZAP_AIRFLOW_PYTHON=$(abspath $(AIRFLOW)/bin/python) $(BIN)/python -m pytest tests/airflow

clean:  ## remove what was built, .venv included
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache \
		.hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; v = sys.version_info; \
		sys.exit(0 if v >= (3, 11) else "Zap needs Python 3.11 or later. " \
		"Received: $(PYTHON)=%d.%d. Name another: make PYTHON=python3.11" % v[:2])'
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made $(NEEDS)
	@echo "Installing zap[$(EXTRAS)] into $(VENV): about 1 GB to fetch, some minutes;" \
		"details in $(VENV)/pip.log"
	@$(INSTALL) ".[$(EXTRAS)]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing zap[$(EXTRAS),bench,dev] into $(VENV): what the tests need besides"
	@$(INSTALL) ".[$(EXTRAS),bench,dev]"
	@touch $@

prove-speed: $(VENV)/.installed-dev  ## speed and memory beside references (long; 15 GB of memory for the largest)
	@$(BIN)/python -m bench.data_path --contestants zap polars per_event
	@$(BIN)/python -m bench.data_path --events 1000000 3000000 10000000 --contestants polars duckdb
	@$(BIN)/python -m bench.encoding
	@$(BIN)/python -m bench.custom
	@$(BIN)/python -m bench.disk
	@$(BIN)/python -m bench.big_subject
	@$(BIN)/python -m bench.training
