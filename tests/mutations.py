"""Realistic slips of an editor, made one at a time in copies of the real data: which of them does `ctdild check` stop?

`.venv/bin/python tests/mutations.py [number per kind]` prints the share caught by kind, and every survivor.
`test_mutations.py` asserts a floor for each kind.

How it is measured. A kind of slip is a function from a row (as text, as printed) to the same row with the slip, or None
where it would change no fact. Sites are drawn with a fixed seed from all rows that the kind can strike, whether or not
anything stands beside them that could betray the slip. A slip is caught when a finding stops the build that was not there
before, be it the reader's or a rule's; what the second entry (``readings.csv``) alone betrays is counted apart, so that it
does not hide a rule that has grown weak. Each slip is judged on the part of the data that belongs to its trial, written out
and read by the loader itself; `test_mutations.py` holds a sample of the verdicts against the whole dataset.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from conftest import ROOT, read_table, write_table

from ctdild import checks
from ctdild.evidence import Problem, read

Cells = dict[str, str]
Tables = dict[str, list[Cells]]

SEED = 20230327
#: Tables that are not about single trials, or name rows of all of them.
BESIDE_TRIALS = (
    "source_claims",
    "scopes",
    "approvals",
    "recommendations",
    "prevalence",
    "ct_patterns",
    "autoantibodies",
    "instruments",
    "mcids",
)
#: Tables of which a part keeps the rows that it names.
NAMED = ("outcomes", "treatments", "sources")
#: Sites drawn for each kind, as far as there are so many.
PER_KIND = 22


# --- the data, whole and in parts --------------------------------------------------------------------


class Data:
    """The tables of the project as text, and copies of them with a slip."""

    def __init__(self, folder: Path = ROOT / "data"):
        self.package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        self.paths = {resource["name"]: resource["path"] for resource in self.package["resources"]}
        self.keys = {r["name"]: _names(r["schema"]["primaryKey"]) for r in self.package["resources"]}
        self.tables: Tables = {name: read_table(folder / path) for name, path in self.paths.items()}
        self.bibliography = (folder / "references.bib").read_text(encoding="utf-8")
        joint: dict[str, set[str]] = {}
        for row in self.tables["reports"]:
            joint.setdefault(row["citation"], set()).add(row["trial_id"])
        #: Trials that are read together: a record with those it contains, and trials with a joint paper.
        self.families = [{row["trial_id"], *row["includes"].split(";")} - {""} for row in self.tables["trials"] if row["includes"]]
        self.families += [group for citation, group in joint.items() if citation and len(group) > 1]
        self._clean: dict[str, bool] = {}

    def address(self, table: str, row: Cells) -> str:
        return ("/" if table == "arms" else ".").join(row[key] for key in self.keys[table])

    def part(self, slip: Slip) -> Tables:
        """The rows of the slip's trials and of those read with them, and what they and the slip refer to."""
        trials = slip.trials
        family = set(trials)
        for _ in range(2):  # a pooled record is read beside all its parts
            family = family.union(*(group for group in self.families if group & family))
        part = {name: [row for row in rows if row.get("trial_id", "") in {"", *family}] for name, rows in self.tables.items()}
        part = {name: rows for name, rows in part.items() if name not in BESIDE_TRIALS}
        named = {value for name, rows in part.items() if name not in NAMED for row in rows for value in row.values()}
        named |= {value for row in slip.after for value in row.values()}
        named |= {value for row in part["arms"] for value in row["treatment"].split(";")}
        for name in NAMED:
            part[name] = [row for row in part[name] if next(iter(row.values())) in named]
            named |= {row.get("source_id", "") for row in part[name]}
        seen = {(name, self.address(name, row)) for name, rows in part.items() for row in rows}
        for name in ("cell_sources", "corrections", "explanations", "readings"):
            part[name] = [row for row in part[name] if (row["table"], row["row_id"]) in seen]
        return part

    def findings(self, tables: Tables) -> list[Problem]:
        """What stops a build on these tables, or is listed for information, read by the loader from a folder."""
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
            folder = Path(name)
            kept = {table for table, rows in tables.items() if rows}
            package = {**self.package, "resources": [r for r in self.package["resources"] if r["name"] in kept]}
            (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
            (folder / "references.bib").write_text(self.bibliography, encoding="utf-8")
            for table in kept:
                write_table(folder / self.paths[table], tables[table])
            evidence, problems = read(folder)
        found = checks.run(evidence) if evidence is not None else problems
        found = [p for p in found if p.blocks or p.severity == "INFO"]
        broken = [p.message for p in found if "cannot be applied" in p.message]
        assert not broken, broken  # a rule that falls over has caught nothing
        return found

    def judge(self, slip: Slip, whole: bool = False) -> list[Problem]:
        """The findings that the slip causes; on the whole dataset, or on the part of its trials."""
        tables = self.tables if whole or not slip.trials else self.part(slip)
        if tables is not self.tables:
            name = ";".join(sorted(slip.trials))
            if name not in self._clean:
                self._clean[name] = not self.findings(tables)
            assert self._clean[name], f"the part of {name} is not clean without the slip"
        return self.findings(slip.applied(tables))


def _names(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@dataclass(frozen=True)
class Slip:
    """One slip: the row before, and the row or rows in its place."""

    kind: str
    table: str
    address: str
    before: Cells
    after: tuple[Cells, ...]

    @property
    def trials(self) -> set[str]:
        return {row["trial_id"] for row in (self.before, *self.after) if row.get("trial_id")}

    @property
    def change(self) -> str:
        if len(self.after) != 1:
            return "row doubled"
        changed = [c for c in self.before if self.before[c] != self.after[0][c]]
        return ", ".join(f"{c} {self.before[c] or '(empty)'} -> {self.after[0][c] or '(empty)'}" for c in changed)

    def applied(self, tables: Tables) -> Tables:
        rows = [new for row in tables[self.table] for new in (self.after if row == self.before else (row,))]
        return {**tables, self.table: rows}

    def __str__(self) -> str:
        return f"{self.table} {self.address}: {self.change}"


# --- what people do to figures -----------------------------------------------------------------------

Random = random.Random


def transposed(text: str, rng: Random) -> str | None:
    """Two neighbouring digits exchanged."""
    places = [i for i in range(len(text) - 1) if text[i].isdigit() and text[i + 1].isdigit() and text[i] != text[i + 1]]
    places += [
        i for i in range(len(text) - 2) if text[i + 1] == "." and text[i].isdigit() and text[i + 2].isdigit() and text[i] != text[i + 2]
    ]
    rng.shuffle(places)
    for i in places:
        j = i + 2 if text[i + 1] == "." else i + 1
        new = list(text)
        new[i], new[j] = new[j], new[i]
        if _number("".join(new)):
            return "".join(new)
    return None


def shifted(text: str, rng: Random) -> str | None:
    """The decimal point one place off; a count gains or loses a nought."""
    if float(text) == 0:
        return None
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    if "." not in digits:
        return sign + (digits[:-1] if digits.endswith("0") and len(digits) > 1 and rng.random() < 0.5 else digits + "0")
    whole, _, part = digits.partition(".")
    if rng.random() < 0.5:
        new = f"{whole}{part[0]}" + (f".{part[1:]}" if part[1:] else "")
        new = re.sub(r"^0+(?=\d)", "", new)
    else:
        new = f"{whole[:-1] or '0'}.{whole[-1]}{part}"
    return sign + new


def misread(text: str, rng: Random) -> str | None:
    """One digit taken for another, the first one that matters: the one that could change a conclusion."""
    place = next((i for i, ch in enumerate(text) if ch in "123456789"), None)
    if place is None:
        return None
    looks_like = {"1": "7", "2": "7", "3": "8", "4": "9", "5": "6", "6": "8", "7": "1", "8": "3", "9": "4"}
    return text[:place] + looks_like[text[place]] + text[place + 1 :]


def flipped(text: str, rng: Random) -> str | None:
    """The sign dropped, or one too many."""
    return None if float(text) == 0 else text[1:] if text.startswith("-") else f"-{text}"


def shortened(text: str, rng: Random) -> str | None:
    """A trailing nought lost, as in a spreadsheet."""
    new = re.sub(r"\.?0+$", "", text) if "." in text else text
    return new if new not in (text, "", "-") else None


def _number(text: str) -> bool:
    return re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", text) is not None


#: The cells that hold figures of a result.
FIGURES = {"contrasts": ("estimate", "ci_low", "ci_high"), "arm_results": ("value", "low", "high", "spread", "events", "percent")}

Sites = Iterator[tuple[str, Cells, tuple[Cells, ...]]]
Kind = Callable[[Data, Random], Sites]


def in_cells(change: Callable[[str, Random], str | None], cells: dict[str, tuple[str, ...]]) -> Kind:
    """A kind that changes the text of one filled cell of these columns."""

    def sites(data: Data, rng: Random) -> Sites:
        for table, columns in cells.items():
            for row in data.tables[table]:
                for column in columns:
                    new = change(row[column], rng) if row[column] else None
                    if new is not None:
                        yield table, row, ({**row, column: new},)

    return sites


def in_rows(change: Callable[[Data, str, Cells, Random], Cells | None], *tables: str) -> Kind:
    """A kind that changes cells of one row, knowing the data around it."""

    def sites(data: Data, rng: Random) -> Sites:
        for table in tables:
            for row in data.tables[table]:
                new = change(data, table, row, rng)
                if new and any(row[c] != text for c, text in new.items()):
                    yield table, row, ({**row, **new},)

    return sites


LIMITS = {"contrasts": ("ci_low", "ci_high"), "arm_results": ("low", "high")}


def bounds_exchanged(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    low, high = LIMITS[table]
    return {low: row[high], high: row[low]} if row[low] and row[high] else None


def _siblings(data: Data, table: str, row: Cells, same: tuple[str, ...], differ: str) -> list[Cells]:
    return [r for r in data.tables[table] if all(r[c] == row[c] for c in same) and r[differ] != row[differ]]


def interval_of_another_row(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """The line above or below in the same table of the paper."""
    others = [r for r in _siblings(data, table, row, ("trial_id", "measure"), "contrast_id") if r["ci_low"] and r["ci_high"]]
    if not row["ci_low"] or not row["ci_high"] or not others:
        return None
    other = rng.choice(others)
    return {"ci_low": other["ci_low"], "ci_high": other["ci_high"]}


def interval_of_another_arm(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    others = [r for r in _siblings(data, table, row, ("trial_id", "cohort", "outcome", "weeks"), "arm") if r["low"] and r["high"]]
    if not row["low"] or not row["high"] or not others:
        return None
    other = rng.choice(others)
    return {"low": other["low"], "high": other["high"]}


def spread_kind_exchanged(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    return {"spread_kind": {"SD": "SE", "SE": "SD"}[row["spread_kind"]]} if row["spread_kind"] else None


def spread_of_the_other_kind(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """The SE typed where the row says SD, or the reverse."""
    if not row["spread"] or not row["n"] or int(row["n"]) < 4:
        return None
    factor = int(row["n"]) ** (0.5 if row["spread_kind"] == "SE" else -0.5)
    decimals = len(row["spread"].partition(".")[2])
    return {"spread": f"{float(row['spread']) * factor:.{decimals}f}"}


def level_90(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    column = "ci_level" if table == "contrasts" else "level"
    return {column: "90"} if row[column] == "95" else None


def interval_of_90(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """The 90 % limits typed where the row says 95 (an arithmetic difference only)."""
    low, high = row["ci_low"], row["ci_high"]
    if not (low and high and row["estimate"]) or row["measure"] not in ("MD", "RD"):
        return None
    middle, factor = float(row["estimate"]), 1.6449 / 1.96
    decimals = len(low.partition(".")[2])
    return {
        "ci_low": f"{middle - (middle - float(low)) * factor:.{decimals}f}",
        "ci_high": f"{middle + (float(high) - middle) * factor:.{decimals}f}",
    }


def unit_of_another_scale(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """The unit cell alone: mL for percentage points, per year lost, and so on."""
    other = {
        "mL": "percentage points", "percentage points": "% predicted", "% predicted": "percentage points", "mL/year": "mL", "points": "%",
        "percentage points/year": "percentage points", "ratio": "%", "patients": "events", "% of patients": "patients", "months": "years", "mm": "m",
    }  # fmt: skip
    return {"unit": other[row["unit"]]} if row["unit"] in other else None


def figure_of_the_other_unit(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """The figure in mL typed where the row is in percentage points, or the reverse."""
    column = "estimate" if table == "contrasts" else "value"
    factor = {"fvc-pp": 38.0, "fvc-ml": 1 / 38.0, "fvc-rate": 1 / 38.0}.get(row["outcome"])
    if not row[column] or factor is None or row.get("statistic") in ("mean", "median") or row.get("measure") not in (None, "MD"):
        return None
    columns = (column, *(c for c in LIMITS[table] if row[c]))
    return {c: f"{float(row[c]) * factor:.{1 if factor > 1 else 2}f}" for c in columns}


def percent_for_count(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    if row["events"] and row["percent"]:
        return {"events": f"{float(row['percent']):.0f}"} if rng.random() < 0.5 else {"percent": row["events"]}
    if row["percent"] and row["n"]:
        return {"percent": str(round(float(row["percent"]) * int(row["n"]) / 100))}
    return None


def events_over_n(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    return {"events": str(int(row["n"]) + rng.randint(1, 9))} if row["events"] and row["n"] and row["counts"] == "patients" else None


def n_of_another_arm(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    if table == "contrasts":
        return {"n_a": row["n_b"]} if row["n_a"] and row["n_b"] else None
    others = _siblings(data, table, row, ("trial_id", "cohort", "outcome", "weeks"), "arm")
    others = [r for r in others if r["n"] and r["arm"] != "all"]
    return {"n": rng.choice(others)["n"]} if row["n"] and row["arm"] != "all" and others else None


def wrong_week(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    weeks = {"52": "48", "48": "52", "24": "26", "26": "24", "104": "52", "12": "24"}.get(row["weeks"])
    return {"weeks": weeks or str(int(float(row["weeks"])) + 4)} if row["weeks"] else None


def arms_exchanged(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    return {"arm_a": row["arm_b"], "arm_b": row["arm_a"]} if row["estimate"] else None


def results_exchanged(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """The figures of the other arm."""
    columns = ("value", "spread", "low", "high", "events", "percent")
    others = _siblings(data, table, row, ("trial_id", "cohort", "outcome", "weeks", "statistic", "unit"), "arm")
    others = [r for r in others if r["arm"] not in ("all", "baseline") and any(r[c] != row[c] for c in columns)]
    return {c: rng.choice(others)[c] for c in columns} if others and row["arm"] not in ("all", "baseline") else None


def result_of_another_week(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """The figures of another visit."""
    columns = ("estimate", "ci_low", "ci_high") if table == "contrasts" else ("value", "spread", "low", "high", "events", "percent")
    arms = ("arm_a", "arm_b") if table == "contrasts" else ("arm", "statistic")
    others = [
        r
        for r in _siblings(data, table, row, ("trial_id", "cohort", "outcome", "unit", *arms), "weeks")
        if any(r[c] != row[c] for c in columns)
    ]
    return {c: rng.choice(others)[c] for c in columns} if others else None


def row_copied_to_another_week(data: Data, rng: Random) -> Sites:
    """A row copied for the next visit, its id and weeks mended, its figures forgotten."""
    for table, key in (("contrasts", "contrast_id"), ("arm_results", "result_id")):
        for row in data.tables[table]:
            figures = row["estimate"] and row["ci_low"] if table == "contrasts" else row["value"]
            if not figures or not row["weeks"] or row["time_kind"] != "visit" or row["weeks"] == "0":
                continue
            weeks = str(int(float(row["weeks"])) // 2)
            new = {**row, "weeks": weeks, key: row[key].replace(f".w{row['weeks']}", f".w{weeks}")}
            if not any(r[key] == new[key] for r in data.tables[table]):
                yield table, row, (row, new)


def row_doubled(data: Data, rng: Random) -> Sites:
    for table in ("contrasts", "arm_results", "arms", "cohorts", "trials", "reports", "statements"):
        for row in data.tables[table]:
            yield table, row, (row, row)


def another(column: str) -> Callable[[Data, str, Cells, Random], Cells | None]:
    """A kind's change: the cell holds another value that the same column has elsewhere."""

    def change(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
        others = sorted({r[column] for r in data.tables[table]} - {row[column], ""})
        return {column: rng.choice(others)} if row[column] and others else None

    return change


def another_of_the_trial(column: str, among: str, name: str) -> Callable[[Data, str, Cells, Random], Cells | None]:
    def change(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
        others = sorted({r[name] for r in data.tables[among] if r["trial_id"] == row["trial_id"]} - {row[column], "all"})
        return {column: rng.choice(others)} if row[column] and others else None

    return change


def better_reversed(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """Only outcomes that some result has."""
    used = {r["outcome"] for t in ("contrasts", "arm_results") for r in data.tables[t]}
    return {"better": {"higher": "lower", "lower": "higher"}[row["better"]]} if row["better"] and row["outcome"] in used else None


def favours_exchanged(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    other = {row["arm_a"]: row["arm_b"], row["arm_b"]: row["arm_a"]}.get(row["favours"])
    return {"favours": other} if other else None


def year_typo(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    year = row["year"]
    return (
        {"year": rng.choice([str(int(year) + 1), str(int(year) - 1), str(int(year) - 10), year[:2] + year[3] + year[2]])} if year else None
    )


def registry_digit_lost(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    place = rng.randrange(3, len(row["registry_id"])) if row["registry_id"] else 0
    return {"registry_id": row["registry_id"][:place] + row["registry_id"][place + 1 :]} if place else None


def registry_digits_transposed(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    new = transposed(row["registry_id"], rng) if re.fullmatch(r"NCT\d+", row["registry_id"]) else None
    if row["registry_id"].startswith("NCT"):
        digits = row["registry_id"][3:]
        places = [i for i in range(len(digits) - 1) if digits[i] != digits[i + 1]]
        i = rng.choice(places)
        new = "NCT" + digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]
    return {"registry_id": new} if new else None


def stale_citation(data: Data, table: str, row: Cells, rng: Random) -> Cells | None:
    """The source or citation of the row that was copied to begin this one: another trial's."""
    column = "source_id" if row.get("source_id") else "citation"
    mine = {
        r[column]
        for t in ("contrasts", "arm_results", "trials", "arms", "cohorts")
        for r in data.tables[t]
        if r["trial_id"] == row["trial_id"] and column in r
    }
    others = sorted({r[column] for r in data.tables[table] if r["trial_id"] != row["trial_id"]} - mine - {"", "source-article"})
    return {column: rng.choice(others)} if row[column] and others and row.get("verification") in (None, "primary") else None


#: Every kind of slip. The floors stand in `test_mutations.py`.
KINDS: dict[str, Kind] = {
    "digits transposed, interval": in_cells(transposed, {"contrasts": FIGURES["contrasts"], "arm_results": ("low", "high")}),
    "digits transposed, arm's figure": in_cells(transposed, {"arm_results": ("value", "spread")}),
    "digits transposed, count or percent": in_cells(transposed, {"arm_results": ("events", "percent")}),
    "digits transposed, n": in_cells(
        transposed, {"arm_results": ("n",), "contrasts": ("n_a", "n_b"), "arms": ("n_randomised",), "cohorts": ("n",)}
    ),
    "decimal shifted, interval": in_cells(shifted, {"contrasts": FIGURES["contrasts"], "arm_results": ("low", "high")}),
    "decimal shifted, arm's figure": in_cells(shifted, {"arm_results": ("value", "spread")}),
    "decimal shifted, count or percent": in_cells(shifted, {"arm_results": ("events", "percent")}),
    "decimal shifted, n": in_cells(
        shifted,
        {"arm_results": ("n",), "contrasts": ("n_a", "n_b"), "arms": ("n_randomised",), "cohorts": ("n",), "trials": ("n_randomised",)},
    ),
    "decimal shifted, p": in_cells(shifted, {"contrasts": ("p_value",)}),
    "digit misread, interval": in_cells(misread, {"contrasts": FIGURES["contrasts"], "arm_results": ("low", "high")}),
    "digit misread, arm's figure": in_cells(misread, {"arm_results": ("value", "spread")}),
    "digit misread, count or percent": in_cells(misread, {"arm_results": ("events", "percent")}),
    "sign flipped, interval": in_cells(flipped, {"contrasts": FIGURES["contrasts"], "arm_results": ("low", "high")}),
    "sign flipped, arm's figure": in_cells(flipped, {"arm_results": ("value",)}),
    "trailing zero lost": in_cells(shortened, {**FIGURES, "arm_results": ("value", "low", "high", "spread")}),
    "bounds exchanged": in_rows(bounds_exchanged, "contrasts", "arm_results"),
    "interval of another row": in_rows(interval_of_another_row, "contrasts"),
    "interval of another arm": in_rows(interval_of_another_arm, "arm_results"),
    "SD called SE": in_rows(spread_kind_exchanged, "arm_results"),
    "SD for SE": in_rows(spread_of_the_other_kind, "arm_results"),
    "level 90 for 95": in_rows(level_90, "contrasts", "arm_results"),
    "90 % limits for 95 %": in_rows(interval_of_90, "contrasts"),
    "wrong unit": in_rows(unit_of_another_scale, "contrasts", "arm_results"),
    "mL for % predicted": in_rows(figure_of_the_other_unit, "contrasts", "arm_results"),
    "percent for count": in_rows(percent_for_count, "arm_results"),
    "events over n": in_rows(events_over_n, "arm_results"),
    "n of another arm": in_rows(n_of_another_arm, "contrasts", "arm_results"),
    "wrong week": in_rows(wrong_week, "contrasts", "arm_results"),
    "wrong cohort": in_rows(another_of_the_trial("cohort", "cohorts", "cohort"), "contrasts", "arm_results"),
    "wrong arm": in_rows(another_of_the_trial("arm", "arms", "arm"), "arm_results"),
    "wrong outcome": in_rows(another("outcome"), "contrasts", "arm_results"),
    "wrong measure": in_rows(another("measure"), "contrasts"),
    "wrong statistic": in_rows(another("statistic"), "arm_results"),
    "arms exchanged": in_rows(arms_exchanged, "contrasts"),
    "figures of the other arm": in_rows(results_exchanged, "arm_results"),
    "figures of another week": in_rows(result_of_another_week, "contrasts", "arm_results"),
    "row copied to another week": row_copied_to_another_week,
    "row doubled": row_doubled,
    "wrong trial": in_rows(another("trial_id"), "contrasts", "arm_results", "arms", "cohorts"),
    "direction of better reversed": in_rows(better_reversed, "outcomes"),
    "favours exchanged": in_rows(favours_exchanged, "contrasts"),
    "year typo": in_rows(year_typo, "trials", "recommendations"),
    "registry digit lost": in_rows(registry_digit_lost, "trials"),
    "registry digits transposed": in_rows(registry_digits_transposed, "trials"),
    "stale citation": in_rows(stale_citation, "contrasts", "arm_results", "arms", "cohorts", "reports"),
}


def draw(data: Data, per_kind: int = PER_KIND, kinds: dict[str, Kind] = KINDS) -> Iterator[Slip]:
    """Slips of every kind at sites drawn with the fixed seed."""
    for name, kind in kinds.items():
        rng = random.Random(f"{SEED} {name}")
        sites = list(kind(data, rng))
        for table, before, after in rng.sample(sites, min(per_kind, len(sites))):
            yield Slip(name, table, data.address(table, before), before, after)


#: Rules that know a slip from the second entry alone, not from another figure of the data.
SECOND_ENTRY = {"lone-figure", "copied-figures", "noted-level"}


@dataclass
class Score:
    """What became of the slips of one kind."""

    slips: int = 0
    by_redundancy: int = 0  #: stopped by what else the data say
    by_second_entry: list[Slip] = field(default_factory=list)  #: stopped, but only because the second entry differs
    noted: list[Slip] = field(default_factory=list)  #: listed for information, since the second entry differs
    missed: list[Slip] = field(default_factory=list)

    @property
    def redundancy(self) -> float:
        """Share in per cent that the data themselves betray."""
        return 100 * self.by_redundancy / self.slips

    @property
    def stopped(self) -> float:
        """Share in per cent that stops a build."""
        return 100 * (self.by_redundancy + len(self.by_second_entry)) / self.slips


def count(data: Data, per_kind: int = PER_KIND, kinds: dict[str, Kind] = KINDS) -> dict[str, Score]:
    """The score of each kind."""
    tally: dict[str, Score] = {}
    for slip in draw(data, per_kind, kinds):
        score = tally.setdefault(slip.kind, Score())
        score.slips += 1
        found = data.judge(slip)
        blocking = {problem.rule for problem in found if problem.blocks}
        if blocking - SECOND_ENTRY:
            score.by_redundancy += 1
        else:
            (score.by_second_entry if blocking else score.noted if found else score.missed).append(slip)
    return tally


def total(tally: dict[str, Score]) -> Score:
    scores = tally.values()
    return Score(
        sum(s.slips for s in scores),
        sum(s.by_redundancy for s in scores),
        *([slip for s in scores for slip in getattr(s, name)] for name in ("by_second_entry", "noted", "missed")),
    )


def main(per_kind: int) -> None:
    data = Data()
    tally = count(data, per_kind)
    print(f"{'':38} {'slips':>6} {'by redundancy':>14} {'with 2nd entry':>15}")
    for kind, score in [*tally.items(), ("all", total(tally))]:
        print(f"{kind:38} {score.slips:6} {score.redundancy:13.1f}% {score.stopped:14.1f}%")
    for title, name in (
        ("Stopped by the second entry alone", "by_second_entry"),
        ("Listed for information", "noted"),
        ("Seen by nothing", "missed"),
    ):
        print(f"\n{title}")
        for kind, score in tally.items():
            for slip in getattr(score, name):
                print(f"  {kind:36} {slip}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PER_KIND)
