# Every target states its own line of help. `make` alone prints them.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-nvim test-vscode smoke-vscode bench-vscode check-nvim vsix screenshots check bench bench-real mine-real bench-search bench-lsp bench-evidence bench-select bench-write bench-localise bench-named bench-stated bench-split bench-sandbox bench-model bench-format clean test-chaos test-sandbox soak-sandbox setup-train setup-weights smoke-train test-train train-tiny reference docs shape alike release-check profile

# The first Python 3.11 or newer that really starts (a pyenv shim may be on PATH and refuse). Override: make PYTHON=...
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$python" && break; done)
BIN := .venv/bin
# Tests at a time: most of one waits for processes that it started.
WORKERS ?= 2
# Seconds of one test, many times what the slowest takes: a test that hangs must not take the others' results along.
LIMIT ?= 400

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## Create .venv with pinned packages and build llama.cpp once; does nothing the second time
	@test -n "$(PYTHON)" || { echo "setup: Darner needs Python 3.11 or newer and none was found; install one, or run make PYTHON=/path/to/python setup." >&2; exit 3; }
	@MAKECMDGOALS="$(MAKECMDGOALS)" "$(PYTHON)" .dev/setup.py

demo: setup ## Repair a real failing project with a small local model, on a copy
	@$(BIN)/python -P examples/demo.py

test: setup ## Run the tests, with the real 0.5B model (downloaded once), without the slow ones
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist worksteal --timeout $(LIMIT) $(SHOW)

test-slow: setup ## Run the tests that take more than ten seconds each
	@$(BIN)/python -m pytest -m slow

test-nvim: setup ## Drive a real Neovim with the plugin and the real server
	@$(BIN)/python -m pytest tests/editors/test_nvim.py

check-nvim: ## Lint the Neovim plugin with luacheck (Debian: lua-check); its formatting is checked by make vsix
	@command -v luacheck >/dev/null || { echo "check-nvim: luacheck was not found; install Debian's lua-check or the rock luacheck." >&2; exit 3; }
	@cd editors/nvim && luacheck -q .

vsix: setup ## Check and build the VS Code extension into build/vscode, the same bytes every time (needs Node 20 and npm)
	@command -v npm >/dev/null || { echo "vsix: npm was not found; install Node 20 or newer." >&2; exit 3; }
	@cd editors/vscode && npm ci --silent --ignore-scripts --no-audit --no-fund && npm run --silent lint && npm run --silent vsix

test-vscode: vsix ## Drive a real VS Code workbench in Chromium with the extension, the server and the 0.5B model
	@editors/vscode/test/install.sh
	@$(BIN)/darner model pull qwen2.5-coder-0.5b
	@cd editors/vscode && node test/story.mjs ../../build/vscode/darner-*.vsix

smoke-vscode: vsix ## The beginning of the same story, without a model: install, trust, run, squiggle, hover
	@editors/vscode/test/install.sh
	@cd editors/vscode && node test/story.mjs ../../build/vscode/darner-*.vsix --smoke

bench-vscode: vsix ## Measure how long VS Code waits for the extension to be loaded and activated
	@editors/vscode/test/install.sh
	@cd editors/vscode && node test/activation.mjs ../../build/vscode/darner-*.vsix

screenshots: vsix ## Take the pictures of docs/images from the real workbench, by the same story
	@editors/vscode/test/install.sh
	@$(BIN)/darner model pull qwen2.5-coder-0.5b
	@cd editors/vscode && node test/story.mjs ../../build/vscode/darner-*.vsix --shots ../../docs/images

test-chaos: setup ## Kill, stop, flood and cancel the language server in every phase
	@$(BIN)/python -m pytest tests/lsp/test_chaos.py tests/lsp/test_rough_machine.py tests/lsp/test_broken_clients.py

check: setup ## Lint, format, strict types, import arrows, and what the wheel holds
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/packaging --deselect tests/packaging/test_setup.py

bench: setup ## Measure repairs on the development tasks; options in BENCH="--model none --limit 5"
	@$(BIN)/python -P tests/bench/repair.py $(BENCH)

bench-real: setup ## Repair real projects, one hunk of a release taken back; goes on where it stopped; BENCH="--model none --each 1"
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/real.py $(BENCH)

mine-real: setup ## Find more tasks for bench-real in releases on the package index; BENCH="--packages tomlkit,click"
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/real_mine.py $(BENCH)

bench-search: setup ## Measure how fast candidates are tried, beside a fresh pytest each; options in BENCH="--soak 10000"
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/search.py $(BENCH)

bench-lsp: setup ## Measure how long an editor waits for the server while a repair runs; options in BENCH="--tests 500"
	@$(BIN)/python -P tests/bench/lsp.py $(BENCH)

