# One verb per line of help. The virtual environment holds uv itself; nothing else needs to be installed first.
UV_VERSION := 0.13.9
CHECKOV_VERSION := 3.3.30
CYCLONEDX_VERSION := 7.5.0
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
MINUTES ?= 5
SEED ?=
DISTRIBUTIONS := libs/bookcore libs/bookml libs/booksources tools/devstack services/scraper services/ingestor services/books-api services/search-api services/ml-api services/trainer gateway cli sample_shop
# More than two cores: much of a test is waiting for processes and servers.
WORKERS ?= 3
# Rooms with compiled modules; the account API and mail stay interpreted.
COMPILED_TESTS := $(addprefix tests/unit/gateway/,accounts api/test_cache_purge.py auth cache downstream http observability proxy ratelimit routing upstream test_clock_steps.py)
# The tests start hundreds of processes: without bytecode each would compile our modules anew.
export PYTHONDONTWRITEBYTECODE :=
export BOOKSTREAM_TEST_DATA ?= $(wildcard ../shared/data)

.PHONY: browser faketime promtool fuzz gcc help run servers test test-compiled test-stack test-faults test-gcs test-compose test-k8s soak check check-k8s checkov sbom bench bench-gateway bench-search bench-ml mutants docs lock clean

help: ## show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

run: $(VENV)/run ## crawl a bookshop, keep it, serve it (ARGS="--once --data DIR --port 8080")
	@$(BIN)/bookstream demo $(ARGS)

servers: $(VENV)/ready ## install the clients of the real servers and all that checks and tests need

test: check ## lint, types, import contracts and every test that needs no server
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --ignore tests/integration --ignore tests/faults $(ARGS)

test-stack: $(VENV)/ready ## install and start the real servers, then the contract, integration and fault suites on them
	$(BIN)/bookstream stack up > /dev/null
	$(BIN)/pytest -n 2 --dist loadfile tests/integration $(ARGS)
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup tests/faults -m "not exclusive" $(ARGS)

test-faults: $(VENV)/ready ## stop and kill each of the real servers under load, one after the other
	$(BIN)/bookstream stack up > /dev/null
	$(BIN)/pytest tests/faults -m exclusive $(ARGS)

test-gcs: $(VENV)/ready ## build the emulator of Google Cloud Storage (needs Go) and run the lake's suite on it
	$(BIN)/bookstream stack up fake-gcs-server > /dev/null
	$(BIN)/pytest tests/integration/test_lake_gcs.py $(ARGS)

test-compiled: $(VENV)/ready ## compile the gateway's data plane (needs gcc) and run its tests on that
	$(BIN)/python -m deploy.compiled .stack/compiled
	PYTHONPATH=.stack/compiled $(BIN)/pytest -n 2 --dist loadfile $(COMPILED_TESTS) tests/gateway/test_usage.py $(ARGS)

soak: $(VENV)/ready ## faults at random under load (MINUTES=5 SEED=1), from a seed that is printed
	$(BIN)/bookstream stack up > /dev/null
	$(BIN)/python -m tests.faults.soak $(MINUTES) $(SEED)

check: $(VENV)/ready ## lint, types and import contracts only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy libs services tools gateway cli sample_shop tests bench docs deploy
	$(BIN)/lint-imports

browser: ## install Debian's Chromium for the tests of the portal (as root)
	apt-get update -q && apt-get install -q --yes --no-install-recommends chromium chromium-driver fonts-dejavu-core

faketime: ## install Debian's libfaketime for the tests of stepped clocks (as root)
	ls /usr/lib/*/faketime/libfaketime.so.1 > /dev/null 2>&1 || (apt-get update -q && apt-get install -q --yes --no-install-recommends faketime)

promtool: ## install Debian's Prometheus and Alertmanager for the tests of rules and dashboards (as root)
	(command -v promtool && command -v amtool) > /dev/null || (apt-get update -q && RUNLEVEL=1 apt-get install -q --yes --no-install-recommends prometheus prometheus-alertmanager)

gcc: ## install a C compiler for test-compiled (as root)
	command -v gcc > /dev/null || (apt-get update -q && apt-get install -q --yes --no-install-recommends gcc libc6-dev)

check-k8s: $(VENV)/ready ## render deploy/k8s and check its schemas and policies; needs no cluster
	$(BIN)/python -m deploy.k8s.check

checkov: $(VENV)/ready ## check the rendered overlays with checkov, from an environment of its own in .stack
	test -x .stack/checkov/bin/checkov || ($(BIN)/uv venv --quiet --clear .stack/checkov && VIRTUAL_ENV=.stack/checkov $(BIN)/uv pip install --quiet checkov==$(CHECKOV_VERSION))
	mkdir -p .stack/k8s/rendered
	for name in overlays/dev overlays/test overlays/prod overlays/prod-gcp platform; do $(BIN)/python -m deploy.k8s.render deploy/k8s/$$name > .stack/k8s/rendered/$${name#*/}.yaml || exit 1; done
	.stack/checkov/bin/checkov --config-file deploy/k8s/checkov.conf --directory .stack/k8s/rendered

