"""Undo what a spreadsheet did to the tables, without changing a fact.

A spreadsheet reprints what it saves: ``2.50`` becomes ``2.5``, ``0.04`` in some countries ``0,04``, ``true`` becomes
``TRUE``; it adds a byte order mark, Windows line ends and quotes, and perhaps sorts the rows. Against the last commit
all of this can be told from a correction: the value is the same, only its print is not. `tidy` puts back the print of the
last commit wherever the value is equal, and touches nothing else.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from .evidence import Field, TableSchema, read_schema

Rows = list[list[str]]

_MINUS = re.compile("[−–—‐‑﹣－]")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")


@dataclass
class Tidied:
    """What was done to one table, or why nothing could be."""

    file: str
    restored: list[str] = field(default_factory=list)  #: ``line 12, estimate: 2.5 was 2.50``
    rewritten: list[str] = field(default_factory=list)  #: what was changed in the file but in no cell
    left_alone: str = ""


def tidy(folder: Path, *, write: bool = True, committed: Callable[[str], str | None] | None = None) -> Iterator[Tidied]:
    """Tidy every table of a data folder; yields what was done to those that needed it.

    ``committed`` gives the text of a file in the last commit, or None where there is none (default: git).
    Raises `EvidenceError` when ``datapackage.json`` cannot be read.
    """
    committed = committed or last_commit(folder)
    for table in read_schema(folder).values():
        path = folder / table.path
        if not path.is_file():
            continue
        done, text = _tidy_table(table, path.read_bytes(), committed(table.path))
        if done.restored or done.rewritten or done.left_alone:
            if write and text is not None:
                path.write_text(text, encoding="utf-8", newline="\n")
            yield done


def last_commit(folder: Path) -> Callable[[str], str | None]:
    """Reads a file of ``folder`` as it is in the last commit; None outside of git, without git, or for a new file."""

    def show(name: str) -> str | None:
        try:
            found = subprocess.run(["git", "show", f"HEAD:./{name}"], cwd=folder, capture_output=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return found.stdout.decode("utf-8", "replace") if found.returncode == 0 else None

    return show


def _tidy_table(table: TableSchema, data: bytes, before: str | None) -> tuple[Tidied, str | None]:
    done = Tidied(table.path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        done.left_alone = "it is not UTF-8; save it again as CSV in UTF-8, and tidy again"
        return done, None
    now = _rows(text.removeprefix("\ufeff"))
    if now is None or not set(table.primary_key) <= set(now[0]):
        done.left_alone = "it cannot be read as a table; ctdild check says where"
        return done, None
    header, rows = now[0], now[1:]
    order = [name for name in table.columns if name in header] + [name for name in header if name not in table.columns]
    rows = [[row[header.index(name)].strip(" ") for name in order] for row in rows]
    then = _rows(before) if before else None
    sorted_rows = rows
    if then is not None and set(table.primary_key) <= set(then[0]):
        _restore(table, order, rows, then, done)
        sorted_rows = _sort(table, order, rows, then)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([order, *sorted_rows])
    if out.getvalue() != text:
        steps = {
            "byte order mark removed": text.startswith("\ufeff"),
            "line ends of Unix": "\r" in text,
            "columns in the order of datapackage.json": order != header,
            "rows in the order of the last commit": sorted_rows != rows,
        }
        done.rewritten = [what for what, needed in steps.items() if needed]
        if not done.rewritten and not done.restored:
            done.rewritten = ["quotes and spaces"]
    return done, out.getvalue()


def _rows(text: str) -> Rows | None:
    """The rows of a table, header first; None when they are not one rectangle with named columns."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        return None
    if not rows or len(set(rows[0])) < len(rows[0]) or any(len(row) != len(rows[0]) for row in rows):
        return None
    return rows


def _restore(table: TableSchema, order: list[str], rows: Rows, then: Rows, done: Tidied) -> None:
    """Put back the print of the last commit in every cell whose value is the same."""
    old = {_key(table, then[0], row): dict(zip(then[0], row, strict=True)) for row in then[1:]}
    for line, row in enumerate(rows, 2):
        before = old.get(_key(table, order, row), {})
        for i, name in enumerate(order):
            described = table.field(name)
            printed = before.get(name)
            if described is not None and printed is not None and row[i] != printed and _same(described, row[i], printed):
                done.restored.append(f"line {line}, {name}: {row[i]} was {printed}")
                row[i] = printed


def _sort(table: TableSchema, order: list[str], rows: Rows, then: Rows) -> Rows:
    """The rows in the order of the last commit; a new row stays behind the row that it follows."""
    places = {_key(table, then[0], row): place for place, row in enumerate(then[1:])}
    here, keyed = -1, []
    for number, row in enumerate(rows):
        place = places.get(_key(table, order, row))
        here = here if place is None else place
        keyed.append(((here, place is None, number), row))
    return [row for _, row in sorted(keyed, key=lambda pair: pair[0])]


def _key(table: TableSchema, header: list[str], row: list[str]) -> tuple[str, ...]:
    return tuple(row[header.index(name)] for name in table.primary_key)


def _same(described: Field, now: str, printed: str) -> bool:
    """Whether two prints of a cell are one value: the same number, the same truth, the same words but for spaces."""
    if described.type in ("number", "integer", "year"):
        numbers = _number(now), _number(printed)
        return None not in numbers and numbers[0] == numbers[1]
    if described.type == "boolean":
        return now.lower() == printed
    return False


def _number(text: str) -> Decimal | None:
    plain = _MINUS.sub("-", text.strip())
    if _DECIMAL_COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
