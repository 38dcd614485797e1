.PHONY: install run kafka drill soak corpus-report bench bench-check capacity-check k8s-check test check format lock

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

test: check
	$(BIN)/pytest

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o requirements-dev.lock
