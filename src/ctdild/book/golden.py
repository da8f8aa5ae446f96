"""Golden outputs: what each cell of a chapter prints as text, kept in ``tests/golden/`` so that a change of the data
shows its difference there.

Only text is kept (captions, tables, notes), no pictures: a figure's text form is written from the same data as its picture.
"""

from __future__ import annotations

import re
from pathlib import Path

from .pages import Page, read_pages
from .problems import BookError
from .rebuild import run_notebook

GOLDEN = Path("tests/golden")
_HEAD = re.compile(r"^=== cell (\d+): (.*)$", re.MULTILINE)


def golden_path(page: Page) -> Path:
    """Where a chapter's golden outputs are."""
    return page.root / GOLDEN / (page.docname.replace("/", "--") + ".txt")


def notebook(page: Page, outputs: dict[int, str] | None = None):
    """The chapter as a notebook (jupytext), with these outputs by number of code cell, from 1."""
    import jupytext
    import nbformat

    converted = jupytext.reads(page.text, fmt="md:myst")
    codes = [cell for cell in converted.cells if cell.cell_type == "code"]
    for number, cell in enumerate(codes, start=1):
        cell.execution_count = number
        if outputs and number in outputs:
            cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": outputs[number]}, execution_count=number)]
    return converted


def read_golden(page: Page) -> dict[int, str]:
    """The golden outputs of a chapter by number of code cell; empty when there are none yet."""
    path = golden_path(page)
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {int(head[1]): text[head.end() + 1 : end].rstrip("\n") for head, end in zip(heads, ends, strict=True)}


def accept(root: Path) -> list[tuple[Path, bool]]:
    """Run every chapter and write its golden outputs; (file, whether it changed) of each.

    Files of chapters that are no longer in the book are removed. Nothing is written when a page cannot be read or a cell
    fails: raises `BookError` with every one.
    """
    texts: dict[Path, str] = {}
    problems = []
    for page in read_pages(root):
        if page.is_notebook:
            executed = notebook(page)
            problem = run_notebook(page, executed)
            problems += [problem] if problem else []
            texts[golden_path(page)] = _golden_text(executed)
    if problems:
        raise BookError(problems)
    folder = root / GOLDEN
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for path, text in texts.items():
        changed = not path.exists() or path.read_text(encoding="utf-8") != text
        path.write_text(text, encoding="utf-8")
        written.append((path, changed))
    for path in folder.glob("*.txt"):
        if path not in texts:
            path.unlink()
            written.append((path, True))
    return written


def _golden_text(executed) -> str:
    parts = []
    codes = [cell for cell in executed.cells if cell.cell_type == "code"]
    for number, cell in enumerate(codes, start=1):
        texts = [o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"]
        if texts:
            parts.append(f"=== cell {number}: {cell.source.splitlines()[-1]}\n{texts[0].rstrip()}\n")
    return "\n".join(parts)
