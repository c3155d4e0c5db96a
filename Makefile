# GNU make 3.81 (macOS) and newer.
.DEFAULT_GOAL := help
.PHONY: help run test test-repeats test-browser lint rebuild package deploy destroy bench bench-auth bench-cold bench-metadata bench-creators bench-kills bench-faults bench-planning bench-fuzz bench-large bench-deploy bench-client bench-client-kills trial-mutants lock clean

RUN := .venv/.run-ready
DEV := .venv/.dev-ready
EMULATOR := .venv-emulator/.ready
BENCH := .venv-bench/.ready
MLFLOW := .venv-mlflow/.ready
LOCK := .venv-lock/.ready
# The tests start many processes of the service; with bytecode kept each starts sooner.
test test-repeats test-browser: export PYTHONDONTWRITEBYTECODE =
SET_UP = @python=$$(sh devserver/python.sh) && "$$python" devserver/install.py

help:
	@echo 'make run             serve on http://localhost:8000 (PORT=), data in .data (DATA_DIR=)'
	@echo 'make test            run all tests'
	@echo 'make test-repeats    run what make test leaves out: the same checks on further ways'
	@echo 'make test-browser    try in Chromium what pages of other sites can do to make run'
	@echo 'make lint            check style and types'
	@echo 'make rebuild         make the index again from the bucket (stop make run first); STAGE=S for a deployment, DRY_RUN=1 to look'
	@echo 'make deploy STAGE=S  deploy to AWS, or to the emulator at AWS_ENDPOINT_URL; parameters are WEIGHTHOUSE_ variables'
	@echo 'make destroy STAGE=S remove the deployment; bucket and table stay, but with DATA=delete'
	@echo 'make package         make the ZIP that Lambda runs (WEIGHTHOUSE_ARCHITECTURE=x86_64|arm64)'
	@echo 'make bench           measure unpacking, ZIPs and presigned uploads beside the same by hand'
	@echo 'make bench-auth      measure what it costs a request to know its caller'
	@echo 'make bench-cold      measure the cold start of the function'
	@echo 'make bench-metadata  measure the metadata calls'
	@echo 'make bench-creators  let twelve clients create one version at once, again and again'
	@echo 'make bench-kills     kill it at random moments, and see what is left'
	@echo 'make bench-faults    let one request to the stores in twenty fail, and see what is left'
	@echo 'make bench-planning  measure the plans for archives of 100,000 files'
	@echo 'make bench-fuzz      read a million damaged ZIPs: each is refused, or read right'
	@echo 'make bench-large     delete and complete very many files, versions and parts'
	@echo 'make bench-deploy    measure the package, and a deployment to an emulated account'
	@echo 'make bench-client    measure push and pull beside s5cmd, curl and MLflow'
	@echo 'make bench-client-kills  kill push and pull at random moments, and break their network'
	@echo 'make trial-mutants   change the code in one place at a time, and see what no test notices (GROUP=conditions|client)'
	@echo 'make lock            lock what requirements*.in ask for, with hashes (UPGRADE=1: at the newest versions)'
	@echo 'make clean           remove the environments and caches; the data stays'

run: $(RUN) $(EMULATOR)
	@exec .venv/bin/python -m devserver

rebuild: $(RUN) $(EMULATOR)
	@exec .venv/bin/python -m $(if $(STAGE),infra,devserver) rebuild $(if $(DRY_RUN),--dry-run)

test: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test-repeats: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m repeat

test-browser: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m pytest -rs tests/browser

lint: $(DEV)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy --strict

package: $(RUN)
	@exec .venv/bin/python -m infra package

deploy: $(RUN)
	@exec .venv/bin/python -m infra deploy

destroy: $(RUN)
	@exec .venv/bin/python -m infra destroy

bench: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.data_plane

bench-auth: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.auth

bench-cold: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.cold_start

bench-metadata: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.metadata

bench-creators: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.creators

bench-kills: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.kills

bench-faults: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.faults

bench-planning: $(DEV)
	@exec .venv/bin/python -m benchmarks.planning

bench-fuzz: $(DEV)
	@exec .venv/bin/python -m benchmarks.fuzz_archives

bench-large: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.large

bench-deploy: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.deploy

bench-client: $(DEV) $(EMULATOR) $(BENCH) $(MLFLOW)
	@exec .venv/bin/python -m benchmarks.client

bench-client-kills: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m benchmarks.client_kills

trial-mutants: $(DEV) $(EMULATOR)
	@exec .venv/bin/python -m trials.mutants $(or $(GROUP),conditions) --sample $(or $(SAMPLE),0) --seed $(or $(SEED),1) --only '$(ONLY)' $(if $(CLOSE),--close)

lock: $(LOCK)
	@exec .venv-lock/bin/python devserver/lock.py .venv-lock/bin/uv $(if $(UPGRADE),--upgrade)

clean:
	rm -rf .venv .venv-emulator .venv-bench .venv-mlflow .venv-lock build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): requirements-run.txt
	$(SET_UP) .venv requirements-run.txt $@

$(DEV): $(RUN) requirements-dev.txt client/pyproject.toml
	$(SET_UP) .venv requirements-dev.txt $@ client

$(EMULATOR): requirements-emulator.txt
	$(SET_UP) .venv-emulator requirements-emulator.txt $@

$(BENCH): requirements-bench.txt
	$(SET_UP) .venv-bench requirements-bench.txt $@

$(MLFLOW): requirements-mlflow.txt
	$(SET_UP) .venv-mlflow requirements-mlflow.txt $@

$(LOCK): requirements-lock.txt
	$(SET_UP) .venv-lock requirements-lock.txt $@
