"""Ring four, chapters: every chapter of the book runs as a notebook under nbval and prints what ``tests/golden/`` holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from ctdild.book.golden import golden_path, notebook, read_golden
from ctdild.book.pages import read_pages

#: nbval compares text only: the picture of a figure is drawn from the same data as its text.
COMPARE_TEXT = """
def pytest_collectstart(collector):
    if collector.__class__.__name__ == "IPyNbFile":
        collector.skip_compare += ("text/html", "stderr")
"""


@pytest.fixture(scope="module")
def notebooks(root):
    """The chapters as notebooks with their golden outputs, in a folder from which the project is found."""
    folder = root / "_build" / "nbval"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(COMPARE_TEXT)
    for page in read_pages(root):
        if page.is_notebook:
            nbformat.write(notebook(page, read_golden(page)), folder / (page.docname.replace("/", "--") + ".ipynb"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run_nbval(folder, root):
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-v",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(folder),
        str(folder),
    ]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_chapters_print_their_golden_outputs(root, notebooks):
    result = run_nbval(notebooks, root)
    assert result.returncode == 0, (
        result.stdout[-6000:] + "\nIf the change is right: make accept, and read the difference of tests/golden/."
    )
    ran = set(re.findall(r"^(\S+?)(?:\.ipynb)?::.*PASSED", result.stdout, flags=re.MULTILINE))
    in_toc = {page.docname.replace("/", "--") for page in read_pages(root) if page.is_notebook}
    assert {name.rpartition("/")[2] for name in ran} == in_toc


def test_every_displaying_cell_has_a_golden_output(root):
    for page in read_pages(root):
        if page.is_notebook:
            golden = read_golden(page)
            displaying = [n for n, (_, code) in enumerate(page.cells, start=1) if not re.search(r"^\w+ = ", code, flags=re.MULTILINE)]
            assert sorted(golden) == displaying, f"{golden_path(page).name}: run make accept"


def test_a_changed_golden_output_is_seen(root, notebooks, tmp_path):
    page = next(page for page in read_pages(root) if page.is_notebook)
    golden = read_golden(page)
    number = min(golden)
    changed = {**golden, number: golden[number].replace("SENSCIS", "SENSCUS", 1)}
    assert changed != golden
    folder = notebooks / "changed"
    folder.mkdir()
    (folder / "conftest.py").write_text(COMPARE_TEXT)
    nbformat.write(notebook(page, changed), folder / "changed.ipynb")
    try:
        assert run_nbval(folder, root).returncode == 1
    finally:
        shutil.rmtree(folder)
