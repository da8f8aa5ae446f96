"""Sentences held back because the data changed under them: ``chapters/held-claims.csv``.

A row is an editor's decision (``make book HOLD_CLAIMS=1``) to publish a correction before its sentence is rewritten. It
holds for that sentence and that condition only, and is removed when the sentence is rewritten or true again.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable
from pathlib import Path

from .pages import Claim, Page
from .problems import BookError, BookProblem
from .sources import read_source

COLUMNS = ("held_on", "page", "line", "sentence", "condition", "value")
FILE = "chapters/held-claims.csv"


def read_held(root: Path, log: Path | None = None) -> list[dict[str, str]]:
    """The held sentences, of the project or of another log; empty without one. Raises `BookError` with all that is wrong in it."""
    path = log or root / FILE
    if not path.exists():
        return []
    text, problems = read_source(path.parent, path.name)
    rows: list[dict[str, str]] = []
    if text is not None:
        rows, found = _rows(text)
        problems = [*problems, *found]
    if problems:
        raise BookError(BookProblem(FILE, p.line, p.what, p.details) for p in problems)
    return rows


_RESTORE = ("do", "restore the file from the last commit, or remove it and hold the sentences anew: make book HOLD_CLAIMS=1")


def _rows(text: str) -> tuple[list[dict[str, str]], list[BookProblem]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, problems = [], []
    try:
        header = next(reader)
        if tuple(header) != COLUMNS:
            return [], [BookProblem(FILE, 1, f"the columns are {', '.join(header)}; expected {', '.join(COLUMNS)}", (_RESTORE,))]
        for cells in reader:
            if len(cells) != len(COLUMNS):
                problems.append(BookProblem(FILE, reader.line_num, f"{len(cells)} cells where the header has {len(COLUMNS)}", (_RESTORE,)))
                continue
            row = dict(zip(COLUMNS, cells, strict=True))
            try:
                datetime.date.fromisoformat(row["held_on"])
            except ValueError:
                problems.append(BookProblem(FILE, reader.line_num, "held_on is not a day",
                                            (("there", row["held_on"][:80]), ("do", "write year-month-day, as 2026-11-24"))))  # fmt: skip
            rows.append(row)
    except csv.Error as error:
        problems.append(BookProblem(FILE, max(reader.line_num, 1), f"not readable as CSV: {error}", (_RESTORE,)))
    return rows, problems


def held_on(held: Iterable[dict[str, str]], page: str, condition: str, sentence: str) -> str | None:
    """The day, in words, since which a sentence is held; None if it is not."""
    for row in held:
        if (row["page"], row["condition"], row["sentence"]) == (page, condition, sentence):
            day = datetime.date.fromisoformat(row["held_on"])
            return f"{day.day} {day:%B %Y}"
    return None


def stale(held: list[dict[str, str]], failing: list[tuple[Page, Claim, BookProblem]]) -> list[BookProblem]:
    """Held sentences that are true again or gone: a decision on one state of the data is no permission for the next."""
    current = {(page.name, claim.condition, claim.sentence) for page, claim, _ in failing}
    return [
        BookProblem(FILE, number, "a sentence is held that is true again, rewritten or gone",
                    (("sentence", row["sentence"][:160]), ("do", "remove the row; make book HOLD_CLAIMS=1 does it")))
        for number, row in enumerate(held, start=2)
        if (row["page"], row["condition"], row["sentence"]) not in current
    ]  # fmt: skip


def with_failing(
    held: list[dict[str, str]], failing: list[tuple[Page, Claim, BookProblem]], today: datetime.date
) -> tuple[list[dict[str, str]], int]:
    """The log with each failing sentence that is not logged yet, without the sentences that hold again; and how many are new."""
    current = {(page.name, claim.condition, claim.sentence) for page, claim, _ in failing}
    kept = [row for row in held if (row["page"], row["condition"], row["sentence"]) in current]
    known = {(row["page"], row["condition"], row["sentence"]) for row in kept}
    new = [
        {
            "held_on": today.isoformat(),
            "page": page.name,
            "line": str(claim.line),
            "sentence": claim.sentence,
            "condition": claim.condition,
            "value": "; ".join(text for name, text in problem.details if name == "value"),
        }
        for page, claim, problem in failing
        if (page.name, claim.condition, claim.sentence) not in known
    ]
    return [*kept, *new], len(new)


def write_held(path: Path, rows: list[dict[str, str]]) -> None:
    """Write a log of held sentences."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
