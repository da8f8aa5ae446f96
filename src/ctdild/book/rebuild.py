"""Nothing on a page may be older than what it shows.

A page's key is a hash of all that its cells' output depends on: its cells, the slice of the evidence that it declares (and
can see no more of), the code and the configuration that render it. The key goes into the kernel entry of the page's front
matter as the page is read; jupyter-cache hashes that entry with the cells, so that a cached output is found only under the
very key it was made with. Stale outputs cannot be found at all, by `make book` or by a bare `jupyter-book build .`.

Only running cells takes long, so only that is kept from build to build. All pages are read and written every time: titles,
side bars, search index and links then need no bookkeeping.
"""

from __future__ import annotations

import ast
import concurrent.futures
import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from .. import DIGEST_VARIABLE, SCOPE_VARIABLE
from ..evidence import Evidence
from .pages import Page
from .problems import BookProblem

CACHE = "_build/.jupyter_cache"
#: What renders every page, beside the code.
CONFIGURATION = ("_config.yml", "_toc.yml", "requirements.txt")


def code_digest(root: Path) -> str:
    """A hash of the package that renders the pages and of the configuration."""
    digest = hashlib.sha256()
    package = Path(__file__).resolve().parent.parent
    files = [(path.relative_to(package).as_posix(), path) for path in package.rglob("*") if path.suffix in (".py", ".css", ".js", ".html")]
    files += [(name, root / name) for name in CONFIGURATION if (root / name).is_file()]
    for name, path in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def page_key(page: Page, visible: Evidence | None, code: str) -> str:
    """What a page's outputs depend on, as a hash."""
    parts = [page.name, [cell for _, cell in page.cells], page.scope, visible.digest() if visible else "", code]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def with_key(text: str, key: str) -> str:
    """The page's text with its key in the kernel entry of the front matter; line numbers stay as they are."""
    match = re.match(r"---\n(.*?\n)(---\s*\n)", text, re.DOTALL)
    if not match:
        return text
    front = yaml.safe_load(match[1])
    kernel = {"name": "python3", "display_name": "Python 3", **front.get("kernelspec", {}), "page_key": key}
    front["kernelspec"] = kernel
    dumped = yaml.safe_dump(front, default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True).strip()
    padding = "\n" * (match[1].count("\n") - dumped.count("\n"))
    return "---\n" + dumped + padding + match[2] + text[match.end() :]


class Executed:
    """How the cells of one page came to their outputs."""

    def __init__(self, page: Page, seconds: float | None, problem: BookProblem | None = None):
        self.page, self.seconds, self.problem = page, seconds, problem


def run_pages(app, pages: list[tuple[Page, str]], report) -> list[Executed]:
    """Run the cells of each page (with its keyed text) unless the cache has their outputs; several pages at a time.

    ``report`` is called with each `Executed` as it is done. A page whose cell fails leaves nothing in the cache.
    """
    from jupyter_cache.base import CacheBundleIn
    from myst_nb.core.read import create_nb_reader

    notebooks = []
    for page, text in pages:
        path = page.root / page.name
        reader = create_nb_reader(str(path), app.env.myst_config, app.env.mystnb_config, text)
        notebooks.append((page, reader.read(text), path))
    folder = Path(app.config.nb_execution_cache_path)
    cache, found = _open_cache(folder, [notebook for _, notebook, _ in notebooks])
    todo = [job for job, cached in zip(notebooks, found, strict=True) if not cached]
    done = [Executed(page, None) for (page, _, _), cached in zip(notebooks, found, strict=True) if cached]
    for result in done:
        report(result)
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, min(len(todo), os.cpu_count() or 1))) as pool:
        running = {
            pool.submit(_run, page, notebook, app.config.nb_execution_timeout, app.ctdild.visible(page.docname)): (notebook, path)
            for page, notebook, path in todo
        }
        for future in concurrent.futures.as_completed(running):
            result = future.result()
            notebook, path = running[future]
            if result.problem is None and code_digest(result.page.root) == app.ctdild.code:
                bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": result.seconds})
                with _named_if_full(folder):
                    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            report(result)
            done.append(result)
    return done


