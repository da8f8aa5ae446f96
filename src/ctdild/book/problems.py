"""What stops the book: where it is, what is there, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..evidence import Problem


@dataclass(frozen=True)
class BookProblem:
    """Something that stops the book: page, line, what, and the figures or the sentence concerned."""

    page: str
    line: int | None
    what: str
    details: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        place = f"{self.page}:{self.line}" if self.line else self.page
        return "\n".join([f"{place}  {self.what}", *(f"    {name:<10} {text}" for name, text in self.details)])

    def as_json(self) -> dict:
        return {"page": self.page, "line": self.line, "what": self.what, "details": [list(d) for d in self.details]}

    @classmethod
    def from_json(cls, data: dict) -> BookProblem:
        return cls(data["page"], data["line"], data["what"], tuple((a, b) for a, b in data["details"]))


class BookError(Exception):
    """The book cannot be read or made; carries every problem found, not the first."""

    def __init__(self, problems: Iterable[BookProblem]):
        self.problems = list(problems)
        super().__init__("\n\n".join(str(problem) for problem in self.problems))


def disk_problem(root: Path, error: OSError) -> BookProblem:
    """A file or folder that could not be read or written (no permission, a full disk, a file in the place of a folder)."""
    where = str(error.filename) if error.filename else ""
    path = Path(where)
    if where and path.is_absolute() and path.is_relative_to(root):
        where = path.relative_to(root).as_posix()
    reason = error.strerror or str(error)
    return BookProblem(where or "the disk of this project", None, f"cannot be read or written: {reason}",
                       (("do", "allow it, make room on the disk, or remove what stands in its place; then run it again"),))  # fmt: skip


def data_problem(problem: Problem) -> BookProblem:
    """A finding on the data as a problem of the book."""
    details = [("column", problem.column), ("there", problem.value), ("do", problem.repair)]
    what = f"{problem.message} [{problem.rule}]"
    return BookProblem(f"data/{problem.file}", problem.row, what, tuple((a, b) for a, b in details if b))
