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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..evidence import EvidenceError, load
from . import HELD_VARIABLE, REPORT_VARIABLE
from .held import FILE as HELD
from .held import read_held, with_failing, write_held
from .pages import Page, survey
from .problems import BookError, BookProblem, data_problem, disk_problem
from .prose import failing_claims
from .sources import config_problems

SITE = Path("_build/html")
ASIDE = Path("_build/.next")
PREVIOUS = Path("_build/.previous")
LOCK = Path("_build/.lock")

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_WARNING = re.compile(r"^((?P<path>[^:\s][^:]*)(:(?P<line>\d+))?: )?(?P<level>WARNING|ERROR|CRITICAL|SEVERE): (?P<what>.*)$")

_FRAME = re.compile(r'\s+File ".*", line \d+')
#: What kernels and Sphinx say besides.
_NOISE = ("[IPKernelApp]", "Please also report this", "A bug report can be filed", "The full traceback has been saved")
_SAY_MORE = ("do", "mend what is named here; make book V=1 shows everything that Sphinx says")


def build(
    root: Path, *, verbose: bool = False, hold_on: datetime.date | None = None, told: Callable[[str], None] = print
) -> list[BookProblem]:
    """Build the site of a project; what stopped it, or an empty list when the new site is in place.

    The site is built in a folder aside and exchanged for ``_build/html`` only when everything passed. With ``hold_on``
    the sentences that the data no longer support are replaced, and logged as held since that day once the site is in
    place. Raises nothing for what is in the project's files, nor for a disk that is full or closed.
    """
    try:
        (root / "_build").mkdir(exist_ok=True)
        with (root / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return [BookProblem("the book", None, "another build of it is running", (("do", "wait until it has ended"),))]
            return _build(root, verbose, hold_on, lock.fileno(), told)
    except BookError as error:
        return error.problems
    except EvidenceError as error:
        return [data_problem(problem) for problem in error.problems]
    except OSError as error:
        return [disk_problem(root, error)]


def _build(root: Path, verbose: bool, hold_on: datetime.date | None, lock: int, told: Callable[[str], None]) -> list[BookProblem]:
    aside = root / ASIDE
    if (root / PREVIOUS).exists() and not (root / SITE).exists():
        (root / PREVIOUS).rename(root / SITE)  # a swap was interrupted
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        pages, held = _sources(root)
        log, new = None, 0
        if hold_on:
            failing, _ = failing_claims(pages, load(root / "data"))
            held, new = with_failing(held, failing, hold_on)
            log = aside / "held-claims.csv"
            write_held(log, held)
        problems = _run_sphinx(root, aside, verbose, lock, log)
        if not problems and hold_on:
            with _log_put_in_place(root, held):
                _swap(root, aside)
            told(f"  {new} sentences newly under revision" + (f", logged in {HELD}" if held else ""))
        elif not problems:
            _swap(root, aside)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return problems


def _sources(root: Path) -> tuple[list[Page], list[dict[str, str]]]:
    """The pages and the held sentences. Raises `BookError` with everything that cannot be read: Sphinx would name the first only."""
    pages, problems = survey(root)
    problems += config_problems(root)
    try:
        held = read_held(root)
    except BookError as error:
        problems += error.problems
    if problems:
        raise BookError(problems)
    return pages, held


@contextmanager
def _log_put_in_place(root: Path, held: list[dict[str, str]]) -> Iterator[None]:
    """The log of held sentences becomes this one if what is done here succeeds, and stays as it was if not.

    It is written beside the old one first: a folder that cannot be written is known before anything is exchanged.
    """
    log = root / HELD
    beside = log.with_suffix(".new")
    try:
        write_held(beside, held)
        yield
        if held:
            beside.replace(log)
        else:
            log.unlink(missing_ok=True)
    finally:
        beside.unlink(missing_ok=True)


def _run_sphinx(root: Path, aside: Path, verbose: bool, lock: int, log: Path | None) -> list[BookProblem]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        process = subprocess.run(
            [sys.executable, "-m", "ctdild.book.sphinx", str(root), str(aside), "verbose" if verbose else "quiet"],
            cwd=root,
            env={**os.environ, REPORT_VARIABLE: str(report), HELD_VARIABLE: str(log or "")},
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
    """Sphinx' warnings as problems: page, line, what. Without any, its last words."""
    problems, rest = [], []
    for line in _without_frames(_ANSI.sub("", messages).splitlines()):
        match = _WARNING.match(line)
        if match:
            path = Path(match["path"] or "the book")
            name = path.relative_to(root).as_posix() if path.is_absolute() and path.is_relative_to(root) else str(path)
            problem = BookProblem(name, int(match["line"]) if match["line"] else None, match["what"])
            if problem not in problems:
                problems.append(problem)
        elif line.strip() and not line.startswith(_NOISE):
            rest.append(line)
    return problems or [BookProblem("the book", None, "Sphinx failed", (*(("", line) for line in rest[-15:]), _SAY_MORE))]


def _without_frames(lines: list[str]) -> Iterator[str]:
    """The lines without the frames of tracebacks: what was raised is told, where in the code is for `--verbose`."""
    inside = False
    for line in lines:
        if line.startswith("Traceback (most recent call last)") or _FRAME.match(line):
            inside = True
        elif not (inside and line.startswith("    ")):
            inside = False
            yield line


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
