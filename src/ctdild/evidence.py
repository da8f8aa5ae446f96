"""The evidence: the data package read, typed, corrected and cut into scopes.

``data/datapackage.json`` (Frictionless Tabular Data Package) is the only schema.
This module knows no other module of the package.

Three promises:

- A figure keeps the text that its source printed (``2.50`` stays ``2.50``); see `Printed`.
- Bad input is never a traceback: `read` returns every problem at once, each with file, row,
  column, what is there, what was expected and what to do.
- A correction never overwrites: the row keeps what was printed beside what is used instead.

Why not read with ``frictionless`` itself: it gives numbers without their printed decimals, and its
messages name neither the damage that spreadsheets do nor the repair. The tests use it as an
independent judge of the package.
"""

from __future__ import annotations

import csv
import datetime
import difflib
import hashlib
import io
import json
import re
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

RESERVED_ARMS = ("all", "baseline", "projected", "reference")
#: Kinds of studies without patients of their own: others put together what other studies found.
POOLED = ("pooled-analysis", "meta-analysis", "narrative-review")

#: Nothing that people edit in a spreadsheet is larger; what is larger is a mistake, and is named as one.
MAX_FILE_BYTES = 20_000_000
MAX_CELL_CHARACTERS = 20_000
MAX_ROWS_PER_FILE = 5_000
MAX_DIGITS = 30
#: From here on a file's problems are counted, not listed: a shifted column would give thousands.
MAX_PROBLEMS_PER_FILE = 200


_TOO_LONG = f"a cell has more than {MAX_CELL_CHARACTERS:,} characters, or a quote was never closed"


#: How close to its trial a figure was read, from the furthest on.
LEVELS = ("review", "secondary", "primary")


class Printed(float):
    """A number that remembers how its source printed it.

    It computes as a float and prints as the text: ``Printed("2.50") * 2 == 5.0``, ``str(...) == "2.50"``.
    """

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Printed:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Printed({self.text!r})"

    def __reduce__(self):
        return (Printed, (self.text,))

    @property
    def decimals(self) -> int:
        """Digits after the decimal point, as printed."""
        return len(self.text.partition(".")[2])

    @property
    def half_unit(self) -> float:
        """Half a unit of the last printed place: the true value lies within this of the printed one."""
        return 0.5 * 10.0**-self.decimals


@dataclass(frozen=True)
class Problem:
    """One finding on the data: where it is, what is there, what was expected and what to do."""

    severity: str  #: ERROR, WARN or INFO
    rule: str
    file: str  #: relative to the data folder
    row: int | None  #: line number in the file
    column: str | None
    value: str | None
    message: str
    repair: str | None = None
    explained: str | None = None  #: the reason, where the data explain the finding
    row_id: str | None = None

    @property
    def blocks(self) -> bool:
        """Whether the finding stops a build."""
        return self.severity in ("ERROR", "WARN") and self.explained is None

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f":{self.row}"
        if self.column:
            place += f" {self.column}"
        text = f"{self.severity} {place}: {self.message} [{self.rule}]"
        if self.repair:
            text += f"\n    do: {self.repair}"
        if self.explained:
            text += f"\n    explained: {self.explained}"
        return text


