.PHONY: install run kafka drill soak fuzz corpus-report bench bench-check capacity-check k8s-check load test check \
        format lock sbom licences audit

PYTHON ?= python3
BIN := .venv/bin

install: .venv/installed

# A stamp, not the folder: an install cut short is done again.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "CSP-Sentinel needs Python 3.11 or newer; name one with PYTHON=/path/to/python3")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

run: install
	$(BIN)/csp-sentinel run

# A real Kafka of one broker, or with KAFKA_BROKERS=3 of three, for work by hand. It needs Java 17 and Maven.
kafka:
	$(PYTHON) -m tests.support.kafka

# Ten minutes of load on many processes while what they stand on breaks; DRILL='--minutes 3 --seed 7', or --help.
drill: install
	$(BIN)/python -m tests.e2e.drill $(DRILL)

# A million inputs for each of the parsers, or for those in TARGET; RUNS=100000, FUZZ='--keep' (docs/fuzzing.md).
RUNS ?= 1000000
fuzz: .venv/installed-dev
	$(BIN)/python -m tests.fuzz $(TARGET) --runs $(RUNS) $(FUZZ)

# An hour of browsers' traffic and faults: do memory, files and threads stay flat, and are the totals exact?
# SOAK='--minutes 10 --only run', or --help.
soak: install
	$(BIN)/python -m tests.e2e.soak $(SOAK)

# The captured reports: the share with the right noise label and the right verdict, by engine and rule.
corpus-report: install
	$(BIN)/python -m tests.corpus.report

# Everything measured on this machine, some forty minutes; BENCH='collector --rounds 5', --quick, --help.
bench: install
	$(BIN)/python -m loadtest $(BENCH)

# Is the hot path dearer than loadtest/recorded.json says? Exit code 1 on a loss over 10%; BENCH=--record writes it anew.
bench-check: install
	$(BIN)/python -m loadtest.bench.check $(BENCH)

# A real burst through collector, Kafka and processor, beside the simulation of it; two minutes, Java 17 and Maven.
capacity-check: install
	$(BIN)/python -m loadtest.capacity_check

# The manifests against real programs, an API server and an HPA controller, which Go 1.26 builds once (10 GB meanwhile, some
# half an hour; K8S_CHECK_CACHE says where); some fifteen minutes after that, most of them for a scale-down's pause.
k8s-check: .venv/installed-dev
	$(BIN)/python -m tests.k8s.cluster

# A load profile by Locust, and the check that what was answered 204 is stored: PROFILE=smoke, average, stress, spike,
# soak or breakpoint; HOST= and CONSOLE= of one that runs, WORKERS=2, UI=1, SCALE=2, MINUTES=5; LOAD=--help.
load: .venv/installed-dev
	$(BIN)/python -m loadtest.load $(PROFILE) $(LOAD_HOST) $(if $(CONSOLE),--console '$(CONSOLE)') \
		$(if $(WORKERS),--workers $(WORKERS)) $(if $(filter-out 0,$(UI)),--ui) $(if $(SCALE),--scale $(SCALE)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(LOAD)
# Some shells and tools export a HOST that means something else.
LOAD_HOST = $(if $(filter command,$(origin HOST))$(filter http%,$(HOST)),--host '$(HOST)')

test: check
	$(BIN)/pytest

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The stages' lock is the same without ClickHouse in process and what comes with that alone: for an image of half the size.
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock:
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -o requirements-dev.lock
	$(COMPILE) pyproject.toml --constraint requirements.lock $(addprefix --no-emit-package ,chdb chdb-core numpy pandas python-dateutil) -o requirements-stages.lock
	$(COMPILE) --group sbom --constraint requirements-dev.lock -o requirements-sbom.lock

# What is in it, as CycloneDX, by the lock.
sbom: .venv/installed-dev
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --output-file sbom.cdx.json

licences: .venv/installed-dev
	$(BIN)/python -m tests.supply.licences

# Known holes of the packages, asked of a service on the network; AUDIT='--vulnerability-service pypi' asks another.
audit: .venv/installed-dev
	$(BIN)/python -m tests.supply.audit $(AUDIT)
