"""What several rings need: the project, copies of it that may be broken, and editing a cell of a table."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.register_assert_rewrite("evidence_factory")  # its assertions, too, say what they compared

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The project."""
    return ROOT


@pytest.fixture(scope="session")
def evidence():
    """The evidence of the project, as used."""
    from ctdild.evidence import load

    return load(ROOT / "data")


@pytest.fixture
def data(tmp_path) -> Path:
    """A copy of the data folder that a test may break."""
    return Path(shutil.copytree(ROOT / "data", tmp_path / "data"))


def copy_project(target: Path) -> Path:
    """A copy of the project without what was built, to be edited and built."""
    ignore = shutil.ignore_patterns(".venv", ".git", "_build", "__pycache__", ".*_cache", ".hypothesis")
    return Path(shutil.copytree(ROOT, target, ignore=ignore))


def ctdild(project: Path, *arguments: str, timeout: int = 300) -> subprocess.CompletedProcess:
    """Run the command line of a copy, with the copy's own code."""
    environment = {**os.environ, "PYTHONPATH": str(project / "src"), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "ctdild", "--project", str(project), *arguments],
        cwd=project, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=timeout,
    )  # fmt: skip


def read_table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def edit_row(path: Path, row_id: str, **cells: str) -> int:
    """Change cells of the row whose first column says ``row_id``; its line number."""
    rows = read_table(path)
    key = next(iter(rows[0]))
    index = next(i for i, row in enumerate(rows) if row[key] == row_id)
    rows[index].update(cells)
    write_table(path, rows)
    return index + 2
