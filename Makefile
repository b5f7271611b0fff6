# make run    see the whole system work on one road
# make test   see it proven
# make test-peers   see Stable-Baselines3 learn from our environments (brings torch: hundreds of megabytes)
# make test-ros2  see the vehicle's runtime talk with a car over ROS 2 (an environment of its own, without JAX)
# make test-tasks  see Gymnasium's and PettingZoo's checkers go through every traffic task (six minutes)
# make check  lint, types, architecture
# make bench  every benchmark, the short way (SMOKE=0 for the real one)
PYTHON ?= python3
MARKS ?= not gpu and not peers and not ros2 and not every_task

.PHONY: venv run test test-peers test-ros2 test-tasks check bench clean

# The shared part of the environment: `all` to run, `test` on top to test. A stamp per set, remade when
# pyproject.toml or constraints.txt change.
venv: .venv/.installed-all

run: .venv/.installed-all
	.venv/bin/proving corridor sample out/sample
	.venv/bin/proving corridor run out/sample/study.toml

# Tests start hundreds of processes: with bytecode kept each of them begins in three quarters of the time.
test: .venv/.installed-test
	env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 20 -m "$(MARKS)"

# uv would bring torch with its CUDA packages, so pip installs this.
test-peers: .venv/.installed-test
	env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[peers]'
	.venv/bin/python -m pytest -m peers tests/traffic/learn

# ROS 2's wheels start every Python process of their environment anew, so they get one of their own.
test-ros2: .venv/.installed-test .venv-ros2/.installed
	.venv/bin/python -m pytest -m ros2 tests/traffic/vehicle

.venv-ros2/.installed: .venv/bin/python pyproject.toml
	.venv/bin/python -m venv .venv-ros2
	.venv-ros2/bin/python -m pip install -q --disable-pip-version-check -e '.[ros2]'
	@touch $@

test-tasks: .venv/.installed-test
	env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pytest -n 2 --durations 5 -m every_task tests/traffic/tasks

check: .venv/.installed-test
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/pyrefly check
	.venv/bin/lint-imports --no-logo
	.venv/bin/python -m pytest -q tests/test_tidy.py

bench: .venv/.installed-test
	set -e; for question in benchmarks/*.py; do .venv/bin/python $$question $(if $(filter 0,$(SMOKE)),,--smoke); done

clean:
	rm -rf .venv .venv-ros2 out

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "proving needs Python 3.11 or later; '$(PYTHON)' was not found (try: make PYTHON=python3.12)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "proving needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) -V) (try: make PYTHON=python3.12)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed-%: .venv/bin/python pyproject.toml constraints.txt
	@if command -v uv >/dev/null; then \
	  UV_COMPILE_BYTECODE=1 uv pip install -q --python .venv/bin/python -c constraints.txt -e '.[$*]'; \
	else \
	  env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$*]'; \
	fi
	@touch $@
