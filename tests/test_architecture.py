"""Who may import whom is proven by import-linter; here each of its contracts is broken once, on purpose."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

PLANTED = {
    "layers": ("store/planted.py", '"""Planted."""\n\nfrom proving.traffic import errors  # noqa\n'),
    "no-cycles": (
        "runs/planted_a.py",
        '"""Planted."""\n\nfrom proving.runs import planted_b  # noqa\n',
    ),
    "product-without-test-machinery": ("store/planted.py", '"""Planted."""\n\nimport proving.check  # noqa\n'),
    "one-owner-pyav": ("video/planted.py", '"""Planted."""\n\nimport av  # noqa\n'),
    "one-owner-duckdb": ("tables/planted.py", '"""Planted."""\n\nimport duckdb  # noqa\n'),
    "one-owner-onnx-runtime": ("traffic/planted.py", '"""Planted."""\n\nimport onnxruntime  # noqa\n'),
    "one-owner-prometheus": ("store/planted.py", '"""Planted."""\n\nimport prometheus_client  # noqa\n'),
    "one-owner-ray": ("runs/planted.py", '"""Planted."""\n\nimport ray  # noqa\n'),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(CHECKOUT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    return folder


def lint(folder: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    only = ["--contract", contract] if contract else []
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo", *only],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_contract_has_a_planted_violation() -> None:
    import tomllib

    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == set(PLANTED)


def test_the_contracts_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("contract", PLANTED)
def test_a_contract_fails_when_it_is_violated(copy: Path, contract: str) -> None:
    place, text = PLANTED[contract]
    planted = copy / "src" / "proving" / place
    partner = planted.with_name("planted_b.py")
    try:
        planted.write_text(text)
        if contract == "no-cycles":
            partner.write_text('"""Planted."""\n\nfrom proving.runs import planted_a  # noqa\n')
        done = lint(copy, contract)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "BROKEN" in done.stdout
    finally:
        planted.unlink()
        partner.unlink(missing_ok=True)


def test_an_undeclared_room_is_refused(copy: Path) -> None:
    room = copy / "src" / "proving" / "garage"
    room.mkdir()
    try:
        (room / "__init__.py").write_text('"""Planted."""\n')
        done = lint(copy, "layers")
        assert done.returncode == 1
        assert "garage" in done.stdout
    finally:
        shutil.rmtree(room)
