# histotwin: `make help` lists what there is.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: help install install-dev up test test-all test-composition faults faults-long mutants bench lint format docs docs-check lock screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(VENV)/.installed ## make .venv with the pinned requirements

install-dev: $(VENV)/.installed-dev ## the same, with what tests, linters and benchmarks need

$(VENV)/.installed: requirements.lock pyproject.toml
	@bash scripts/bootstrap.sh "$(PYTHON)" "$(VENV)" requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml
	@bash scripts/bootstrap.sh "$(PYTHON)" "$(VENV)" requirements-dev.lock
	@bash scripts/install_test_services.sh
	@touch $@ $(VENV)/.installed

up: install ## start the whole product; ARGS="--port 9000 --data-dir /somewhere" passes options on
	@exec $(BIN)/histotwin up $(ARGS)

test: install-dev ## every test that is not a slow proof
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(ARGS)

test-all: install-dev ## every test, slow proofs too, but not the composition
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not composition" $(ARGS)

test-composition: install-dev ## the composition in containers, for real (needs root and podman; 2-4 min, 5 more at first)
	@$(BIN)/python -m pytest -m composition tests/operations/test_composition.py $(ARGS)

faults: install-dev ## kill, cut and jam the real parts: 12,000 events through 36 faults on both set-ups
	@$(BIN)/python -m tests.faults --events 12000 --faults 36 $(ARGS)

faults-long: install-dev ## the same with 100,000 events through 200 faults
	@$(BIN)/python -m tests.faults --events 100000 --faults 200 $(ARGS)

mutants: install-dev ## put seeded faults into copies of the twin, one in each: which test notices it (2 min)
	@$(BIN)/python -m tests.mutants $(ARGS)

bench: install-dev ## every benchmark, side by side in one run
	@for bench in benchmarks/bench_*.py; do \
	  echo "== $$bench"; $(BIN)/python -m benchmarks.$$(basename $$bench .py) || exit 1; done

lint: install-dev ## ruff, mypy, import-linter, generated docs up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_docs.py --check

format: install-dev ## mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install-dev ## generate the schemas and the AsyncAPI document in docs/
	$(BIN)/python scripts/generate_docs.py

screenshots: install-dev ## take docs/screenshots from a running histotwin (ARGS="--url http://127.0.0.1:8050")
	$(BIN)/python scripts/take_screenshots.py $(ARGS)

lock: ## renew the pinned requirements (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" --group build --group dev pyproject.toml -o requirements-dev.lock

clean: ## remove what install made
	rm -rf $(VENV)