def _open_cache(folder: Path, notebooks: list):
    """The cache, and for each notebook whether its outputs are in it.

    A damaged cache (an interrupted write, a disk that was full) is thrown away: it holds nothing that cannot be made again.
    """
    try:
        return _match(folder, notebooks)
    except Exception:  # the database, the notebook format and the file system each raise their own
        print("  the cache of the outputs is damaged: thrown away, every chapter runs again", flush=True)
    if folder.is_dir():
        shutil.rmtree(folder)
    else:
        folder.unlink()
    with _named_if_full(folder):
        return _match(folder, notebooks)


def _match(folder: Path, notebooks: list):
    """As `_open_cache`; raises whatever shows that the cache is damaged."""
    from jupyter_cache import get_cache

    cache = get_cache(folder)
    with cache.db.connect() as connection:
        state = connection.exec_driver_sql("pragma quick_check").scalar()
    if state != "ok":
        raise ValueError(state)
    found = []
    for notebook in notebooks:
        try:
            record = cache.match_cache_notebook(notebook)
        except KeyError:
            found.append(False)
            continue
        stored = cache.get_cache_bundle(record.pk).nb
        if [cell.source for cell in stored.cells] != [cell.source for cell in notebook.cells if cell.cell_type == "code"]:
            raise ValueError("a stored notebook has other cells than its page")
        found.append(True)
    return cache, found


@contextmanager
def _named_if_full(folder: Path) -> Iterator[None]:
    """What the cache's database raises on a full or closed disk names no path: say that it is this one."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(errno.EIO, str(error), str(folder)) from error


def run_notebook(page: Page, notebook, timeout: int = 120, digest: str = "") -> BookProblem | None:
    """Run a page's notebook in place, in its folder, in a kernel that may see its scope only; the cell that failed, if one did."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str((page.root / page.name).parent)}},
        extra_arguments=["--log-level=ERROR"],  # the kernel warns on every start that it talks to this machine in the clear
    )
    try:
        client.execute(env={**os.environ, SCOPE_VARIABLE: page.scope or "", DIGEST_VARIABLE: digest})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return _failed_cell(page, notebook, error)
    return _silent_cell(page, notebook)


def _silent_cell(page: Page, notebook) -> BookProblem | None:
    """A cell that ran without error and yet does not show what a reader came for, or shows something else beside it."""
    for (line, code), cell in zip(page.cells, (c for c in notebook.cells if c.cell_type == "code"), strict=True):
        kinds = [output.output_type for output in cell.outputs]
        wanted = [] if isinstance(ast.parse(code).body[-1], ast.Assign) else ["execute_result"]
        if cell.execution_count is None or kinds != wanted:
            there = ", ".join(kinds) or "nothing"
            text = "".join(output.get("text", "") for output in cell.outputs).strip()
            details = [("cell", code.replace("\n", " ⏎ ")[:160]), ("there", there), ("expected", wanted[0] if wanted else "nothing")]
            details += [("printed", text[:300])] if text else []
            return BookProblem(page.name, line, "a cell does not show what it should", tuple(details))
    return None


def _run(page: Page, notebook, timeout: int, visible: Evidence | None) -> Executed:
    """As `run_notebook`, and how long it took."""
    started = time.monotonic()
    problem = run_notebook(page, notebook, timeout, visible.digest() if visible else "")
    return Executed(page, time.monotonic() - started, problem)


#: What the package raises with a sentence for the writer of a page, which says it all.
_PLAIN = ("KeyError", "ValueError", "PermissionError", "EvidenceError", "RuntimeError")


def _failed_cell(page: Page, notebook, error: Exception) -> BookProblem:
    """The cell that stopped, with its line in the page and what it said."""
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    index = next((i for i, cell in enumerate(codes) if any(o.output_type == "error" for o in cell.get("outputs", ()))), None)
    if index is None:
        index = next((i for i, cell in enumerate(codes) if cell.execution_count is None), len(codes) - 1)
    name = getattr(error, "ename", type(error).__name__)
    message = getattr(error, "evalue", "") or str(error)
    if name == "KeyError":  # its text is printed quoted, as if it were a key
        with suppress(SyntaxError, ValueError):
            message = str(ast.literal_eval(message))
    lines = [line for line in message.strip().splitlines() if line.strip()] or [name]
    if name not in _PLAIN or " " not in lines[0]:
        lines[0] = f"{name}: {lines[0]}"
    details = [("cell", codes[index].source.replace("\n", " ⏎ ")[:160]), *(("error", line) for line in lines[:12])]
    line = page.cells[index][0] if index < len(page.cells) else None
    return BookProblem(page.name, line, "a cell failed", tuple(details))
