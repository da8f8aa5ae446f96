"""The comparisons that may be pooled, as one flat table for whoever pools them elsewhere: ``estimates.csv``.

A row is one comparison that the gate (`pools`) would let into some pool: of a randomised trial, shown and preferred, corrected where
the review corrects, with a standard error or with patients counted in both arms.

Two scales stand side by side and never share a name. ``estimate``, ``ci_low`` and ``ci_high`` are what the source printed: a ratio
is a ratio. ``yi`` and ``sei`` are what is pooled, named as metafor (R) names them: of a ratio they are the log and the standard error
of the log. They are written to the last digit, so that what is pooled from the file is what `pools.Judged.pool` gives.

Two counts of patients give a log risk ratio, unless one of the four cells of their table is 0: the usual ratio then takes half a
patient added to each cell, whom nobody saw. ``yi`` and ``sei`` stay empty; the counts stand, and Mantel-Haenszel or Peto take them.
"""

from __future__ import annotations

import csv
import io

from ..evidence import LEVELS, Evidence, Printed, Row
from ..measures import RATIOS
from . import effects, pools

FILE = "estimates.csv"

#: What each column holds, in the order of the file. The page on the data shows it.
COLUMNS = {
    "address": "Address of the comparison in the dataset: trial, cohort, outcome, week.",
    "trial_id": "The trial, as in the table trials.",
    "trial": "Its acronym.",
    "year": "Year of its main report, or of its registration or start where there is none.",
    "disease": "Disease of the cohort; several are separated by semicolons.",
    "cohort": "The group of its patients; all is the whole trial.",
    "cohort_label": "The group in words.",
    "cohort_kind": "all, disease or subgroup.",
    "prespecified": "Whether the group was planned before the data were seen; empty where not reported.",
    "outcome": "The outcome, as in the table outcomes.",
    "outcome_name": "The outcome in words.",
    "better": "Direction that is better for the patient: higher, lower, or empty where neither is.",
    "weeks": "Week of the result, or start of the time in weeks.",
    "weeks_to": "End of a window between two weeks.",
    "time_kind": "What the week means: a visit, a window up to it, a landmark, a median or mean follow-up.",
    "arm_a": "First arm. Every effect is a minus b, or a over b.",
    "arm_b": "Second arm.",
    "drug_a": "Treatments of the first arm, as in the table treatments, separated by semicolons.",
    "drug_b": "Treatments of the second arm.",
    "measure": "Effect measure: MD for a difference of means or slopes, RR for two counts of patients, otherwise as printed.",
    "unit": "Unit of estimate; ratio for ratios.",
    "estimate": "The effect as printed, or as corrected: a ratio as a ratio, not as its log. Empty where only counts were printed.",
    "ci_low": "Lower limit as printed, on the scale of estimate.",
    "ci_high": "Upper limit as printed, on the scale of estimate.",
    "ci_level": "Level of the interval, in per cent.",
    "p_value": "Printed p-value of the effect, where sei is made from it.",
    "yi": "The effect to pool: the log of a ratio, a difference as it is. Empty for counts with a zero cell: pool the counts.",
    "sei": "Standard error of yi.",
    "yi_scale": "Scale of yi and sei: log (natural logarithm of a ratio), or as printed.",
    "se_from": "What sei is made from: interval, p, counts, or counts from percentages (the only count that gives the printed percentage).",
    "n_a": "Patients in the first arm; empty where not read.",
    "n_b": "Patients in the second arm.",
    "events_a": "Patients with the event in the first arm; empty for an effect that was printed as such.",
    "events_b": "Patients with the event in the second arm.",
    "estimand": "What is compared: slope, change from baseline, final value, time to event, proportion and so on.",
    "analysis_set": "Who was analysed.",
    "role": "Place of the result in the trial's plan: primary, secondary, subgroup, post-hoc, safety and so on.",
    "background_policy": "Which treatment for the disease was allowed beside the study drug.",
    "verification": "How close to the trial the figures were read, the furthest of them: primary, secondary, review.",
    "source_id": "Where they were read, as in the table sources; several are separated by semicolons.",
    "derivation": "How a figure was obtained that is not printed as such.",
    "pool": "Pools of this review that hold the comparison, as in the table pools, separated by semicolons; empty for none.",
    "shares_patients_with": "Addresses of the other rows of this file that may hold the same patients, separated by semicolons: "
    "two such rows never belong in one pool.",
}  # fmt: skip

#: A cell before it is written: None is an empty one, a tuple a list.
Cell = str | int | float | bool | tuple[str, ...] | None

#: What a spreadsheet takes for the start of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

#: The columns of a contrast and of a count from which its figures come: each may have been read in a source of its own.
_READ = {"contrasts": ("estimate", "ci_low", "ci_high", "p_value", "n_a", "n_b"), "arm_results": ("events", "percent", "n")}