bench-sandbox: setup ## Measure what confinement costs, beside a fresh pytest; options in BENCH="--dockerd --runs 20"
	@$(BIN)/python -P tests/bench/sandbox.py $(BENCH)

bench-write: setup ## Measure writing functions from their docstrings, one-shot beside the whole loop; options in BENCH
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/write.py $(BENCH)

bench-select: setup ## Measure strategies and selectors as S* does, from recordings; options in BENCH="--samples 8 --limit 5"
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/select_table.py $(BENCH)

bench-evidence: setup ## Measure what the evidence of a failing test costs beside its plain run; options in BENCH
	@$(BIN)/python -P tests/bench/evidence.py $(BENCH)

bench-localise: setup ## Measure whether the faulty line is among the first suspects; options in BENCH
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/localise.py $(BENCH)

bench-named: setup ## Read from recorded repairs how often the line they name is a fixed one; BENCH="FILE ..."
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/named.py $(BENCH)

bench-stated: setup ## Check every value that explanations state against the evidence; options in BENCH="--model NAME --limit 5"
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/stated.py $(BENCH)

bench-split: setup ## Measure the share of a project's tests that can be judged from a process of its own; BENCH="FOLDER"
	@$(BIN)/python -P tests/bench/split.py $(BENCH)

bench-model: setup ## Measure the batched sampling beside llama.cpp used plainly; BENCH="--prompts 4 --native PYTHON"
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/model.py $(BENCH)

bench-model-memory: setup ## Measure the model worker's peak memory by samples and context; BENCH="--model NAME"
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/model_memory.py $(BENCH)

bench-format: setup ## Measure in which form a model writes repairs best; goes on where it stopped; BENCH="--model NAME --limit 8"
	@PYTHONPATH=tests/bench $(BIN)/python -P tests/bench/formats.py $(BENCH)

setup-train: setup ## Install what training needs beside the rest: torch, transformers, peft, datatrove, ray (2 GB)
	@$(BIN)/pip install --quiet -c constraints.txt -c constraints-train.txt -e '.[train,train-scale,tensorboard]'

setup-weights: setup ## Install what the stages that change weights need: torch, transformers, peft
	@$(BIN)/pip install --quiet -c constraints.txt -c constraints-train.txt -e '.[train]'

smoke-train: setup-weights ## The line of `make train-tiny` in small: data by the 0.5B, and weights, reward and export of a tiny net
	@$(BIN)/darner model pull qwen2.5-coder-0.5b
	@$(BIN)/python -m pytest -q --timeout $(LIMIT) tests/training/test_rl_line.py tests/training/test_tiny.py -k "not both_kinds"

test-train: setup-train ## Test the stages that change weights with a tiny model, and data stages over many workers
	@$(BIN)/python -m pytest tests/training/test_losses.py tests/training/test_weights.py tests/training/test_event_files.py tests/training/test_hub.py tests/training/test_rl_line.py tests/training/test_spread.py tests/training/test_runner_model.py

train-tiny: setup-train ## Run the tiny training recipe on this processor, with the 0.5B model, in minutes
	@$(BIN)/darner model pull qwen2.5-coder-0.5b
	@$(BIN)/darner-train run tiny --folder build/train-tiny

reference: setup ## Write the pages of docs/ that are made from the code: commands, settings, JSON schemas
	@$(BIN)/python .dev/reference.py

docs: reference ## Build the site of docs/ into build/docs, with its plots and generated pages; a warning is an error
	@$(BIN)/pip install -qq -c constraints.txt -c constraints-docs.txt -e '.[docs]'
	@$(BIN)/python .dev/plots.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "The site is in build/docs: open build/docs/index.html"

shape: setup ## Print sizes of modules and functions, beside those of admired codebases
	@$(BIN)/python .dev/shape.py

alike: setup ## List the pairs of functions that share six or more lines of logic, each with its account
	@$(BIN)/python .dev/alike.py

profile: setup ## Where the time of a search goes, function by function; PROFILE="fix TEST --no-model"
	@$(BIN)/python .dev/profile_repair.py $(PROFILE)

release-check: setup ## Build all files of a release twice, compare, install, list licences and parts, repair; needs the index
	@$(BIN)/python .dev/release.py

clean: ## Remove .venv and everything else that was built here; the cache in ~/.cache/darner stays
	rm -rf .venv build dist bench-results ./*.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find lsp engine sandbox training tests -name __pycache__ -type d -prune -exec rm -rf {} +

test-sandbox: setup ## Attack every sandbox that this machine can start, a real dockerd of the tests' own included
	@$(BIN)/python -m pytest tests/sandbox

soak-sandbox: setup ## 2,000 candidates through a container, cancelled at random, the engine killed; DARNER_SOAK=200 for fewer
	@$(BIN)/python -m pytest -s tests/sandbox/soak.py
