# make demo       set up, then run the example from raw images to tracks, metrics and figures
# make test       set up, then run all tests
# make test-browser   install Chromium (as root) and look at the report in it
# make test-cluster   send a small experiment through a SLURM cluster on this machine (as root)
# make lint       check the style of the code, as the tests do
# make format     put the code into that style
# make benchmark  time and memory of each step against a bare script (DATA=folder of images)
# make ablation   what each change of the default is worth, in docs/accuracy.md (DATA=folder, and
#                 GROUPS="...", VARIANTS="...", SEEDS, EPOCHS, STEPS, PRECISION; runs go to WORK)
# make evaluate   figures of the field on data with a ground truth, see docs/benchmark.md
#                 (DATA=folder; METHODS="...", RESULTS="folders", MASKS, ONLY="...", BORDER, OUT)
# make view       a sample in napari, where that is installed (RESULTS, EXPERIMENT, SAMPLE)
# make docs       write the table of settings in config/README.md
# make lock       solve the lock files in envs/ again, after an edit of envs/*.in
# make paper      compare with the paper's numbers (DATA=its published data; see the README)
# make clean      remove the example: its data, results and logs in example/

VENV ?= .venv
CORES ?= $(shell nproc)
BIN = $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: view demo test test-browser test-cluster lint format docs benchmark ablation evaluate paper lock clean \
  run-env dev-env

run-env:
	@test -e $(VENV)/dev || envs/setup.sh envs/run.lock $(VENV)

dev-env:
	@envs/setup.sh envs/dev.lock $(VENV) && touch $(VENV)/dev

EXAMPLE = snakemake --configfile config/example/config.yaml
REPORT = --report example/report.html --report-stylesheet workflow/report/report.css

demo: run-env
	python -m autonuclei.example example/data
	$(EXAMPLE) --cores $(CORES) --logger words
	@$(EXAMPLE) $(REPORT) --quiet all && echo "The report: example/report.html"

test: dev-env
	tests/browser/install.sh
	python -m pytest --numprocesses $(CORES) --maxprocesses 8 --dist loadfile

test-browser: dev-env
	tests/browser/install.sh
	python -m pytest tests/browser

test-cluster: dev-env
	tests/cluster/install.sh
	python -m pytest tests/cluster

lint: dev-env
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	mypy

format: dev-env
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

docs: dev-env
	python -m autonuclei.settings config/README.md

benchmark: dev-env
	python -m research.benchmarks $(ONLY) $(if $(DATA),--data $(DATA))

# EPOCHS and STEPS: a shorter training, for a look.
TRAIN ?= 5
MOVIE ?= 31
RUNS ?= preset default

paper: run-env
	@test -d "$(DATA)" || { echo "ERROR make paper needs DATA=folder, see the README" >&2; exit 1; }
	python -m research.reproduction $(DATA) --out $(or $(OUT),reproduced) --cores $(CORES) \
	  --runs $(RUNS) --train $(TRAIN) --movie $(MOVIE) $(if $(EPOCHS),--epochs $(EPOCHS)) \
	  $(if $(STEPS),--steps $(STEPS)) $(if $(BBBC),--bbbc $(BBBC))

ablation: dev-env
	python -m research.ablation $(DATA) --cores $(CORES) \
	  --seeds $(or $(SEEDS),3) --precision $(or $(PRECISION),float32) \
	  --epochs $(or $(EPOCHS),100) --steps $(or $(STEPS),256) --work $(or $(WORK),ablation) \
	  $(if $(GROUPS),--groups $(GROUPS)) $(if $(VARIANTS),--variants $(VARIANTS))

evaluate: dev-env
	@test -d "$(DATA)" || { echo "ERROR make evaluate needs DATA=folder, see docs/benchmark.md" >&2; exit 1; }
	python -m research.evaluation $(DATA) --cores $(CORES) --out $(or $(OUT),evaluated) \
	  $(if $(METHODS),--methods $(METHODS)) $(if $(RESULTS),--results $(RESULTS)) \
	  $(if $(MASKS),--masks $(MASKS)) $(if $(ONLY),--only $(ONLY)) $(if $(BORDER),--border $(BORDER))

SOLVE = --quiet --universal --generate-hashes --no-emit-index-url --no-annotate \
  --python-version 3.11 --custom-compile-command 'make lock'

view: run-env
	@python -m autonuclei.report.napari_viewer "$(or $(RESULTS),results)" "$(EXPERIMENT)" "$(SAMPLE)"

lock:
	@command -v uv >/dev/null || { echo "ERROR make lock needs uv: pip install uv" >&2; exit 1; }
	uv pip compile $(SOLVE) envs/dev.in --output-file envs/dev.lock
	# The same versions for users as in the tests.
	for name in run gpu; do \
	  uv pip compile $(SOLVE) --constraints envs/dev.lock envs/$$name.in --output-file envs/$$name.lock || exit 1; \
	done
	python3 envs/write_conda.py

clean:
	rm -rf example