def rows(evidence: Evidence) -> list[dict[str, Cell]]:
    """One row for each comparison that may be pooled, in the order of the addresses; the keys are those of `COLUMNS`."""
    found = [comparison for comparison in pools.comparisons(evidence) if not pools.unfit(evidence, comparison)]
    found.sort(key=lambda comparison: comparison.address)
    holding = _pools(evidence)
    return [
        {
            "address": one.address,
            **_place(evidence, one.row),
            **_arms(evidence, one),
            **(_counts(*one.counts) if one.arms else _printed(one)),
            "se_from": one.origin,
            "estimand": one.features["estimand"],
            **_reading(evidence, one),
            "pool": tuple(holding.get(one.address, ())),
            "shares_patients_with": tuple(other.address for other in found if other is not one and pools.share_patients(evidence, one, other)),
        }
        for one in found
    ]  # fmt: skip


def as_csv(evidence: Evidence) -> str:
    """The text of ``estimates.csv``: equal evidence gives equal text; line ends are LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_written(row[column]) for column in COLUMNS] for row in rows(evidence))
    return text.getvalue()


def _written(value: Cell) -> str:
    """A cell as text: numbers to the last digit or as printed, and nothing that a spreadsheet would run."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value) if isinstance(value, Printed) else repr(value)
    text = ";".join(value) if isinstance(value, tuple) else value or ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _pools(evidence: Evidence) -> dict[str, list[str]]:
    """Address -> the pools that hold it, of those that may be drawn."""
    holding: dict[str, list[str]] = {}
    for declared in evidence["pools"]:
        judged = pools.judge(evidence, declared.pool_id)
        for member in judged.members if judged.open else ():
            holding.setdefault(member.address, []).append(declared.pool_id)
    return holding


def _place(evidence: Evidence, row: Row) -> dict[str, Cell]:
    """Which trial, which patients, what was measured, when."""
    trial, cohort, outcome = evidence.trial(row), evidence.cohort(row), evidence.outcome(row)
    return {
        "trial_id": trial.trial_id,
        "trial": trial.acronym,
        "year": trial.year,
        "background_policy": trial.background_policy,
        "disease": cohort.disease,
        "cohort": cohort.cohort,
        "cohort_label": cohort.label,
        "cohort_kind": cohort.kind,
        "prespecified": cohort.prespecified,
        "outcome": outcome.outcome,
        "outcome_name": outcome.name,
        "better": outcome.better,
        "weeks": row.weeks,
        "weeks_to": row.weeks_to,
        "time_kind": row.time_kind,
        "analysis_set": row.analysis_set,
        "role": row.role,
    }


def _arms(evidence: Evidence, comparison: pools.Comparison) -> dict[str, Cell]:
    if comparison.arms:
        first, second = (evidence.arm(result) for result in comparison.arms)
    else:
        first, second = (evidence.arm(comparison.row, column) for column in ("arm_a", "arm_b"))
    return {"arm_a": first.label, "arm_b": second.label, "drug_a": first.treatment, "drug_b": second.treatment}


def _printed(comparison: pools.Comparison) -> dict[str, Cell]:
    """The figures of a printed contrast, and what of them is pooled."""
    row = comparison.row
    yi, sei = comparison.effect()
    printed = {column: row[column] for column in ("measure", "unit", "estimate", "ci_low", "ci_high", "ci_level", "n_a", "n_b")}
    return printed | {
        "p_value": row.p_value if comparison.origin == "p" else None,
        "yi": yi,
        "sei": sei,
        "yi_scale": "log" if row.measure in RATIOS else "as printed",
        "events_a": None,
        "events_b": None,
    }


def _counts(first: pools.Arm, second: pools.Arm) -> dict[str, Cell]:
    """Two counts of patients, and their log risk ratio."""
    yi, sei = _log_risk_ratio(first, second)
    return {
        "measure": "RR",
        "unit": "ratio",
        **dict.fromkeys(("estimate", "ci_low", "ci_high", "ci_level", "p_value")),
        "yi": yi,
        "sei": sei,
        "yi_scale": "log",
        "n_a": first.n,
        "n_b": second.n,
        "events_a": first.events,
        "events_b": second.events,
    }


def _log_risk_ratio(first: pools.Arm, second: pools.Arm) -> tuple[float, float] | tuple[None, None]:
    """With its standard error; neither where a cell is 0, since `effects.two_by_two` would add half a patient to each."""
    if any(cell == 0 for arm in (first, second) for cell in (arm.events, arm.n - arm.events)):
        return None, None
    ratio = effects.two_by_two(first.events, first.n, second.events, second.n, "RR")
    return float(ratio.estimate), float(ratio.standard_error)


def _reading(evidence: Evidence, comparison: pools.Comparison) -> dict[str, Cell]:
    """Where the figures were read and what was done to them; a cell may have been read elsewhere than its row."""
    results = comparison.arms or (comparison.row,)
    cells = [evidence.provenance(row, column) for row in results for column in _READ[row.table] if row[column] is not None]
    return {
        "verification": min((cell.verification for cell in cells), key=LEVELS.index),
        "source_id": tuple(dict.fromkeys(cell.source_id for cell in cells)),
        "derivation": "; ".join(dict.fromkeys(row.derivation for row in results if row.derivation)),
    }
