"""The book as one build sees it, and the events of Sphinx that hold it to its rules.

It works the same under ``make book`` and under a bare ``jupyter-book build .``: the gate of the checks, the guards of the
prose and the keys of the pages sit in Sphinx events.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sphinx.errors import ExtensionError

from .. import __version__
from ..evidence import Evidence, read
from . import HELD_VARIABLE, REPORT_VARIABLE, downloads, gate, look, roles, seen, terms, trials, whence
from .held import read_held
from .pages import Page, read_pages
from .problems import BookError, BookProblem, data_problem
from .rebuild import CACHE, code_digest, page_key, run_pages, with_key

ASSETS = Path(__file__).parent / "assets"


class Book:
    """The state of one build: the pages, the evidence that each may see, and their keys."""

    def __init__(self, root: Path):
        self.root = root
        self.evidence, data_problems = read(root / "data")
        if self.evidence is None:
            stop([data_problem(p) for p in data_problems])
        stop([data_problem(p) for p in gate.on_data(self.evidence) if p.blocks])
        log = os.environ.get(HELD_VARIABLE)
        try:
            self.pages = {page.docname: page for page in read_pages(root)}
            self.held = read_held(root, Path(log) if log else None)
        except BookError as error:
            stop(error.problems)
        stop(gate.on_pages(list(self.pages.values()), self.evidence, self.held))
        self.code = code_digest(root)
        self.problems: list[BookProblem] = []  #: found on the pages as they are read

    def visible(self, docname: str) -> Evidence | None:
        """The evidence that a page may see; None if it declares none."""
        page = self.pages.get(docname)
        return None if page is None or page.scope is None else self.evidence.scope(page.scope)

    def keyed(self, page: Page) -> str:
        """The page's text with its key (pages without cells need none)."""
        return with_key(page.text, page_key(page, self.visible(page.docname), self.code)) if page.is_notebook else page.text


def stop(problems: list[BookProblem]) -> None:
    """End the build with these problems; nothing happens when there are none."""
    if not problems:
        return
    report_problems(problems)
    raise ExtensionError("the book cannot be built:\n\n" + "\n\n".join(str(p) for p in problems))


def report_problems(problems: list[BookProblem]) -> None:
    """Hand these problems to the command that asked for a report of them."""
    report = os.environ.get(REPORT_VARIABLE)
    if report:
        Path(report).write_text(json.dumps([p.as_json() for p in problems]), encoding="utf-8")


def _configure(app, config) -> None:
    config.nb_execution_cache_path = str(Path(app.srcdir) / CACHE)
    # Whatever _config.yml says: a cell that did not run, or failed, publishes nothing.
    config.nb_execution_mode, config.nb_execution_raise_on_error, config.nb_execution_allow_errors = "cache", True, False
    app.ctdild = Book(Path(app.srcdir))
    stop(trials.write_pages(app.ctdild.root, app.ctdild.evidence))


def _all_pages(app, env, added, changed, removed):
    return list(env.found_docs - added - changed)


def _run_cells(app, env, docnames) -> None:
    book = app.ctdild
    strangers = sorted(env.found_docs - book.pages.keys() - set(trials.docnames(book.evidence)))
    stop(
        [BookProblem(f"{name}.md", None, "the page is not named in _toc.yml (by a glob?), so nothing has checked it") for name in strangers]
    )
    pages = [(page, book.keyed(page)) for page in book.pages.values() if page.is_notebook]
    width = max((len(page.name) for page, _ in pages), default=0)

    def report(result) -> None:
        state = "unchanged" if result.seconds is None else f"ran in {result.seconds:.1f} s"
        if result.problem:
            state = "failed"
        print(f"  {result.page.name:<{width}}  {state}", file=sys.stdout, flush=True)

    stop([result.problem for result in run_pages(app, pages, report) if result.problem])
    _nothing_edited(app)


def _nothing_edited(app, error=None) -> None:
    """What was checked is what is shown: an edit of data or code while the pages are made stops the build."""
    book = app.ctdild
    now, _ = read(book.root / "data")
    if error is None and (now is None or now.digest() != book.evidence.digest() or code_digest(book.root) != book.code):
        stop([BookProblem("data or src", None, "edited while the book was being built", (("do", "run it again"),))])


def _whole_pages(app, error) -> None:
    warned = (app.warningiserror or app.keep_going) and app._warncount  # the build fails by these, which say more than their consequences
    if error is None and not warned and app.builder.format == "html":
        stop(seen.check_site(Path(app.outdir)))


def _add_key(app, docname, source) -> None:
    page = app.ctdild.pages.get(docname)
    if page is not None:
        source[0] = app.ctdild.keyed(page)


def setup(app):
    """Entry point of Sphinx."""
    app.connect("config-inited", _configure, priority=100)  # before the table of contents is read: it lists the trials' pages
    app.connect("env-get-outdated", _all_pages)
    app.connect("env-before-read-docs", _run_cells)
    app.connect("source-read", _add_key)
    app.connect("env-updated", lambda app, env: stop(app.ctdild.problems))
    app.connect("build-finished", _nothing_edited)
    app.connect("build-finished", _whole_pages)
    roles.setup(app)
    seen.setup(app)
    downloads.setup(app)
    terms.setup(app)
    look.setup(app)
    trials.setup(app)
    whence.setup(app)
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(ASSETS)))
    for sheet in ("display.css", "site.css"):
        app.add_css_file(sheet)
    app.add_js_file("reveal.js", loading_method="defer")
    return {"version": __version__, "parallel_read_safe": False, "parallel_write_safe": True}
