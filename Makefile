# Everything here sets itself up: it needs python3 (3.11 or newer), python3-venv and make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test lint types coverage-core torture unplug saturate fuzz mutants pins every-byte requirements bench lock lock-bench clean
help:
	@echo "make demo     a 20 s session with a simulated pen"
	@echo "make test     the test suite"
	@echo "make lint     ruff; make types: mypy --strict"
	@echo "make coverage-core  the codec and the edges: every branch by its own tests, or it fails"
	@echo "make bench    our figures beside those of others, one table (QUICK=1: a look)"
	@echo "make torture  200 seeded kill -9 of the real command line (KILLS=n for another number)"
	@echo "make unplug   the pen is pulled out in mid-frame and comes back, 1,000 times (N=n for another number)"
	@echo "make saturate a full line of 921,600 baud for a minute, twice (SECONDS=n for another time)"
	@echo "make fuzz     ten minutes of hypothesis and atheris (SECONDS=n for another time)"
	@echo "make pins     ten minutes at 300 strokes/s on mock pins that bounce (SECONDS=n for another time)"
	@echo "make every-byte  every byte of a small package and a small bag changed, and found by the verifier (a minute or two)"
	@echo "make requirements  docs/requirements.md anew, from the markers of the tests"
	@echo "make attacks  bytes of a small database changed one by one, and found or of no effect (SECONDS=n, 600; all take hours)"
	@echo "make mutants  every small change of the pure modules, and which of them no test notices (MODULES=...)"

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: sudo apt install python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "python3-venv is missing: sudo apt install python3-venv"; exit 1; }
	@echo "setting up $(VENV) (once; about a minute)"
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)
	@$(BIN)/devicelog demo --seconds 20

test: $(READY)
	@$(BIN)/python -m pytest -n auto

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

CORE := firmware_bridge.edges firmware_bridge.frames firmware_bridge.decode
coverage-core: $(READY)
	@$(BIN)/python -m pytest -q tests/bridge/test_edges_*.py tests/bridge/test_frames.py tests/bridge/test_decode.py \
	  $(CORE:%=--cov=%) --cov-branch --cov-fail-under=100 --cov-report=term-missing:skip-covered

torture: $(READY)
	@$(BIN)/python -m tests.torture --kills $(or $(KILLS),200)

unplug: $(READY)
	@$(BIN)/python -m tests.link unplug --times $(or $(N),1000)

saturate: $(READY)
	@$(BIN)/python -m tests.link saturate --seconds $(or $(SECONDS),60)

# atheris has wheels for some machines only: where there is none, hypothesis fuzzes alone
fuzz: $(READY)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) install --require-hashes --only-binary :all: -r requirements-fuzz.lock || true
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600)

pins: $(READY)
	@$(BIN)/python -m tests.pins --seconds $(or $(SECONDS),600)

every-byte: $(READY)
	@EVERY_BYTE=1 $(BIN)/python -m pytest -q tests/verifier/test_every_byte.py

requirements: $(READY)
	@$(BIN)/python -m tests.requirements

attacks: $(READY)
	@DEVICELOG_ACCEPT_UNSUITABLE_DIR=1 $(BIN)/python -m tests.attacks.every_byte --seconds $(or $(SECONDS),600)

mutants: $(READY)
	@$(BIN)/python -m tests.mutation $(MODULES)
# an environment of its own: the peers are not for everybody
BENCH := .venv-bench
$(BENCH)/.ready: requirements-bench.lock bench/cobs-c.lock pyproject.toml | $(READY)
	@echo "setting up $(BENCH) (once; about a minute)"
	@rm -rf $(BENCH) && $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: -r requirements-bench.lock
	@$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation -e .
	@$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps --no-binary :all: \
	  --no-build-isolation --target $(BENCH)/cobs-c -r bench/cobs-c.lock || echo "no C compiler: the cobs with a C extension is left out"
	@touch $@

bench: $(BENCH)/.ready
	@$(BENCH)/bin/python -m bench --cobs-c $(BENCH)/cobs-c $(if $(QUICK),--quick)

# needs `uv` on the PATH
lock-bench:
	@{ echo '# Every package that `make bench` installs, for Python 3.11 and newer, wheels only. Made by `make lock-bench`; do not edit.'; \
	uv pip compile pyproject.toml -c requirements.lock --universal --python-version 3.11 --extra bench --generate-hashes \
	  --only-binary :all: --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet; } > requirements-bench.lock.new
	@mv requirements-bench.lock.new requirements-bench.lock

# needs `uv` on the PATH
lock:
	@{ echo '# Every package that `make test` installs, for Python 3.11 and newer, wheels only. Made by `make lock`; do not edit.'; \
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra dev --generate-hashes --only-binary :all: \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock
	@{ echo '# What `make fuzz` installs besides. Made by `make lock`; do not edit.'; \
	uv pip compile --group fuzz --universal --python-version 3.11 --generate-hashes --only-binary :all: \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet; } > requirements-fuzz.lock.new
	@mv requirements-fuzz.lock.new requirements-fuzz.lock

clean:
	@rm -rf $(VENV) $(BENCH) .pytest_cache .mypy_cache .ruff_cache .hypothesis .mutants
