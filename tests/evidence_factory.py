"""Tiny evidence packages, made from the project's own schema, for tests of the checks.

`build(table=[{column: value}])` writes a data folder with one made-up trial of two arms and the rows given, and
loads it. What a row does not name has the value of `DEFAULTS`; an id is made from its parts.
"""

from __future__ import annotations

import csv
import json
import tempfile
from functools import cache
from pathlib import Path

from ctdild import checks
from ctdild.evidence import Evidence, Problem, load

SCHEMA = Path(__file__).parents[1] / "data" / "datapackage.json"

#: The trial's own report, and a work on something else.
WORKS = """@article{made-up-2020,
 title = {Made up},
 year = {2020},
 doi = {10.1000/made-up}
}

@article{other-2019,
 title = {Another subject},
 year = {2019},
 doi = {10.1000/other}
}
"""

SRC = {"source_id": "report", "locator": "Table 2", "verification": "primary"}

DEFAULTS = {
    "sources": {"citation": "made-up-2020", "title": "Made-up report", "read_in": "abstract"},
    "treatments": {"name": "Drug", "class": "biologic"},
    "outcomes": {"name": "Outcome", "short": "outcome", "domain": "lung function", "unit": "mL", "better": "higher", **SRC},
    "trials": {
        "trial_id": "one", "acronym": "ONE", "title": "Made-up trial", "kind": "rct", "year": "2020", "design": "parallel",
        "masking": "double blind", "allocation": "1:1", "disease": "SSc", "population": "adults", "duration_weeks": "52", "n_randomised": "200",
        "background_policy": "none", "primary_outcome": "FVC", "primary_met": "unclear", "status": "completed", "citation": "made-up-2020", **SRC,
    },
    "reports": {"report_id": "one-main", "trial_id": "one", "kind": "main", "citation": "made-up-2020"},
    "cohorts": {"trial_id": "one", "cohort": "all", "label": "All", "kind": "all", "disease": "SSc", "n": "200", "definition": "everyone", **SRC},
    "arms": {"trial_id": "one", "label": "Arm", "role": "intervention", "treatment": "drug", "n_randomised": "100", **SRC},
    "arm_results": {
        "trial_id": "one", "cohort": "all", "arm": "drug", "outcome": "fvc-ml", "weeks": "52", "time_kind": "visit", "statistic": "mean change",
        "unit": "mL", "analysis_set": "ITT", "role": "primary", "preferred": "true", **SRC,
    },
    "contrasts": {
        "trial_id": "one", "cohort": "all", "outcome": "fvc-ml", "weeks": "52", "time_kind": "visit", "arm_a": "drug", "arm_b": "placebo",
        "measure": "MD", "unit": "mL", "estimand": "change from baseline", "analysis_set": "ITT", "role": "primary", "preferred": "true", **SRC,
    },
    "interactions": {"trial_id": "one", "outcome": "fvc-ml", "weeks": "52", "modifier": "antibody", "cohorts": "all", "p_value": "0.50", **SRC},
    "statements": {"trial_id": "one", "cohort": "all", "outcome": "fvc-ml", "says": "Nothing was seen.", "verdict": "describes", **SRC},
    "cell_sources": {"table": "trials", "row_id": "one", "column": "title", **SRC},
    "discrepancies": {
        "discrepancy_id": "d1", "about": "article", "subject": "FVC", "stated": "this", "against": "that", "proof": "A", "severity": "high",
        "used": "corrected", "reason": "arithmetic", **SRC,
    },
    "mcids": {"mcid_id": "m1", "outcome": "fvc-ml", "population": "adults", "disease": "SSc", "direction": "either", "unit": "mL", **SRC},
}  # fmt: skip

