# Every command of the project, on Linux and macOS, with nothing but Python 3.11 to 3.13, git and make.
# All of them run this tree's own src with .venv/bin/python; a checkout copied with its .venv runs the copy's src.
# Written for GNU Make 3.81, the one that macOS ships.

.DEFAULT_GOAL := help
.PHONY: help book test check serve accept lock clean

# A PYTHONPATH of the caller could put another checkout's src before this one's.
unexport PYTHONPATH PYTHONHOME

given = $(filter-out 0 no false,$(1))

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

book: .venv/.ready ## build the site into _build/html (V=1 says more; HOLD_CLAIMS=1 holds back sentences that became untrue)
	@.venv/bin/ctdild build $(if $(call given,$(V)),--verbose) $(if $(call given,$(HOLD_CLAIMS)),--hold-claims)

# What fails fast comes first; the browser comes before the build, so that a machine without one says so at once.
test: .venv/.ready ## run every test, on a fresh build and in a real browser
	@.venv/bin/python -m ruff check
	@.venv/bin/python -m ruff format --check
	@.venv/bin/python tests/browser.py
	@.venv/bin/ctdild build $(if $(call given,$(V)),--verbose)
	@.venv/bin/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

check: .venv/.ready ## check the data and the prose, in seconds
	@.venv/bin/ctdild check

serve: .venv/.ready ## show the site, rebuilt on every edit
	@.venv/bin/ctdild serve

accept: .venv/.ready ## take what the chapters print now as right; read the change of tests/golden before you commit it
	@.venv/bin/ctdild accept

# Needs no .venv: a broken requirements.txt must not stand in the way of its own renewal.
lock: ## renew requirements.txt from requirements.in (UPGRADE=1 takes the newest of everything)
	@tool=$$(mktemp -d) && trap 'rm -rf "$$tool"' EXIT && \
	$(or $(PYTHON),python3) -m venv "$$tool" && \
	"$$tool/bin/python" -I -m pip install -qq --disable-pip-version-check uv && \
	"$$tool/bin/python" -I -m uv pip compile requirements.in --output-file requirements.txt --quiet \
	  --universal --python-version 3.11 --no-build --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" $(if $(call given,$(UPGRADE)),--upgrade)

clean: ## remove what was built and cached; .venv stays
	@rm -rf _build .pytest_cache .ruff_cache .hypothesis
	@find . \( -path ./.venv -o -path ./.git \) -prune -o -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# --- set-up, once ------------------------------------------------------------------------------------

# .venv/.ready is the requirements.txt that .venv was made from. It is written last, so an interrupted set-up is done again.
# It is compared by content, because git and cp do not keep times. A .venv is also made anew when its Python is gone,
# or is not of the version asked for with PYTHON=.
VERSION := -c 'import sys; print("%d.%d" % sys.version_info[:2])'
made := $(shell cmp -s requirements.txt .venv/.ready && .venv/bin/python $(VERSION) 2>/dev/null)
asked := $(if $(PYTHON),$(shell $(PYTHON) $(VERSION) 2>/dev/null),$(made))
ifeq ($(and $(made),$(filter $(asked),$(made))),)
.PHONY: .venv/.ready
endif

# Wheels only: no compiler is needed, and no package runs code of its own while it is installed.
# The project itself is not installed: ctdild.pth holds a path relative to itself, and bin/ctdild finds itself, so both can be moved.
.venv/.ready:
	@python=; unfit=; \
	for name in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
	  $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
	  if $$name -c 'import ensurepip, venv' 2>/dev/null; then python=$$name; break; else unfit=$$name; fi; \
	done; \
	if [ -n "$$python" ]; then :; \
	elif [ -n "$$unfit" ]; then \
	  echo "$$unfit cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	else \
	  echo "No Python 3.11, 3.12 or 3.13 found$(if $(PYTHON), as PYTHON=$(PYTHON)). Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; \
	fi; \
	echo "Setting up Python $$($$python $(VERSION)) in .venv (once, a minute or two)"; \
	rm -rf .venv && $$python -m venv .venv && \
	.venv/bin/python -I -m pip install -qq --disable-pip-version-check --no-input --only-binary :all: --require-hashes -r requirements.txt && \
	packages=$$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	echo ../../../../src > "$$packages/ctdild.pth" && \
	printf '%s\n' '#!/bin/sh' \
	  'here=$$(cd "$$(dirname "$$0")" && pwd) || exit' \
	  'unset PYTHONPATH PYTHONHOME' \
	  'exec "$$here/python" -P -m ctdild "$$@"' > .venv/bin/ctdild && \
	chmod +x .venv/bin/ctdild && \
	cp requirements.txt .venv/.ready || \
	{ echo "Set-up failed, see above; the next make tries it again." >&2; exit 1; }