sbom: $(VENV)/ready ## list the packages of each image as CycloneDX in .stack/sbom, by a tool in an environment of its own
	test -x .stack/sbom/tool/bin/cyclonedx-py || ($(BIN)/uv venv --quiet --clear .stack/sbom/tool && VIRTUAL_ENV=.stack/sbom/tool $(BIN)/uv pip install --quiet cyclonedx-bom==$(CYCLONEDX_VERSION))
	$(BIN)/python -m deploy.release.sbom

test-k8s: $(VENV)/ready ## build Kubernetes and put the overlays before its real API server (needs Go, Maven and etcd)
	$(BIN)/python -m deploy.k8s.cluster.test

test-compose: $(VENV)/ready ## build every image, run docker-compose.yml, crawl through it and compare (as root)
	$(BIN)/python -m deploy.compose.test $(ARGS)

bench: $(VENV)/ready ## measure crawl, stores, frontier, search and the whole flow, embedded and on servers (ARGS="--docs stores")
	$(BIN)/python -m bench $(ARGS)

bench-gateway: $(VENV)/ready ## measure the gateway against Envoy, nginx with LuaJIT and the usual FastAPI (as root)
	eval "$$($(BIN)/bookstream stack up valkey)" && $(BIN)/python -m bench.gateway $(ARGS)

bench-search: $(VENV)/ready ## what people type: found first, by class of typing, beside plain peers (ARGS="--url URL --docs")
	$(BIN)/python -m bench.search $(ARGS)

bench-ml: $(VENV)/ready ## measure price models and ml-api against MLflow's scoring server (ARGS="--docs")
	$(BIN)/python -m bench.ml $(ARGS)

fuzz: $(VENV)/ready ## fuzz the reading of requests, headers, cookies and targets (MINUTES=10)
	$(BIN)/python -m tests.fuzz $(MINUTES)

mutants: $(VENV)/ready ## change the pure rules one expression at a time and count what no test notices (ARGS="--docs gate")
	$(BIN)/python -m bench.mutants $(ARGS)

docs: $(VENV)/ready ## write the generated files anew (settings, OpenAPI, JSON Schemas, alert rules, dashboards)
	$(BIN)/python -m docs.generate
	$(BIN)/python -m deploy.observability.generate

lock: $(VENV)/uv ## resolve and pin every third-party package (requirements.txt, requirements-dev.txt)
	$(BIN)/uv lock
	$(BIN)/uv export --quiet --frozen --all-packages --all-extras --all-groups --no-emit-workspace --no-header --no-annotate --format requirements-txt --output-file requirements-dev.txt
	$(BIN)/uv export --quiet --frozen --only-group run --no-emit-workspace --no-header --no-annotate --format requirements-txt --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-header --no-annotate deploy/mlflow/requirements.in --output-file deploy/mlflow/requirements.txt

clean: ## remove the environment and what the programs made
	rm -rf $(VENV) var bench/results

$(VENV)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Bookstream needs Python 3.11 or newer; name one: make PYTHON=python3.12 run")'
	@$(PYTHON) -m venv $(VENV) || { echo "could not make a virtual environment: install the venv module of $(PYTHON) (Debian: apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(VENV)/run: requirements.txt $(addsuffix /pyproject.toml,$(DISTRIBUTIONS)) | $(VENV)/uv
	@echo "installing what running needs into $(VENV) (once; about half a minute with an empty cache)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --requirement requirements.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps $(addprefix --editable ,$(DISTRIBUTIONS))
	@touch $@

$(VENV)/ready: requirements-dev.txt $(addsuffix /pyproject.toml,$(DISTRIBUTIONS)) | $(VENV)/uv
	@echo "installing what checks and tests need into $(VENV) (once; about a minute with an empty cache)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --requirement requirements-dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps $(addprefix --editable ,$(DISTRIBUTIONS))
	@touch $(VENV)/run $@
