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

from .pages import BookProblem, Claim, Page

COLUMNS = ("held_on", "page", "line", "sentence", "condition", "value")
FILE = "chapters/held-claims.csv"


def read_held(root: Path) -> list[dict[str, str]]:
    """The held sentences; empty without a log. Raises `ValueError` for a log that cannot be read."""
    path = root / FILE
    if not path.exists():
        return []
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)
        rows = list(reader)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"the columns are {', '.join(reader.fieldnames or ())}; expected {', '.join(COLUMNS)}")
        for row in rows:
            datetime.date.fromisoformat(row["held_on"])
    except (csv.Error, UnicodeDecodeError, TypeError, ValueError) as error:
        raise ValueError(f"{FILE} cannot be read: {error}; restore it from the last commit") from None
    return rows


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


def hold(root: Path, failing: list[tuple[Page, Claim, BookProblem]], today: datetime.date) -> int:
    """Log each failing sentence that is not logged yet, and drop the rows of sentences that hold again; how many are new."""
    held = read_held(root)
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
    path = root / FILE
    if not kept and not new:
        path.unlink(missing_ok=True)
        return 0
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*kept, *new])
    aside = path.with_suffix(".new")
    aside.write_text(text.getvalue(), encoding="utf-8")
    aside.replace(path)
    return len(new)