class EvidenceError(Exception):
    """The data cannot be used; carries every problem found, not the first."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Field:
    """One column of a table, as the data package describes it."""

    name: str
    type: str
    description: str
    constraints: Mapping[str, Any]
    separator: str | None = None
    references: str | None = None  #: ``table.column`` that each item of a list must name

    @property
    def required(self) -> bool:
        return bool(self.constraints.get("required"))


@dataclass(frozen=True)
class ForeignKey:
    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]


@dataclass(frozen=True)
class TableSchema:
    """One table: its file, its columns and its keys."""

    name: str
    title: str
    path: str
    fields: tuple[Field, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)


class Row(Mapping):
    """One row: values by column name or attribute, typed; empty cells are None, lists are tuples.

    ``line`` is its line in the file, ``id`` its address, ``text(column)`` the text in use,
    ``printed`` what the source printed where a correction replaced it.
    """

    __slots__ = ("_corrections", "_texts", "_values", "id", "line", "table")

    def __init__(self, table: str, row_id: str, line: int, values: dict, texts: dict, corrections: dict | None = None):
        self.table, self.id, self.line = table, row_id, line
        self._values, self._texts, self._corrections = values, texts, corrections or {}

    def __getitem__(self, column: str) -> Any:
        return self._values[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, column: str) -> Any:
        if column.startswith("_"):
            raise AttributeError(column)
        try:
            return self._values[column]
        except KeyError:
            raise AttributeError(f"table {self.table} has no column {column!r}") from None

    def __reduce__(self):
        return (Row, (self.table, self.id, self.line, self._values, self._texts, self._corrections))

    def __repr__(self) -> str:
        return f"<{self.table} {self.id}>"

    def __hash__(self) -> int:
        return hash((self.table, self.id))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Row) and (self.table, self.id, self._texts, self._corrections) == (
            other.table,
            other.id,
            other._texts,
            other._corrections,
        )

    def text(self, column: str) -> str:
        """The cell as text, corrected where a correction applies; empty for a hole."""
        return self._texts[column]

    @property
    def texts(self) -> Mapping[str, str]:
        return self._texts

    @property
    def corrections(self) -> Mapping[str, Row]:
        """Column -> row of ``corrections`` that replaced what was printed there."""
        return self._corrections

    @property
    def withheld(self) -> bool:
        """Whether sources disagree so that nothing may show the row."""
        return self._values.get("caution") == "withheld"


def row_id(table: str, key: tuple[str, ...]) -> str:
    """The address of a row from its primary key.

    One-column keys are the address; a cohort is ``trial.cohort``, an arm ``trial/arm``.
    """
    return ("/" if table == "arms" else ".").join(key)


@dataclass(frozen=True)
class Evidence:
    """All tables, or the part of them that a scope allows to be seen."""

    schema: Mapping[str, TableSchema]
    tables: Mapping[str, tuple[Row, ...]]
    bibliography: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scope_name: str | None = None
    version: str = ""
    #: Names of trials, cohorts, arms and outcomes of the whole review, also where a scope sees fewer rows.
    vocabulary: frozenset[str] = frozenset()
    _index: dict[str, Row] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for rows in self.tables.values():
            for row in rows:
                self._index.setdefault(row.id, row)
        if not self.vocabulary:
            names = {"trials": "trial_id", "cohorts": "cohort", "arms": "arm", "outcomes": "outcome"}
            known = (row.get(column) for table, column in names.items() for row in self[table])
            object.__setattr__(self, "vocabulary", frozenset(name for name in known if name))

    def __getitem__(self, table: str) -> tuple[Row, ...]:
        """The rows of a table. A table that the data package does not describe (yet) has none: it comes with its first row."""
        return self.tables.get(table, ())

    def shown(self, table: str) -> tuple[Row, ...]:
        """The rows of a table that may be shown: all but the withheld ones."""
        return tuple(row for row in self[table] if not row.withheld)

    def row(self, address: str, table: str | None = None) -> Row:
        """The row with this address. Raises `KeyError` that names close addresses, or the table if it is not the one asked for."""
        found = self._index.get(address)
        if found is None:
            close = difflib.get_close_matches(str(address), self._index, n=3)
            where = f" in scope {self.scope_name}" if self.scope_name else ""
            hint = f"; close: {', '.join(close)}" if close else ""
            raise KeyError(f"no row {address!r}{where}{hint}")
        if table not in (None, found.table):
            raise KeyError(f"{address!r} is a row of {found.table}, not of {table}")
        return found

    def __contains__(self, address: str) -> bool:
        return address in self._index

    def trial(self, row: Row) -> Row:
        return self.row(row["trial_id"])

    def arm(self, row: Row, column: str = "arm") -> Row:
        """The arm that a result or contrast names in ``column``."""
        return self.row(row_id("arms", (row["trial_id"], row[column])))

    def cohort(self, row: Row) -> Row:
        return self.row(row_id("cohorts", (row["trial_id"], row["cohort"])))

    def outcome(self, row: Row) -> Row:
        return self.row(row["outcome"])

    def source(self, row: Row, column: str | None = None) -> Row:
        """Where a row, or one cell of it, was read: the row of ``sources``."""
        return self.row(self.provenance(row, column)["source_id"])

    def provenance(self, row: Row, column: str | None = None) -> Row:
        """The row that holds source, locator and verification of a row or of one cell of it."""
        return self._cells_read_elsewhere.get((row.id, row.table, column), row) if column is not None else row

    @cached_property
    def _scopes(self) -> dict[str, Evidence]:
        return {}  # those that were asked for; no field, so that a copy with other tables starts without them

    @cached_property
    def memo(self) -> dict:
        """What others have computed from these rows and would compute again, by a key of theirs; a copy with other tables starts empty."""
        return {}

    @cached_property
    def _cells_read_elsewhere(self) -> dict[tuple[str, str, str], Row]:
        return {(cell.row_id, cell["table"], cell.column): cell for cell in reversed(self["cell_sources"])}

    def work(self, key: str) -> str:
        """A work of the bibliography in one line, as far as its fields are confirmed: ``Tashkin DP and others. Title. Journal 2006;354:2655``.

        That authors or year of an article were not read is said; a record of a registry has none to read.
        """
        fields = self.bibliography[key]
        if "registry record" in fields.get("title", ""):
            fields = {name: text for name, text in fields.items() if text.strip("{}") not in ("[authors not read]", "[year not read]")}
        first, *others = fields.get("author", "").split(" and ")
        author = f"{first.partition(',')[0]}{' and others' if others else ''}"
        where, year = fields.get("journal") or fields.get("howpublished", ""), fields.get("year", "")
        journal = where if year and re.search(rf"\b{re.escape(year)}\b", where) else " ".join(part for part in (where, year) if part)
        volume = f";{fields['volume']}" if "volume" in fields else ""
        pages = f":{fields['pages']}" if "pages" in fields else ""
        return ". ".join(part for part in (author, fields.get("title", ""), f"{journal}{volume}{pages}") if part)

    def frame(self, table: str):
        """The table as a pandas DataFrame: numbers as float64, lists as text, corrected cells applied."""
        import pandas as pd  # late: the command line does not need it

        schema = self.schema[table]
        data = {}
        for f in schema.fields:
            column = [row[f.name] for row in self[table]]
            if f.type == "number":
                data[f.name] = pd.array([None if v is None else float(v) for v in column], dtype="Float64")
            elif f.type in ("integer", "year"):
                data[f.name] = pd.array(column, dtype="Int64")
            elif f.type == "boolean":
                data[f.name] = pd.array(column, dtype="boolean")
            else:
                data[f.name] = pd.array([row.text(f.name) or None for row in self[table]], dtype="string")
        return pd.DataFrame(data, columns=list(schema.columns))

    def digest(self) -> str:
        """A hash of all that can be read here; equal exactly when the visible rows are equal."""
        content = {
            table: [[row.id, dict(row.texts), {c: x.id for c, x in row.corrections.items()}] for row in rows]
            for table, rows in sorted(self.tables.items())
        }
        text = json.dumps([content, self.version, self.bibliography], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def scope(self, name: str) -> Evidence:
        """The part of the evidence that a chapter may see, by the row ``name`` of table ``scopes``.

        A trial is seen when its diseases and the classes of its treatments meet the scope's; of a trial that
        mixes diseases only the cohorts that meet them, and the cohorts which those are part of.
        Raises `KeyError` for an unknown scope.
        """
        wanted = next((row for row in self["scopes"] if row.scope == name), None)
        if wanted is None:
            known = ", ".join(row.scope for row in self["scopes"]) or "none"
            raise KeyError(f"no scope {name!r} in scopes.csv; there are: {known}")
        if name not in self._scopes:
            self._scopes[name] = _cut(self, wanted)
        return self._scopes[name]


def _cut(evidence: Evidence, wanted: Row) -> Evidence:
    diseases, classes, named = (set(wanted.get(column) or ()) for column in ("diseases", "classes", "trials"))
    named_only = bool(named) and not diseases and not classes
    class_of = {row.treatment: row["class"] for row in evidence["treatments"]}

    def meets(row_diseases: tuple[str, ...] | None) -> bool:
        return not named_only and (not diseases or bool(diseases & set(row_diseases or ())))

    def in_class(treatments: Iterable[str]) -> bool:
        return not classes or bool(classes & {class_of.get(t, "") for t in treatments})

    # A comparator's class does not decide: a transplantation trial against cyclophosphamide is no trial of cyclophosphamide.
    tested: dict[str, set[str]] = {}
    compared: dict[str, set[str]] = {}
    for arm in evidence["arms"]:
        (tested if arm.role == "intervention" else compared).setdefault(arm.trial_id, set()).update(arm.treatment or ())
    treated = {**compared, **tested}

    cohorts: dict[str, Row] = {}
    for cohort in evidence["cohorts"]:
        if cohort.trial_id in named or (meets(cohort.disease) and in_class(treated.get(cohort.trial_id, ()))):
            cohorts[cohort.id] = cohort
    for cohort in list(cohorts.values()):
        parent = row_id("cohorts", (cohort.trial_id, cohort.parent or ""))
        while parent in evidence and parent not in cohorts:  # a broken tree is a finding of the checks
            cohorts[parent] = cohort = evidence.row(parent)
            parent = row_id("cohorts", (cohort.trial_id, cohort.parent or ""))
    trials = {cohort.trial_id for cohort in cohorts.values()}
    # A position that covers everybody whom a seen trial enrolled, on a drug of that trial, covers the page's patients too:
    # an approval for progressive fibrosing ILD is one for such patients with rheumatoid arthritis. A network of trials
    # enrolled nobody: the drugs that it compares are not the page's for that. One on progressive fibrosis of any cause covers
    # those of the page's patients whose fibrosis progresses.
    under_test = {trial_id: drugs - compared.get(trial_id, set()) for trial_id, drugs in tested.items()}
    pooled = {trial.trial_id for trial in evidence["trials"] if trial.kind in POOLED}
    enrolled = [
        (under_test.get(c.trial_id, set()), set(c.disease or ()))
        for c in cohorts.values()
        if c.kind == "all" and c.disease and c.trial_id not in pooled
    ]

    keep: dict[str, list[Row]] = defaultdict(list, {name: [] for name in evidence.schema})
    for name, rows in evidence.tables.items():
        names = set(evidence.schema[name].columns)
        for row in rows:
            if name in ("trials", "reports", "arms"):
                seen = row.trial_id in trials
            elif {"trial_id", "cohort"} <= names:
                seen = row_id("cohorts", (row.trial_id, row.cohort)) in cohorts
            elif name == "interactions":
                seen = all(row_id("cohorts", (row.trial_id, c)) in cohorts for c in row.cohorts)
            elif name == "discrepancies":
                seen = row.trial_id is None or row.trial_id in trials
            elif name in ("approvals", "recommendations"):
                seen = (meets(row.disease) and in_class([row.treatment])) or any(
                    row.treatment in drugs and (whole <= set(row.disease) or row.disease == ("PF-ILD",)) for drugs, whole in enrolled
                )
            elif name in ("prevalence", "ct_patterns", "autoantibodies"):
                # Asked of a disease; a scope of treatments alone is about none.
                seen = meets(row.disease) and (not classes or bool(diseases))
            elif name == "source_claims":
                seen = not (diseases or classes or named) or row.page == f"chapters/{wanted.scope}"
            elif name == "pools":
                seen = all(address.partition(".")[0] in trials for address in row.contrast_ids)
            elif name == "scopes":
                seen = row == wanted
            else:
                continue
            if seen:
                keep[name].append(row)

    used_outcomes = {row["outcome"] for name, rows in keep.items() for row in rows if "outcome" in row and name != "instruments"}
    if not (diseases or classes or named):  # the whole review hides nothing, also what no trial has used
        used_outcomes = {row["outcome"] for row in evidence["outcomes"]}
        keep["instruments"] = list(evidence["instruments"])
    else:
        keep["instruments"] = [row for row in evidence["instruments"] if row.outcome is not None and row.outcome in used_outcomes]
    keep["mcids"] = [row for row in evidence["mcids"] if meets(row.disease) and row.outcome in used_outcomes]
    keep["outcomes"] = [row for row in evidence["outcomes"] if row.outcome in used_outcomes]
    used_treatments = {t for arm in keep["arms"] for t in arm.treatment or ()}
    used_treatments |= {row.treatment for name in ("approvals", "recommendations") for row in keep[name]}
    keep["treatments"] = [row for row in evidence["treatments"] if row.treatment in used_treatments]
    seen_ids = {(row.table, row.id) for rows in keep.values() for row in rows}
    for name in ("cell_sources", "corrections", "explanations", "readings"):
        keep[name] = [row for row in evidence[name] if (row["table"], row.row_id) in seen_ids]
    used_sources = {row["source_id"] for rows in keep.values() for row in rows if "source_id" in row}
    keep["sources"] = [row for row in evidence["sources"] if row.source_id in used_sources]
    tables = {name: tuple(rows) for name, rows in keep.items() if name in evidence.tables}
    return replace(evidence, tables=tables, scope_name=wanted.scope, _index={})


# --- reading ---------------------------------------------------------------------------------------


def find_project(start: Path | str | None = None) -> Path:
    """The project: the nearest folder, from ``start`` (the working directory) upwards, that holds
    ``_config.yml`` and ``data/``. Raises `FileNotFoundError`."""
    here = Path(start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "_config.yml").is_file() and (folder / "data").is_dir():
            return folder
    raise FileNotFoundError(f"no folder with _config.yml and data/ at or above {here}; name it with --project")


def load(data: Path | str | None = None) -> Evidence:
    """The evidence of a data folder (default: the project's). Raises `EvidenceError` with every problem."""
    folder = Path(data) if data is not None else find_project() / "data"
    evidence, problems = read(folder)
    if evidence is None:
        raise EvidenceError(problems)
    return evidence


def read(folder: Path | str) -> tuple[Evidence | None, list[Problem]]:
    """Read a data folder against its own ``datapackage.json``.

    Returns the evidence and every problem found; the evidence is None when a problem makes it unusable.
    Never raises for what is in the files.
    """
    folder = Path(folder)
    schema, version, problems = _read_schema(folder)
    if schema is None:
        return None, problems
    raw: dict[str, list[Row]] = {}
    for table in schema.values():
        rows, found = _read_table(folder, table)
        problems += found
        if rows is not None:
            raw[table.name] = rows
    known = {table.path for table in schema.values()}
    for path in sorted(folder.glob("*.csv")):
        if path.name not in known:
            problems.append(
                Problem("ERROR", "unknown-file", path.name, None, None, None,
                        "this table is not described in datapackage.json", "describe it there, or remove the file")
            )  # fmt: skip
    bibliography, found = _read_bibliography(folder)
    problems += found
    usable = not problems
    if usable:
        problems += _check_keys(schema, raw)
        tables, found = _apply_corrections(schema, raw)
        problems += found
    if problems:
        return None, problems
    return Evidence(schema, tables, bibliography, version=version), []


def read_schema(folder: Path | str) -> dict[str, TableSchema]:
    """The tables that a data folder's ``datapackage.json`` describes. Raises `EvidenceError`."""
    schema, _, problems = _read_schema(Path(folder))
    if schema is None:
        raise EvidenceError(problems)
    return schema


def _error(rule: str, file: str, row: int | None, column: str | None, value: str | None, message: str, repair: str | None):
    return Problem("ERROR", rule, file, row, column, _short(value), message, repair)


def _short(value: str | None, limit: int = 80) -> str | None:
    if value is None:
        return None
    value = "".join(ch if ch.isprintable() else f"\\x{ord(ch):02x}" for ch in value[: limit + 1])
    return value if len(value) <= limit else value[: limit - 1] + "…"


def read_text(folder: Path, name: str) -> tuple[str | None, list[Problem]]:
    """A file that people edit as text, or why it cannot be one: UTF-8 without a mark in front, lines ending in LF, not empty.

    With the text come the problems that leave it readable (a mark in front, other line ends).
    """
    path = folder / name
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever, a device never end
            return None, [_error("unreadable-file", name, None, None, None, "there is a folder, a pipe or a device where the file should be",
                                 "restore it from the last commit")]  # fmt: skip
        if status.st_size > MAX_FILE_BYTES:
            message = f"the file has {status.st_size:,} bytes; files of this review stay under {MAX_FILE_BYTES:,}"
            return None, [_error("file-size", name, None, None, None, message, "restore it from the last commit")]
        data = path.read_bytes()
    except FileNotFoundError:
        return None, [_error("missing-file", name, None, None, None, "the file does not exist", "restore it from the last commit")]
    except OSError as error:
        return None, [_error("unreadable-file", name, None, None, None, f"the file cannot be read: {error.strerror}",
                             "allow it to be read, or restore it from the last commit")]  # fmt: skip
    if not data.strip():
        return None, [_error("empty-file", name, None, None, None, "the file is empty", "restore it from the last commit")]
    kind = {".csv": "CSV", ".json": "JSON"}.get(path.suffix, "plain text")
    save = f"save it again as {kind}, character set UTF-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None, [_error("encoding", name, 1, None, None, "the file is UTF-16 or UTF-32; expected UTF-8", save)]
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        return None, [_error("encoding", name, line, None, None, f"the file is binary; expected {kind} in UTF-8", save)]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        there = data[max(0, error.start - 15) : error.start + 15].decode("latin-1")
        return None, [_error("encoding", name, line, None, there, "not UTF-8 here (another program's own character set?)", save)]
    problems = []
    if text.startswith("\ufeff"):
        problems.append(_error("encoding", name, 1, None, None, "the file starts with a byte order mark; expected plain UTF-8",
                               "save it as UTF-8 without BOM"))  # fmt: skip
        text = text[1:]
    if "\r" in text:
        line = text[: text.index("\r")].count("\n") + 1
        problems.append(_error("line-ends", name, line, None, None, "Windows or Mac line ends; expected LF, or every line shows as changed",
                               "convert the line ends to LF (Unix)"))  # fmt: skip
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, problems


def _read_schema(folder: Path) -> tuple[dict[str, TableSchema] | None, str, list[Problem]]:
    name = "datapackage.json"
    if not folder.is_dir():
        message = "the data folder does not exist" if not folder.exists() else "the data folder is not a folder"
        return None, "", [_error("missing-folder", name, None, None, None, message, "name a folder that holds datapackage.json")]
    text, problems = read_text(folder, name)
    if text is None:
        return None, "", problems
    try:
        package = json.loads(text)
        tables = {}
        for resource in package["resources"]:
            schema = resource["schema"]
            fields = tuple(
                Field(f["name"], f["type"], f.get("description", ""), f.get("constraints", {}), f.get("separator"), f.get("references"))
                for f in schema["fields"]
            )
            keys = tuple(
                ForeignKey(_names(k["fields"]), k["reference"]["resource"] or resource["name"], _names(k["reference"]["fields"]))
                for k in schema.get("foreignKeys", ())
            )
            tables[resource["name"]] = TableSchema(
                resource["name"], resource.get("title", resource["name"]), resource["path"], fields, _names(schema["primaryKey"]), keys
            )
        if len(tables) < len(package["resources"]):
            raise ValueError("two tables have the same name")
        version = str(package.get("version", ""))
        unusable = [(table.name, what) for table in tables.values() for what in _unusable(table, tables)]
    except json.JSONDecodeError as error:
        return (
            None,
            "",
            [_error("schema", name, error.lineno, None, None, f"not valid JSON: {error.msg}", "restore it from the last commit")],
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else f"a value of the wrong kind ({error})"
        message = f"not a data package that describes tables: {what}"
        return None, "", [_error("schema", name, None, None, None, message, "restore it from the last commit")]
    if unusable:
        return None, "", [_error("schema", name, _line_of(text, table), None, None, f"table {table!r}: {what}", "mend it, or restore the file from the last commit")
                          for table, what in unusable]  # fmt: skip
    return tables, version, problems


def _line_of(text: str, table: Any) -> int | None:
    """The line of ``datapackage.json`` in which a table is named."""
    match = re.search(rf'"name":\s*"{re.escape(str(table))}",', text)
    return text.count("\n", 0, match.start()) + 1 if match else None


#: The columns of the tables that the package itself reads, beside those of the evidence.
_RECORDS = {
    "corrections": ("table", "row_id", "column", "printed", "used"),
    "cell_sources": ("table", "row_id", "column", "source_id", "verification"),
    "explanations": ("rule", "table", "row_id", "figures", "reason"),
    "scopes": ("scope",),
}


def _unusable(table: TableSchema, tables: Mapping[str, TableSchema]) -> Iterator[str]:
    """What in the description of a table it could not be read by. May raise `TypeError` or `AttributeError` for a wrong kind of value."""
    path = table.path
    if not isinstance(path, str) or not _INSIDE.fullmatch(path) or ".." in path.split("/"):
        yield f"path {path!r} does not name a file of the data folder: expected a name such as trials.csv, no address, no folder outside"
    for f in table.fields:
        if f.type not in _PARSERS:
            yield f"type {f.type!r} of column {f.name!r} is none of {', '.join(_PARSERS)}"
        else:
            yield from (f"column {f.name!r}: {what}" for what in _unusable_rules(f))
        if f.references is not None:
            other, _, column = f.references.partition(".")
            if not column or (other in tables and tables[other].field(column) is None):
                yield f"column {f.name!r} references {f.references!r}; expected table.column"
    for column in (*table.primary_key, *(c for key in table.foreign_keys for c in key.columns), *_RECORDS.get(table.name, ())):
        if table.field(column) is None:
            yield f"column {column!r} is needed and not described"
    for key in table.foreign_keys:
        target = tables.get(key.table)  # a table comes into being with its first row, so it may not be described yet
        if len(key.target) != len(key.columns) or (target and any(target.field(c) is None for c in key.target)):
            yield f"the foreign key to {key.table!r} names {', '.join(key.target)}; expected one column there for each of its own"


#: A path that stays in the folder, on every system: no address, no drive, no root, no backslash.
_INSIDE = re.compile(r"[\w.-][\w. -]*(/[\w.-][\w. -]*)*")


def _unusable_rules(f: Field) -> Iterator[str]:
    rules = f.constraints
    if not all(isinstance(item, str) for item in (f.name, f.description, f.separator or "", *rules.get("enum", ()))):
        yield "name, description, separator and enum are texts"
    try:
        re.compile(rules.get("pattern", ""))
    except (re.error, TypeError) as error:
        yield f"the pattern {rules.get('pattern')!r} is not a regular expression: {error}"
    for limit in ("minimum", "maximum"):
        if limit in rules and (f.type not in ("number", "integer", "year") or f.separator or not isinstance(rules[limit], (int, float))):
            yield f"{limit} {rules[limit]!r} is no number that a value of type {f.type} could be compared with"


def _names(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


#: The first line of a work, and one of its fields; both are looked for line by line, so that no file takes long.
_WORK = re.compile(r"@\w+\{\s*([^,\s]+)\s*,(.*)")
_WORK_FIELD = re.compile(r"\s*(\w+)\s*=\s*\{(.*)\},?\s*")


def _read_bibliography(folder: Path) -> tuple[dict[str, dict[str, str]], list[Problem]]:
    """Key -> fields of each work; entries have one field a line and end in a line that begins with a brace."""
    name = "references.bib"
    text, problems = read_text(folder, name)
    works: dict[str, dict[str, str]] = {}
    key, fields = "", {}
    for number, line in enumerate((text or "").split("\n"), start=1):
        if len(problems) >= MAX_PROBLEMS_PER_FILE:
            message = f"more than {MAX_PROBLEMS_PER_FILE} problems; the rest of the file was not read"
            return works, [
                *problems,
                _error("too-many", name, number, None, None, message, "look at the first ones, or restore it from the last commit"),
            ]
        if len(line) > MAX_CELL_CHARACTERS:
            problems.append(
                _error(
                    "cell-size",
                    name,
                    number,
                    None,
                    line,
                    f"a line has more than {MAX_CELL_CHARACTERS:,} characters",
                    "restore it from the last commit",
                )
            )
        elif begun := _WORK.match(line):
            if key:
                problems.append(
                    _error(
                        "open-entry",
                        name,
                        number,
                        None,
                        key,
                        f"{key} is not closed before the next work",
                        "end it with } in a line of its own",
                    )
                )
            key, fields, line = begun[1], {}, begun[2]
            if key in works:
                problems.append(_error("duplicate-key", name, number, key, key, f"{key} is there more than once", "remove one"))
            works[key] = fields
        elif line.startswith("}"):
            key = ""
        if key and (found := _WORK_FIELD.fullmatch(line)):
            fields[found[1].lower()] = re.sub(r"[{}]|\\(?=[&%])", "", found[2]).replace("--", "–")
    if key:
        problems.append(
            _error(
                "open-entry", name, None, None, key, f"{key} is not closed before the end of the file", "end it with } in a line of its own"
            )
        )
    return works, problems


def _read_table(folder: Path, table: TableSchema) -> tuple[list[Row] | None, list[Problem]]:
    text, problems = read_text(folder, table.path)
    if text is None:
        return None, problems
    file = table.path
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader)
    except (csv.Error, StopIteration) as error:
        return None, [*problems, _error("csv", file, 1, None, None, f"no header line: {error}", "restore it from the last commit")]
    problems += _check_header(table, header)
    if any(p.rule in ("missing-column", "duplicate-column", "too-many") for p in problems):
        return None, problems
    fields = [table.field(name) for name in header]
    rows: list[Row] = []
    try:
        start = reader.line_num + 1
        for cells in reader:
            line, start = start, reader.line_num + 1
            if len(rows) == MAX_ROWS_PER_FILE:
                problems.append(_error("too-many", file, line, None, None, f"more than {MAX_ROWS_PER_FILE:,} rows; the rest of the file was not read",
                                       "restore it from the last commit: was another file saved here?"))  # fmt: skip
                return None, problems
            if len(problems) >= MAX_PROBLEMS_PER_FILE:
                problems.append(_error("too-many", file, line, None, None,
                                       f"more than {MAX_PROBLEMS_PER_FILE} problems; the rest of the file was not read",
                                       "look at the first ones: often one shifted column explains all"))  # fmt: skip
                return None, problems
            row, found = _read_row(table, fields, header, cells, line)
            problems += found
            if row is not None:
                rows.append(row)
    except csv.Error as error:
        line = reader.line_num
        rule = "cell-size" if "field larger" in str(error) else "csv"
        what = _TOO_LONG if rule == "cell-size" else f"not readable as CSV: {error}"
        problems.append(_error(rule, file, line, None, None, what, "look for a stray or missing quote near this line"))
    if not rows and not problems:
        problems.append(
            _error("empty-file", file, None, None, None, "the table has no row", "enter a row, or restore it from the last commit")
        )
    return rows, problems


def _check_header(table: TableSchema, header: list[str]) -> list[Problem]:
    problems = []
    known = table.columns
    other = next((mark for mark in ";\t|" if len(header) == 1 and header[0].count(mark) >= len(known) / 2), None)
    if other:
        message = f"the columns are separated by {_short(other)!r}; expected a comma"
        return [_error("missing-column", table.path, 1, None, _short(header[0]), message, "save it again with the separator comma")]
    counts = Counter(header)
    missing = [name for name in known if name not in counts]
    for name, count in counts.items():
        shown = _short(name)
        if count > 1:
            problems.append(
                _error("duplicate-column", table.path, 1, shown, name, f"column {shown!r} is there {count} times", "remove one")
            )
        if name not in known:
            close = difflib.get_close_matches(name.strip(), missing, n=1)
            repair = f"rename it to {close[0]}" if close else "describe it in datapackage.json, or remove it"
            problems.append(_error("unknown-column", table.path, 1, shown, name, f"column {shown!r} is not in datapackage.json", repair))
        if len(problems) >= MAX_PROBLEMS_PER_FILE:
            problems.append(_error("too-many", table.path, 1, None, None, f"the header has {len(header):,} columns, where {len(known)} are described",
                                   "restore the header line from the last commit"))  # fmt: skip
            break
    for name in missing:
        repair = "restore the header line from the last commit"
        problems.append(_error("missing-column", table.path, 1, name, None, f"column {name!r} is missing", repair))
    return problems


def _read_row(
    table: TableSchema, fields: list[Field | None], header: list[str], cells: list[str], line: int
) -> tuple[Row | None, list[Problem]]:
    file = table.path
    if not any(cell.strip() for cell in cells):
        return None, [_error("empty-row", file, line, None, None, "the row is empty", "delete the line")]
    if any(len(cell) > MAX_CELL_CHARACTERS for cell in cells):
        return None, [_error("cell-size", file, line, None, cells[0], _TOO_LONG, "look for a stray or missing quote near this line")]
    if len(cells) != len(header):
        message = f"{len(cells)} cells where the header has {len(header)}"
        return None, [_error("cell-count", file, line, None, cells[0], message, "a cell with a comma needs quotes; or a cell is missing")]
    values, texts, problems = {}, {}, []
    for f, name, cell in zip(fields, header, cells, strict=True):
        if f is None:
            continue
        value, message, repair = _parse(f, cell)
        if message:
            problems.append(_error("cell", file, line, name, cell, message, repair))
        values[name], texts[name] = value, cell
    identity = row_id(table.name, tuple(texts.get(k, "") for k in table.primary_key))
    if problems:
        return None, [replace(p, row_id=identity) for p in problems]
    return Row(table.name, identity, line, values, texts), []


# --- cells -----------------------------------------------------------------------------------------

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE_LIKE = re.compile(
    rf"(?i)\d{{1,4}}[-/. ]({_MONTHS})[a-z]*([-/. ]\d{{1,4}})?|({_MONTHS})[a-z]*[-/. ]\d{{1,4}}|\d{{1,4}}[-/]\d{{1,2}}[-/]\d{{1,4}}|\d{{1,2}}/\d{{1,2}}"
)
_MINUS = "−–—‐‑﹣－"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


def _parse(f: Field, cell: str) -> tuple[Any, str | None, str | None]:
    """Value, what is wrong, what to do."""
    if cell == "":
        return (None, "empty; a value is required", f"enter one: {f.description}") if f.required else (None, None, None)
    if cell != cell.strip():
        return None, "space before or after the value", f"write {_short(cell.strip())!r}"
    if not cell.isprintable():
        bad = next(ch for ch in cell if not ch.isprintable())
        return None, f"control character U+{ord(bad):04X} or line break inside the cell", "remove it"
    if f.separator:
        items = tuple(cell.split(f.separator))
        if any(not item or item != item.strip() for item in items):
            return None, "an empty item or a space in the list", "separate items by ; alone, without spaces"
        value: Any = items
    else:
        value, message, repair = _PARSERS[f.type](cell)
        if message:
            return None, message, repair
    return _constrain(f, cell, value)


def _constrain(f: Field, cell: str, value: Any) -> tuple[Any, str | None, str | None]:
    rules = f.constraints
    if "enum" in rules and cell not in rules["enum"]:
        same = [item for item in rules["enum"] if item.lower() == cell.lower()]
        close = same or difflib.get_close_matches(cell, rules["enum"], n=1)
        allowed = ", ".join(rules["enum"])
        return None, f"{_short(cell)!r} is not one of: {allowed}", f"write {close[0]}" if close else "choose one of these"
    if "pattern" in rules and not re.fullmatch(rules["pattern"], cell):
        return None, f"{_short(cell)!r} does not have the form expected here: {f.description}", "write it in that form"
    if "minimum" in rules and value < rules["minimum"]:
        return None, f"{cell} is below {rules['minimum']}", "check sign and digits against the source"
    if "maximum" in rules and value > rules["maximum"]:
        return None, f"{cell} is above {rules['maximum']}", "check the decimal point against the source"
    return value, None, None


def _parse_number(cell: str) -> tuple[Printed | None, str | None, str | None]:
    if len(cell) > MAX_DIGITS:
        return None, f"{_short(cell, 40)!r} has {len(cell):,} characters where a figure belongs", "restore the figure from the source"
    if _NUMBER.fullmatch(cell):
        return Printed(cell), None, None
    message, repair = _number_damage(cell)
    return None, message, repair


def _number_damage(cell: str) -> tuple[str, str]:
    """What happened to a number, and the way back."""
    plain = re.sub(f"[{_MINUS}]", "-", cell)
    if plain != cell and _NUMBER.fullmatch(plain):
        return f"{_short(cell)!r} has a typographic minus sign", f"write {plain}"
    if re.fullmatch(r"-?\d+,\d+", plain):
        return f"{_short(cell)!r} has a decimal comma", f"write {plain.replace(',', '.')}"
    if re.fullmatch(r"[+-]?\d+(\.\d+)?[eE][+-]?\d+", plain):
        return f"{_short(cell)!r} is in scientific notation: a spreadsheet rewrote it", "write the figure as the source printed it"
    if _DATE_LIKE.fullmatch(plain):
        return f"{_short(cell)!r} is a date where a figure belongs: a spreadsheet turned it into one", "restore the figure from the source"
    if plain.lower() in ("nan", "na", "n/a", "none", "null", "-", "nr", "inf", "-inf"):
        return f"{_short(cell)!r} stands for a missing value", "leave the cell empty"
    if plain.startswith("#"):
        return f"{_short(cell)!r} is a spreadsheet's error", "restore the figure from the source"
    if re.fullmatch(r"-?\.\d+", plain):
        return f"{_short(cell)!r} lacks its leading zero", f"write {plain.replace('.', '0.', 1)}"
    if plain.endswith("%"):
        return f"{_short(cell)!r} has a per cent sign; the unit is a column of its own", f"write {plain.rstrip('% ')}"
    if re.fullmatch(r"-?\d{1,3}([ ,'’]\d{3})+(\.\d+)?", plain):
        return f"{_short(cell)!r} has thousands separators", "write " + re.sub(r"[ ,'’]", "", plain)
    if plain.startswith("+"):
        return f"{_short(cell)!r} has a plus sign", f"write {plain[1:]}"
    if re.fullmatch(r"-?0\d+(\.\d+)?", plain):
        return f"{_short(cell)!r} has a leading zero too many", "restore the figure from the source"
    return f"{_short(cell)!r} is not a number", "write digits with a decimal point, nothing else"


def _parse_integer(cell: str) -> tuple[int | None, str | None, str | None]:
    if re.fullmatch(r"-?(0|[1-9]\d{0,15})", cell):
        return int(cell), None, None
    if re.fullmatch(r"-?\d+\.0+", cell):
        return None, f"{_short(cell)!r} has decimals where a count belongs", f"write {cell.partition('.')[0]}"
    if re.fullmatch(r"-?\d+\.\d+", cell):
        return None, f"{_short(cell)!r} is not a whole number", "check the column: a count belongs here"
    message, repair = _number_damage(cell)
    return None, message.replace("is not a number", "is not a whole number"), repair


def _parse_boolean(cell: str) -> tuple[bool | None, str | None, str | None]:
    if cell in ("true", "false"):
        return cell == "true", None, None
    lower = cell.lower()
    repair = f"write {lower}" if lower in ("true", "false") else "write true or false"
    return None, f"{_short(cell)!r} is neither true nor false", repair


def _parse_date(cell: str) -> tuple[datetime.date | None, str | None, str | None]:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", cell):
            return datetime.date.fromisoformat(cell), None, None
    except ValueError:
        return None, f"{cell!r} is not a day of the calendar", "check month and day"
    return None, f"{_short(cell)!r} is not a date", "write year-month-day, as 2019-09-06"


def _parse_year(cell: str) -> tuple[int | None, str | None, str | None]:
    if re.fullmatch(r"(19|20)\d{2}", cell):
        return int(cell), None, None
    return None, f"{_short(cell)!r} is not a year", "write four digits"


def _parse_string(cell: str) -> tuple[str | None, str | None, str | None]:
    return cell, None, None


_PARSERS = {
    "string": _parse_string,
    "number": _parse_number,
    "integer": _parse_integer,
    "boolean": _parse_boolean,
    "date": _parse_date,
    "year": _parse_year,
}


# --- keys and corrections --------------------------------------------------------------------------


def _check_keys(schema: Mapping[str, TableSchema], raw: Mapping[str, list[Row]]) -> list[Problem]:
    problems = []
    addresses: dict[str, Row] = {}
    for table in schema.values():
        seen: dict[tuple, Row] = {}
        for row in raw.get(table.name, ()):
            key = tuple(row.text(c) for c in table.primary_key)
            first = seen.setdefault(key, row)
            if first is not row:
                problems.append(_at(row, table, "duplicate-id", table.primary_key[0], f"{row.id} is already in line {first.line}",
                                    "remove one of the two rows, or give it its own id"))  # fmt: skip
            elif table.name not in ("cell_sources", "corrections", "explanations", "readings"):
                other = addresses.setdefault(row.id, row)
                if other is not row:
                    problems.append(_at(row, table, "duplicate-id", table.primary_key[0],
                                        f"{row.id} is already a row of {schema[other.table].path} (line {other.line})",
                                        "give it another id: ids are one name space"))  # fmt: skip
    for table in schema.values():
        found = list(islice(_broken_keys(table, schema, raw), MAX_PROBLEMS_PER_FILE))
        problems += found
        if len(found) == MAX_PROBLEMS_PER_FILE:
            problems.append(_error("too-many", table.path, found[-1].row, None, None, f"more than {MAX_PROBLEMS_PER_FILE} broken keys; the rest was not looked up",
                                   "look at the first ones: often one shifted column explains all"))  # fmt: skip
    return problems


def _broken_keys(table: TableSchema, schema: Mapping[str, TableSchema], raw: Mapping[str, list[Row]]) -> Iterator[Problem]:
    for key in table.foreign_keys:
        targets = {tuple(r.text(c) for c in key.target) for r in raw.get(key.table, ())}
        for row in raw.get(table.name, ()):
            value = tuple(row.text(c) for c in key.columns)
            if all(value) and value not in targets:
                yield _broken(row, table, key.columns[-1], value, _path(schema, key.table), targets)
    for f in table.fields:
        if not f.references:
            continue
        other, column = f.references.split(".")
        targets = {(r.text(column),) for r in raw.get(other, ())}
        for row in raw.get(table.name, ()):
            for item in row[f.name] or ():
                if (item,) not in targets:
                    yield _broken(row, table, f.name, (item,), _path(schema, other), targets)


def _at(row: Row, table: TableSchema, rule: str, column: str, message: str, repair: str | None) -> Problem:
    return Problem("ERROR", rule, table.path, row.line, column, _short(row.text(column)), message, repair, row_id=row.id)


def _path(schema: Mapping[str, TableSchema], table: str) -> str:
    """The file of a table, also of one that is not described yet."""
    return schema[table].path if table in schema else f"{table}.csv"


def _broken(row: Row, table: TableSchema, column: str, value: tuple, other: str, targets: set) -> Problem:
    name = " + ".join(value)
    close = difflib.get_close_matches(name, [" + ".join(t) for t in targets], n=1)
    repair = f"write {close[0].split(' + ')[-1]}" if close else f"add it to {other} first"
    return _at(row, table, "broken-key", column, f"{name!r} is no row of {other}", repair)


def _apply_corrections(schema: Mapping[str, TableSchema], raw: Mapping[str, list[Row]]) -> tuple[dict[str, tuple[Row, ...]], list[Problem]]:
    problems = []
    by_address = {(row.table, row.id): row for rows in raw.values() for row in rows}
    changes: dict[tuple[str, str], dict[str, Row]] = {}
    corrections = schema.get("corrections")
    for record in raw.get("corrections", ()):
        target = by_address.get((record["table"], record.row_id))
        f = schema[record["table"]].field(record.column) if record["table"] in schema else None
        if target is None:
            problems.append(
                _at(
                    record,
                    corrections,
                    "correction",
                    "row_id",
                    f"no row {record.row_id!r} in table {record['table']!r}",
                    "name an existing row",
                )
            )
        elif f is None or record.column in schema[record["table"]].primary_key:
            problems.append(
                _at(
                    record,
                    corrections,
                    "correction",
                    "column",
                    f"{record.column!r} is no column that can be corrected",
                    "name a column of that table",
                )
            )
        elif target.text(record.column) != record.printed:
            problems.append(_at(record, corrections, "correction", "printed",
                                f"the row says {target.text(record.column)!r} (line {target.line} of {schema[target.table].path}), the correction expects {record.printed!r}",
                                "enter what the source printed in the row; or remove the correction if the source was mended"))  # fmt: skip
        else:
            _value, message, repair = _parse(f, record.used)
            if message:
                problems.append(_at(record, corrections, "correction", "used", message, repair))
            else:
                changes.setdefault((target.table, target.id), {})[record.column] = record
    tables = {}
    for name, rows in raw.items():
        fields = {f.name: f for f in schema[name].fields}
        corrected = []
        for row in rows:
            records = changes.get((name, row.id))
            if records:
                texts = {**row.texts, **{c: r.used for c, r in records.items()}}
                values = {**row, **{c: _parse(fields[c], r.used)[0] for c, r in records.items()}}
                row = Row(name, row.id, row.line, values, texts, records)
            corrected.append(row)
        tables[name] = tuple(corrected)
    return tables, problems