BASE = {
    "sources": [
        {"source_id": "report"},
        {"source_id": "news", "read_in": "press"},
        {"source_id": "article", "read_in": "source article"},
    ],
    "treatments": [{"treatment": "drug"}, {"treatment": "placebo", "class": "placebo"}],
    "outcomes": [
        {"outcome": "fvc-ml"},
        {"outcome": "fvc-rate", "unit": "mL/year"},
        {"outcome": "fvc-pp", "unit": "percentage points", "level_unit": "% predicted", "range_low": "20", "range_high": "150"},
        {"outcome": "mrss", "domain": "skin", "unit": "points", "scale_low": "0", "scale_high": "51", "better": "lower"},
        {"outcome": "haq-di", "domain": "function", "unit": "points", "scale_low": "0", "scale_high": "3", "better": "lower"},
        {"outcome": "dose", "domain": "treatment", "unit": "mg", "better": ""},
        *({"outcome": name, "domain": "harms", "unit": "patients", "better": "lower"} for name in ("death", "sae", "ae", "completed", "left-ae")),
    ],
    "trials": [{}],
    "cohorts": [{}],
    "arms": [{"arm": "drug"}, {"arm": "placebo", "role": "placebo", "treatment": "placebo"}],
}  # fmt: skip


def build(**tables: list[dict[str, str]]) -> Evidence:
    """The evidence of a data folder with these rows; raises `EvidenceError` as the loader does."""
    content = {**BASE, **tables}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), content)
        return load(folder)


def write(folder: Path, content: dict[str, list[dict[str, str]]]) -> None:
    package = json.loads(_schema_text())
    package["resources"] = [r for r in package["resources"] if r["name"] in content]
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    (folder / "references.bib").write_text(WORKS, encoding="utf-8")
    for resource in package["resources"]:
        columns = [field["name"] for field in resource["schema"]["fields"]]
        with (folder / resource["path"]).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(_with_id(resource["name"], {**DEFAULTS.get(resource["name"], {}), **row}) for row in content[resource["name"]])


@cache
def _schema_text() -> str:
    return SCHEMA.read_text(encoding="utf-8")


def _with_id(table: str, row: dict[str, str]) -> dict[str, str]:
    row = dict(row)
    variant = row.pop("variant", "")
    weeks = f"w{row.get('weeks') or 'x'}"
    if table in ("contrasts", "arm_results"):
        parts = [row["trial_id"], row["cohort"], row["outcome"], weeks, variant, row["arm"] if table == "arm_results" else ""]
        row.setdefault("contrast_id" if table == "contrasts" else "result_id", ".".join(filter(None, parts)))
    elif table == "statements":
        row.setdefault("statement_id", f"{row['trial_id']}.{row['cohort']}.{row['outcome']}.words")
    elif table == "interactions":
        row.setdefault("interaction_id", f"{row['trial_id']}.{row['outcome']}.{weeks}.{row['modifier']}")
    return row


def contrast(estimate: str, low: str = "", high: str = "", p: str = "", **columns: str) -> dict[str, str]:
    """A contrast of the made-up trial with this estimate, interval and p (``<0.001``, ``ns``, ``0.04``)."""
    row = {"estimate": estimate, "ci_low": low, "ci_high": high, "ci_level": "95" if low or high else ""}
    if estimate and "favours" not in columns and columns.get("measure", "MD") == "MD":
        row["favours"] = "" if float(estimate) == 0 else "drug" if float(estimate) > 0 else "placebo"
    relation = next((r for r in ("<=", "<", "ns") if p.startswith(r)), "=" if p else "")
    row |= {"p_relation": relation, "p_value": p.removeprefix(relation)}
    return row | columns


def arm(value: str, low: str = "", high: str = "", **columns: str) -> dict[str, str]:
    """A mean change of one arm with its confidence interval."""
    ci = {"interval_kind": "CI", "level": "95"} if low or high else {}
    return {"value": value, "low": low, "high": high, **ci, **columns}


def found(rule: str, **tables: list[dict[str, str]]) -> list[Problem]:
    """The findings of one rule on these rows."""
    return [problem for problem in checks.run(build(**tables)) if problem.rule == rule]


def the_finding(rule: str, good: dict, broken: dict, column: str, repair: str) -> Problem:
    """The first finding of a rule on broken tables, whose good ones have none: in this column, with a repair that begins so."""
    assert [str(problem) for problem in checks.run(build(**good))] == []
    problem = found(rule, **broken)[0]
    assert problem.column == column
    assert problem.repair.startswith(repair)
    return problem
