# liftcast. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
export LIFTCAST_REFERENCE_DATA ?= $(abspath ../shared/data)
# Two test processes share two cores: more threads only get in each other's way.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
# A dozen processes start: without cached bytecode each would compile Airflow anew.
export PYTHONDONTWRITEBYTECODE :=
# Nothing here calls home.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False

.PHONY: help
help:  ## Show this list
	@echo "liftcast: what every campaign brought, and the volume to expect."
	@echo
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16 | sed 's/^/  make /'
	@echo
	@echo "New here: make demo"

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "liftcast needs Python 3.11 or newer; say which with: make PYTHON=python3.12 demo"; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing pinned dependencies (constraints.txt)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@$(BIN)/uv pip install --python $(BIN)/python -c constraints.txt -e '.[dev]' 2>&1 | grep -E '^(Installed|Audited|error|  [^+ ])' || true
	@$(BIN)/python -c 'import dbt.version, duckdb, statsmodels' || { echo "the installation is not complete"; exit 1; }
	@echo "compiling the mix model and the journeys for this machine (about a minute, once)"
	@$(BIN)/python -m models.mix.warming
	@$(BIN)/python -m models.journeys.warming
	@touch $@

.PHONY: install
install: $(VENV)/.installed  ## Make .venv with pinned dependencies

.PHONY: spark
spark: install  ## Add PySpark (large), which a test and forecasts on a cluster use; needs Java
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev,spark]'

.PHONY: demo
demo: install  ## Run everything on a simulated company, through Airflow, and show the result
	@$(BIN)/liftcast demo --lake build/demo

.PHONY: airflow
airflow: install  ## Start Airflow with the project's DAGs; prints address and login
	@$(BIN)/liftcast airflow

.PHONY: lint
lint: install  ## Style, types, SQL, and the floors imports may run down
	@$(MAKE) --no-print-directory --output-sync=target -j 2 lint-python lint-sql

.PHONY: lint-python
lint-python:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

.PHONY: lint-sql
lint-sql:
	@cd dbt_project && ../$(BIN)/sqlfluff lint --disable-progress-bar models tests
	@cd dbt_project && LIFTCAST_LAKE=/none DBT_TARGET_PATH=target DBT_LOG_PATH=target ../$(BIN)/dbt -q parse --profiles-dir . --vars '{reporting_currency: EUR}' && ../$(BIN)/dbt-bouncer run --config-file dbt-bouncer.yml

.PHONY: unit
unit: install  ## Tests of the rooms (no servers)
	@$(PYTEST) -m "not e2e and not reference" -n 2 --dist loadfile -q

.PHONY: reference
reference: install  ## Tests against public data with published results
	@$(PYTEST) -m "reference and not e2e" -n 2 --dist loadfile -q

.PHONY: e2e
e2e: install  ## The whole chain: real Airflow, kills, real input
	@$(PYTEST) -m e2e -n 2 --dist loadfile -q

# One run of everything: each of several would wait for its longest file. Lint runs beside it and
# fills the time in which tests wait for a server; what it says is printed whole, when it ends.
.PHONY: test
test: install  ## Lint, types, unit, dbt, reference and end-to-end tests
	@mkdir -p build; \
	{ $(MAKE) --no-print-directory lint >build/lint.log 2>&1; said=$$?; echo; cat build/lint.log; \
	  exit $$said; } & lint=$$!; \
	$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder -q; tests=$$?; \
	wait $$lint; lint=$$?; \
	[ $$lint = 0 ] || echo "lint failed: see above, or build/lint.log"; \
	[ $$tests = 0 ] && [ $$lint = 0 ]

.PHONY: clean
clean:  ## Remove what was built (not the lake, not .venv)
	@rm -rf build dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache

.PHONY: pins
pins: install  ## Resolve constraints.txt anew (keeps its head)
	@{ sed -n '/^#/p' constraints.txt; \
	  $(BIN)/uv pip compile -q pyproject.toml --extra dev --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --python-version 3.11; \
	  $(BIN)/uv --version | sed -E 's/uv ([0-9.]+).*/uv==\1/'; } > build-pins.tmp
	@mv build-pins.tmp constraints.txt

.PHONY: bench
bench: install  ## Speed: landing and transforming 1 to 50 million touchpoints (about 20 minutes)
	@$(BIN)/python benchmarks/pipeline.py

.PHONY: bench-mix
bench-mix: install  ## The mix model against PyMC-Marketing and Meridian on known truth (hours)
	@$(BIN)/python benchmarks/environments.py mix
	@$(BIN)/python benchmarks/mix/run.py --national 101..110 --territories 101..103 --scale

.PHONY: bench-journeys
bench-journeys: install  ## Removal effects against two packages, up to 5 million paths
	@$(BIN)/python benchmarks/environments.py journeys
	@$(BIN)/python benchmarks/journeys/run.py

.PHONY: bench-forecast
bench-forecast: install  ## The forecast beside Prophet, AutoETS, AutoARIMA and LightGBM alone (a CPU hour and a half)
	@$(BIN)/python benchmarks/forecast/run.py

.PHONY: verify
verify: install  ## Slow proof: interval coverage over ten simulated companies (about 12 minutes)
	@$(BIN)/python benchmarks/recovery.py
