"""`ctdild build`: check, build aside, swap. The last good site stays until a better one is complete."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import REPORT_VARIABLE
from .pages import BookProblem

SITE = Path("_build/html")
ASIDE = Path("_build/.next")
PREVIOUS = Path("_build/.previous")
LOCK = Path("_build/.lock")

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_WARNING = re.compile(r"^(?P<path>[^:\s][^:]*)(:(?P<line>\d+))?: (?P<level>WARNING|ERROR|CRITICAL|SEVERE): (?P<what>.*)$")


def build(root: Path, *, verbose: bool = False) -> list[BookProblem]:
    """Build the site of a project; what stopped it, or an empty list when the new site is in place.

    The site is built in a folder aside and exchanged for ``_build/html`` only when everything passed.
    """
    (root / "_build").mkdir(exist_ok=True)
    with (root / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return [BookProblem("the book", None, "another build of it is running", (("do", "wait until it has ended"),))]
        return _build(root, verbose, lock.fileno())


def _build(root: Path, verbose: bool, lock: int) -> list[BookProblem]:
    aside = root / ASIDE
    if (root / PREVIOUS).exists() and not (root / SITE).exists():
        (root / PREVIOUS).rename(root / SITE)  # a swap was interrupted
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        problems = _run_sphinx(root, aside, verbose, lock)
        if not problems:
            _swap(root, aside)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return problems


def hold_failing_claims(root: Path, today: datetime.date) -> int:
    """Log the sentences that the data no longer support, so that the build replaces them; how many are new."""
    from ..evidence import load
    from .held import hold
    from .pages import read_pages
    from .prose import failing_claims

    failing, _ = failing_claims(read_pages(root), load(root / "data"))
    return hold(root, failing, today)


def _run_sphinx(root: Path, aside: Path, verbose: bool, lock: int) -> list[BookProblem]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        process = subprocess.run(
            [sys.executable, "-m", "ctdild.book.sphinx", str(root), str(aside), "verbose" if verbose else "quiet"],
            cwd=root,
            env={**os.environ, REPORT_VARIABLE: str(report)},
            stderr=None if verbose else subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            pass_fds=(lock,),  # held on by a build whose command was killed
        )
        if process.returncode == 0:
            return []
        if report.exists():
            return [BookProblem.from_json(item) for item in json.loads(report.read_text(encoding="utf-8"))]
        if verbose:
            return [BookProblem("the book", None, "Sphinx failed; see its messages above")]
        return _from_messages(root, process.stderr)


def _from_messages(root: Path, messages: str) -> list[BookProblem]:
    """Sphinx' warnings as problems: page, line, what."""
    problems, rest = [], []
    for line in _ANSI.sub("", messages).splitlines():
        match = _WARNING.match(line)
        if match:
            path = Path(match["path"])
            name = path.relative_to(root).as_posix() if path.is_absolute() and path.is_relative_to(root) else match["path"]
            problem = BookProblem(name, int(match["line"]) if match["line"] else None, match["what"])
            if problem not in problems:
                problems.append(problem)
        elif line.strip():
            rest.append(line)
    return problems or [BookProblem("the book", None, "Sphinx failed", tuple(("", line) for line in rest[-15:]))]


def _swap(root: Path, aside: Path) -> None:
    """Put the new site in the place of the old one. Were it to be interrupted between the two renames, the old site is
    in ``_build/.previous`` and is put back by the next build."""
    site, previous = root / SITE, root / PREVIOUS
    shutil.rmtree(previous, ignore_errors=True)
    if site.exists():
        site.rename(previous)
    try:
        (aside / "html").rename(site)
    except OSError:
        if previous.exists():
            previous.rename(site)
        raise
    shutil.rmtree(previous, ignore_errors=True)
