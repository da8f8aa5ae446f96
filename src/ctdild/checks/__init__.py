"""Whether the evidence can be believed: contract, arithmetic and plausibility of every row.

`run` applies every rule of `RULES` to the evidence as used (corrected cells in place of the printed ones) and
returns all findings. ERROR and WARN stop a build unless the data explain them.

How a finding is explained: a row of ``explanations.csv`` names the finding's rule, the table and address of its row,
and repeats its ``figures``: the printed figures that the rule compared, in the order of the finding, joined by
"; " (``164.8; -5.0; 379.9``). Every finding that can be explained prints them. When one of the figures changes, the
explanation lapses: the finding is back, and the explanation is itself a finding (``stale-explanation``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..evidence import Evidence, Problem, Row
from . import agreement, arithmetic, arms, contract, granularity, plausibility, provenance, readings
from .finding import Finding, rows

__all__ = ["RULES", "Finding", "Rule", "run"]


@dataclass(frozen=True)
class Rule:
    """One rule: its name in findings and explanations, what it costs, and what it asks in one line."""

    name: str
    severity: str
    function: Callable[[Evidence], Iterator[Finding]]
    description: str


_E, _W, _I = "ERROR", "WARN", "INFO"

#: Every rule, in the order of a reader's questions. Numbers are those of the review's list of plausibility rules.
RULES = (
    Rule("id-parts", _E, contract.id_parts, "contract: the id of a row agrees with its trial, cohort, outcome, weeks and arm"),
    Rule("reference", _E, contract.references, "contract: cohorts, arms, rows and columns named in lists and records exist"),
    Rule("citation", _E, contract.citations, "contract: every citation is a key of references.bib"),
    Rule("cohort-tree", _E, contract.cohort_tree, "contract: each cohort but all is part of another one of its trial"),
    Rule("includes", _E, contract.includes, "contract: no record contains itself"),
    Rule("preferred", _E, contract.preferred, "contract: exactly one row of each quantity is preferred"),
    Rule("contrast-arms", _E, contract.contrast_arms, "contract: a contrast compares two different single arms"),
    Rule("favours", _E, contract.favours, "contract: the favoured arm is one of the two, and is named where the estimate has a direction"),
    Rule("interval-complete", _E, contract.complete_interval, "contract: an interval has both limits, its level or kind, and an estimate"),
    Rule("p-complete", _E, contract.complete_p, "contract: a p-value has its relation"),
    Rule(
        "result-complete",
        _E,
        contract.complete_result,
        "contract: a result holds its figure, what its spread is, what its events count and its denominator",
    ),
    Rule("unit", _E, contract.units, "contract: units agree with the outcome and with the measure or statistic"),
    Rule("estimand", _E, contract.estimands, "contract: the measure can measure the estimand"),
    Rule("level", _W, contract.levels, "contract: a confidence level other than 95 % is named in the note"),
    Rule("better", _W, contract.better, "rule 32: the better direction of an outcome is that of its instrument, domain and name"),
    Rule("same-kind", _W, arms.same_kind, "contract: the arms of a result have one statistic, unit, kind of spread and of interval"),
    Rule("time-order", _E, contract.time_order, "contract: a window ends after it starts"),
    Rule("verification", _E, contract.verification, "contract: the level of verification agrees with what was read"),
    Rule("text-safety", _E, contract.text_safety, "contract: no cell runs in a spreadsheet or a browser"),
    Rule("decimals", _W, contract.decimals, "contract: estimate and limits have the same number of decimals"),
    Rule("arm-decimals", _W, arms.same_decimals, "contract: the arms of a result have the same number of decimals"),
    Rule("cites-trial", _W, provenance.cites_its_trial, "provenance: a primary row was read in a report or record of its trial"),
    Rule("one-report", _W, provenance.one_report, "provenance: a work is a report of one trial, or of trials that contain each other"),
    Rule("link", _W, provenance.links, "provenance: the DOI of a link is that of the cited work"),
    Rule(
        "registry-id", _W, provenance.registry_numbers, "provenance: a registry number is that of the trial's sources, and no other trial's"
    ),
    Rule("year", _W, provenance.years, "rule 26: the year of a row is that of its work and of its id"),
    Rule("interval-order", _E, plausibility.interval_order, "rule 1: lower limit below upper limit, estimate between them"),
    Rule(
        "interval-midpoint",
        _E,
        plausibility.interval_midpoint,
        "rule 2: the estimate is the midpoint of its interval (of the logarithms, for a ratio)",
    ),
    Rule("p-interval", _W, plausibility.p_interval, "rule 3: p agrees with estimate and interval"),
    Rule("p-significance", _W, plausibility.p_significance, "rule 4: p is below 0.05 exactly when the 95 % interval excludes no effect"),
    Rule("swapped", _E, plausibility.swapped_intervals, "rule 5: the intervals of two arms fit each other's estimates"),
    Rule("difference", _W, arithmetic.difference, "rule 6: a difference is arm a minus arm b"),
    Rule("direction", _W, arithmetic.direction, "rules 6 and 32: the sign of the estimate favours the arm that the row says is favoured"),
    Rule(
        "spread-difference",
        _W,
        arms.spread_of_difference,
        "rules 7 and 31: the interval of a difference agrees with the spreads of its arms",
    ),
    Rule("implied-sd", _W, arms.implied_sd, "rule 8: the standard deviation behind a spread or interval lies in the band of its outcome"),
    Rule("ml-per-point", _W, agreement.ml_per_point, "rule 9: a change in mL and in % predicted are in the proportion of adults' lungs"),
    Rule("spread", _W, plausibility.spreads, "rule 10: the arms of a result have standard deviations, or errors, of one size"),
    Rule("range", _E, plausibility.hard_range, "rule 11: no value outside what its scale allows"),
    Rule("unit-magnitude", _E, plausibility.unit_magnitude, "rule 12: the size of a lung function figure fits its unit"),
    Rule("events", _E, arithmetic.events_of_n, "rule 13: no more patients with an event than patients"),
    Rule("percent", _E, arithmetic.percent_of_n, "rule 14: some whole number of patients rounds to the printed percentage"),
    Rule(
        "n-within",
        _E,
        arithmetic.n_within_arm,
        "rule 15: analysed, treated, randomised in falling order; no result on more patients than its cohort and arm",
    ),
    Rule("arms-sum", _E, arithmetic.arms_sum, "rule 15: the arms sum to the patients randomised"),
    Rule("cohorts-sum", _E, arithmetic.cohorts_sum, "rule 15: the cohorts of a partition sum to the cohort that they divide"),
    Rule("allocation", _W, plausibility.allocation, "rule 16: arm sizes are believable under the allocation ratio (binomial p > 0.001)"),
    Rule("known-n", _W, agreement.known_n, "rule 15: no number of patients is another arm's, or the arm's own with a slip"),
    Rule("share-analysed", _W, arms.shares_analysed, "rule 15: the arms of a result have lost similar shares of their patients"),
    Rule(
        "counts-within",
        _W,
        agreement.counts_within,
        "rules 13 and 17: a count without a denominator fits its arm; events, patients and screening agree",
    ),
    Rule("baseline-balance", _W, arms.baseline_balance, "rule 16: randomised arms are alike before treatment, but for chance"),
    Rule("placebo-slope", _W, arms.placebo_slope, "rule 32: on placebo the yearly slope of lung function is a loss"),
    Rule("parts", _W, agreement.parts_and_whole, "rule 15: a result of all patients lies between those of its groups, and counts add up"),
    Rule("disposition", _W, agreement.disposition, "rule 17: who completed and who left are no more than the patients"),
    Rule("over-time", _W, agreement.over_time, "rule 17: deaths never fall from one visit to the next, survivors never rise"),
    Rule("nested-counts", _W, arithmetic.nested_counts, "rule 17: deaths, serious events, any events in rising order of patients"),
    Rule("ratio-counts", _W, arms.ratio_from_counts, "rule 18: a ratio is near the one that the counts of its arms give"),
    Rule("p-arms", _W, arms.p_from_arms, "rules 3 and 18: p agrees with the counts or means of the arms"),
    Rule("grim", _W, granularity.grim, "rule 19: a mean of whole numbers is a multiple of 1/n"),
    Rule("grimmer", _W, granularity.grimmer, "rule 20: some whole numbers have the printed mean and standard deviation"),
    Rule("debit", _W, granularity.debit, "rule 21: a share of noughts and ones has the standard deviation that goes with it"),
    Rule("sd-bound", _E, granularity.sd_bound, "rule 22: no standard deviation is larger than the scale allows"),
    Rule("quartiles", _W, plausibility.quartiles, "rule 23: a median lies within its quartiles or range"),
    Rule("events-precision", _W, arms.events_precision, "rule 24: a ratio is not known better than its events allow"),
    Rule("copied-row", _W, agreement.copied_rows, "rule 25: no two visits, groups or arms of a trial have the very same figures"),
    Rule("change", _W, agreement.change_from_baseline, "rule 27: a mean change is the mean at the visit minus the mean at baseline"),
    Rule("two-sources", _W, agreement.two_sources, "rule 28: where two sources differ on a fact, a discrepancy or a note says so"),
    Rule("sibling-size", _W, agreement.sibling_size, "rule 29: no figure is ten times its siblings"),
    Rule("primary-met", _I, agreement.primary_met, "rule 4: the primary outcome was met exactly when its contrast is significant"),
    Rule("lone-figure", _W, readings.lone_figures, "double entry: no single figure of a result differs from what was noted"),
    Rule(
        "copied-figures", _W, readings.copied_figures, "double entry: figures that differ from what was noted are not those of another row"
    ),
    Rule("noted-level", _W, readings.rescaled_limits, "double entry: limits are not those of another level around what was noted"),
    Rule("reading", _I, readings.second_entry, "double entry: figures that moved together, so that what was noted is to follow"),
    Rule("duplicate-figures", _W, plausibility.duplicates, "rule 25: no two trials print the same estimate and interval"),
    Rule("same-n", _W, arithmetic.same_n, "rule 28: a contrast and its arm results have the same numbers of patients"),
    Rule("visit-week", _E, plausibility.visit_weeks, "rule 26: no visit lies after the end of its trial"),
    Rule("sign-across-units", _W, plausibility.sign_across_units, "rule 32: a change in mL and in % predicted has one sign"),
)

#: The rule on explanations themselves; it follows from the others' findings and so is not in the table.
STALE = "stale-explanation"


def run(evidence: Evidence) -> list[Problem]:
    """Every finding of every rule on the evidence as used, explained ones marked, by file and row."""
    found, problems = [], []
    for rule in RULES:
        try:
            found += [(rule, finding) for finding in rule.function(evidence)]
        except UNFORESEEN as error:
            problems.append(not_applicable(rule.name, error))
    explanations = {(row.rule, row["table"], row.row_id): row for row in rows(evidence, "explanations")}
    used: set[Row] = set()
    for rule, finding in found:
        explanation = explanations.get((rule.name, finding.row.table, finding.row.id))
        explained = explanation is not None and finding.figures and explanation.figures == figures_text(finding)
        if explained:
            used.add(explanation)
        problems.append(_problem(evidence, rule, finding, explanation.reason if explained else None))
    problems += [_stale(evidence, row, found) for row in explanations.values() if row not in used]
    return sorted(problems, key=lambda p: (p.file, p.row or 0, p.rule, p.column or ""))


#: What a rule may raise on a package that describes itself without a column that it reads, or with another type, or on a value that no rule foresaw.
UNFORESEEN = (AttributeError, KeyError, TypeError, ValueError, ArithmeticError)


def not_applicable(rule: str, error: Exception) -> Problem:
    """The finding that a rule fell over."""
    repair = "describe and fill what the rule reads, as in the review's own datapackage.json"
    message = f"rule {rule} cannot be applied: {error.args[0] if error.args else error}"
    return Problem(_E, rule, "datapackage.json", None, None, None, message, repair)


def figures_text(finding: Finding) -> str:
    """What an explanation of this finding repeats in its column ``figures``."""
    return "; ".join(finding.figures)


def _problem(evidence: Evidence, rule: Rule, finding: Finding, reason: str | None) -> Problem:
    row, repair = finding.row, finding.repair
    if finding.figures and reason is None:
        repair += f". Printed so? Then a row in corrections.csv, or in explanations.csv: rule {rule.name}, figures {figures_text(finding)}"
    value = _short(row.text(finding.column)) if finding.column else None
    path = evidence.schema[row.table].path
    return Problem(rule.severity, rule.name, path, row.line, finding.column, value, finding.message, repair, reason, row.id)


def _stale(evidence: Evidence, row: Row, found: list[tuple[Rule, Finding]]) -> Problem:
    now = [figures_text(f) for rule, f in found if (rule.name, f.row.table, f.row.id) == (row.rule, row["table"], row.row_id)]
    if now:
        message = f"lapsed: the finding of {row.rule} on {row.row_id} now has the figures {now[0]}"
        repair = "check the row against its source; then correct the row, or the figures and the reason here"
    else:
        message = f"explains nothing: {row.rule} does not object to {row.row_id} in {row['table']}"
        repair = "remove the explanation, or mend rule, table or row_id"
    return Problem(_W, STALE, evidence.schema["explanations"].path, row.line, "figures", _short(row.figures), message, repair, None, row.id)


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
