# hrm-lite. `make` alone lists the targets. Needs Python 3.11 or newer, make and git.

VENV   ?= .venv
JOBS   ?= 2
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PY     := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)/python
TORCH  ?= cpu
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help book test fast scale colab lab lint strip fold address assignments grade clean
.DELETE_ON_ERROR:

# The book and its tests run alike, so that they get the same numbers to the last bit: one thread a
# kernel (two kernels share the machine), this environment's own kernel, nothing from the user's
# IPython profile, no progress bars in the outputs.
book test fast scale: export OMP_NUM_THREADS := 1
book test fast scale: export MKL_NUM_THREADS := 1
book test fast scale: export TQDM_DISABLE := 1
book test fast scale: export PYTHONUTF8 := 1
book test: export JUPYTER_PREFER_ENV_PATH := 1
book test: export IPYTHONDIR := $(CURDIR)/_build/ipython

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

book: $(READY)  ## install, execute the chapters, render the pages; prints the page to open
	@$(PY) tools/execute.py --jobs $(JOBS)
	@$(PY) tools/render.py

test: book  ## all tests: package, notebooks against their outputs, pages
	$(PY) -m pytest @tests/nbval.args -n $(JOBS) tests _build/executed

fast: $(READY)  ## the tests for daily work: no notebooks, no pages, nothing slow
	$(PY) -m pytest -n $(JOBS) -m "not slow" --ignore=tests/site tests

scale: $(READY)  ## the large runs that are kept: their notebooks again, all but the training (half an hour)
	HRM_LITE_SCALE=1 $(PY) -m pytest -n $(JOBS) tests/test_at_scale.py

colab: $(READY)  ## the notebooks with Colab's Python and versions; TORCH=cuda: with its torch, too (5.7 GB)
	HRM_LITE_COLAB=$(TORCH) $(PY) -m pytest tests/test_colab.py

lab: $(READY)  ## JupyterLab on the notebooks
	$(PY) -m jupyterlab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/book

lint: $(READY)  ## check the style of the code (ruff)
	$(PY) -m ruff check .

strip: $(READY)  ## take the outputs out of the source notebooks (after working in JupyterLab)
	$(PY) -m nbstripout $(wildcard book/*.ipynb notebooks/*.ipynb)

fold: $(READY)  ## close solutions and other hidden cells on Colab, too
	@$(PY) tools/fold.py

address: $(READY)  ## move badges, bootstrap cells, links and citation: make address URL=https://github.com/OWNER/NAME
	@$(PY) tools/address.py $(if $(URL),'$(URL)')

assignments: $(READY)  ## what students get: _build/classroom/release, a folder and a zip each
	@$(PY) -m classroom.grader assignments

grade: $(READY)  ## grade what came back: make grade SUBMISSIONS=FOLDER_OR_ZIP [ASSIGNMENT=NAME]
	@test -n "$(SUBMISSIONS)" || { echo "which ones? make grade SUBMISSIONS=FOLDER_OR_ZIP" >&2; exit 2; }
	@$(PY) -m classroom.grader grade "$(SUBMISSIONS)" --jobs $(JOBS) $(if $(ASSIGNMENT),--assignment $(ASSIGNMENT))

clean:  ## remove what `make book` built; marks in _build/classroom, the environment, runs and data stay
	rm -rf $(filter-out _build/classroom,$(wildcard _build/*)) .pytest_cache .ruff_cache .hypothesis

# torch first: it is the large one, and its exact version decides which of the others fit.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "hrm-lite needs Python 3.11 or newer, and found none." \
		"Name one: make book PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) cannot create an environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "installing into $(VENV): PyTorch first, then the rest (minutes, the first time)"
	@$(PY) -m pip install --disable-pip-version-check -c constraints.txt torch
	@$(PY) -m pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[book,test]"
	@mkdir -p _build/ipython
	@$(PY) -c "import matplotlib.pyplot"   # builds the font cache now, not in the output of a chapter
	@touch $@
