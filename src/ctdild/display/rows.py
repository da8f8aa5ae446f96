"""Which rows displays use, in which order, and the spans that print them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..evidence import POOLED, Evidence, Row, row_id
from . import text as words
from .figure import Cell, Line, Span, cell, joined, line

DAGGER = "†"

#: A trial with another status is under way: it belongs to the horizon, not to the evidence.
REPORTED = ("completed", "stopped early")

#: A link to the page of a trial; the book resolves it, since only it knows where its pages are.
TRIAL_LINK = "trial:{}"

#: Kinds of studies, by what their figures may stand beside.
RANDOMISED = ("rct", "randomised-uncontrolled")
NOT_RANDOMISED = ("single-arm", "extension", "cohort", "case-control", "case-series")


def trial_link(trial: Row, tone: str | None = None) -> Span:
    """The acronym of a trial, which leads to its page."""
    return Span(trial.acronym, link=TRIAL_LINK.format(trial.trial_id), tone=tone)


def year_span(trial: Row) -> Span:
    """The year of a trial's main report; where no year was read that, or, of a trial under way or given up, its status."""
    unread = "year not read" if trial.status == "completed" else trial.status
    return Span(str(trial.year or unread), ref=trial.id, tone="muted")


def reported(evidence: Evidence, trial: Row) -> bool:
    """Whether a report on what a trial found was read; a protocol or a registry record is none. A study of which no report is
    listed counts as its status says."""
    kinds = [report.kind for report in evidence["reports"] if report.trial_id == trial.trial_id]
    return any(kind != "protocol" for kind in kinds) if kinds else trial.status in REPORTED


def name_cell(trial: Row) -> Cell:
    """The name of a trial with its year, unless the name ends with it."""
    return cell(trial_link(trial), *([] if trial.acronym.endswith(str(trial.year)) else [year_span(trial)]))


#: What the trials of the disease that antifibrotics were first tried in are called; it is no connective-tissue disease.
PRECEDENT = "In idiopathic pulmonary fibrosis, not CTD-ILD"


def is_precedent(trial: Row) -> bool:
    """Whether a trial enrolled idiopathic pulmonary fibrosis only."""
    return set(trial.disease) == {"IPF"}


def precedents(evidence: Evidence, trials: Sequence[Row]) -> list[Row]:
    """The trials that stand apart because they enrolled idiopathic pulmonary fibrosis only; none where there are no others."""
    found = [trial for trial in trials if is_precedent(trial)]
    return found if len(found) < len(trials) else []


def design_of(kinds: Sequence[str]) -> str:
    """What studies of these kinds are, as a caption says it: ``randomised``, ``not randomised`` or ``pooled by others``.

    Raises `ValueError` when they are of more than one sort: they share no figure.
    """
    if isinstance(kinds, str):
        raise ValueError(f"kinds is the text {kinds!r}; expected a list of kinds, as ['rct']")
    sorts = {"randomised": RANDOMISED, "not randomised": NOT_RANDOMISED, "pooled by others": POOLED}
    found = [name for name, members in sorts.items() if set(kinds) & set(members)]
    if len(found) != 1 or not set(kinds) <= set(sorts[found[0]]):
        raise ValueError(f"{', '.join(kinds)}: randomised, non-randomised and pooled studies share no figure; show them apart")
    return found[0]


def trials_in_order(evidence: Evidence, kinds: Sequence[str] = ("rct",)) -> list[Row]:
    """The randomised trials (or the kinds named) that have been reported, oldest report first."""
    return sorted((t for t in evidence["trials"] if t.kind in kinds and t.status in REPORTED), key=lambda t: (t.year or 9999, t.acronym))


def preferred(evidence: Evidence, table: str, kinds: Sequence[str] = ("rct",)) -> list[Row]:
    """The rows of ``contrasts`` or ``arm_results`` that displays use: preferred, not withheld, of such trials;
    by trial (oldest first), whole trial before its groups, then time, then the order of the file."""
    trials = {trial.trial_id: i for i, trial in enumerate(trials_in_order(evidence, kinds))}
    cohorts = {cohort.id: (cohort.kind != "all", i) for i, cohort in enumerate(evidence["cohorts"])}
    rows = [row for row in evidence.shown(table) if row.preferred and row.trial_id in trials]
    return sorted(rows, key=lambda r: (trials[r.trial_id], cohorts[row_id("cohorts", (r.trial_id, r.cohort))], _weeks(r)))


def _weeks(row: Row) -> float:
    return row.weeks if row.weeks is not None else float("inf")


def statements(evidence: Evidence, domains: Sequence[str], kinds: Sequence[str] = ("rct",)) -> list[Row]:
    """What sources say in words about outcomes of these domains, in the order of `preferred`."""
    trials = {trial.trial_id: i for i, trial in enumerate(trials_in_order(evidence, kinds))}
    rows = [s for s in evidence.shown("statements") if s.trial_id in trials and evidence.outcome(s).domain in domains]
    return sorted(rows, key=lambda s: trials[s.trial_id])


def size_of(evidence: Evidence, trial: Row) -> Span:
    """How many patients a trial had, with the address of the row that says so: ``158 randomised``, ``576 patients``
    where only those treated or analysed are known, ``440 planned`` where it has only been registered."""
    if trial.n_randomised is not None:
        return Span(f"{trial.n_randomised} randomised", ref=trial.id, mark=mark(trial, "n_randomised"))
    whole = whole_trial(evidence, trial)
    if whole is not None and whole.n is not None:
        return Span(f"{whole.n} patients", ref=whole.id, mark=mark(whole, "n"))
    if trial.n_planned is not None:
        return Span(f"{trial.n_planned} planned", ref=trial.id, mark=mark(trial, "n_planned"))
    return Span("number of patients not reported here", tone="muted")


def patients(evidence: Evidence, row: Row) -> int:
    """How many patients the trial of a row had, as far as is known; 0 where it is not."""
    trial = evidence.trial(row)
    whole = whole_trial(evidence, trial)
    return trial.n_randomised or (whole.n if whole is not None and whole.n else 0)


def whole_trial(evidence: Evidence, trial: Row) -> Row | None:
    """The cohort of all patients of a trial, where the scope has it."""
    address = row_id("cohorts", (trial.trial_id, "all"))
    return evidence.row(address) if address in evidence else None


def sized_by(evidence: Evidence, trial: Row) -> list[Row]:
    """The rows that `size_of` may read: the trial, and the cohort of all its patients where the trial's own cell is empty."""
    whole = whole_trial(evidence, trial)
    return [trial] if trial.n_randomised is not None or whole is None else [trial, whole]


def by_domain(evidence: Evidence, rows: Iterable[Row], domains: Sequence[str]) -> list[Row]:
    """The rows whose outcome belongs to one of the domains."""
    return [row for row in rows if evidence.outcome(row).domain in domains]


def arms_of(evidence: Evidence, contrast: Row) -> list[Row]:
    """The preferred results of the two arms of a comparison, in its order: same group, outcome and time. None unless both have one."""
    same = ("trial_id", "cohort", "outcome", "weeks", "weeks_to", "time_kind")
    by_arm = {row.arm: row for row in evidence.shown("arm_results") if row.preferred and all(row[name] == contrast[name] for name in same)}
    arms = (contrast.arm_a, contrast.arm_b)
    return [by_arm[arm] for arm in arms] if set(arms) <= set(by_arm) else []


def acronym(evidence: Evidence, row: Row) -> str:
    """The name of a row's trial."""
    return evidence.trial(row).acronym


def named(evidence: Evidence, row: Row) -> str:
    """The name of a row's trial; of one that enrolled idiopathic pulmonary fibrosis only, with that: ``ASCEND (IPF)``."""
    return acronym(evidence, row) + (" (IPF)" if is_precedent(evidence.trial(row)) else "")


def mark(row: Row, *columns: str) -> str:
    """The dagger, where one of the cells shown was corrected."""
    return DAGGER if any(column in row.corrections for column in columns) else ""


#: Statistics of an arm that are changes over time.
CHANGES = ("mean change", "adjusted mean change", "median change", "rate", "adjusted rate", "score")

#: Times outside the trial period.
FOLLOW_UP = ("median-follow-up", "mean-follow-up")

#: Columns that a printed estimate or value comes from; a correction of one of them earns the dagger.
ESTIMATE = ("estimate", "ci_low", "ci_high", "ci_level", "unit", "p_value")
VALUE = ("value", "unit", "spread", "spread_kind", "low", "high", "interval_kind", "level", "events", "percent", "counts", "n")


def figure_span(row: Row, text: str, tone: str | None = None) -> Span:
    """A text that prints figures of a contrast or an arm's result, with its address and, if corrected, the dagger."""
    return Span(text, ref=row.id, mark=mark(row, *(ESTIMATE if row.table == "contrasts" else VALUE)), tone=tone)


def addresses(rows: Iterable[Row]) -> tuple[str, ...]:
    """The addresses of rows, for a text that is a figure of each of them: the week at which all arms were measured."""
    return tuple(row.id for row in rows)


_COLUMN_NAMES = {
    "ci_low": "lower limit",
    "ci_high": "upper limit",
    "low": "lower limit",
    "high": "upper limit",
    "p_value": "p-value",
    "n": "number of patients",
    "n_a": "number of patients",
    "n_b": "number of patients",
}


_SPREADS = {"SD": "standard deviation", "SE": "standard error"}


def column_name(column: str) -> str:
    """A column as readers call it."""
    return _COLUMN_NAMES.get(column, column.replace("_", " "))


#: Rules whose explained findings readers should know: the figures are shown as printed, and do not fit each other.
_AT_ODDS = ("percent", "interval-midpoint", "p-interval", "cohorts-sum", "ml-per-point")


def printed_notes(evidence: Evidence, rows: Iterable[Row]) -> list[Line]:
    """What to know of the printed figures of rows: of those that were corrected what was printed, and why something else is
    used (one line for each discrepancy); of those that do not fit each other and stand as printed, what is known of it."""
    rows = list(dict.fromkeys(rows))
    return [*_corrections(evidence, rows), *_at_odds(evidence, rows)]


def _corrections(evidence: Evidence, rows: Iterable[Row]) -> Iterator[Line]:
    notes: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        for discrepancy, printed, _ in corrected(row):
            notes.setdefault(discrepancy, {}).setdefault(printed, []).append(row)
    for discrepancy, changes in notes.items():
        parts = []
        for printed, changed in changes.items():
            trials = list(dict.fromkeys(acronym(evidence, row) for row in changed if "trial_id" in row))
            one = Span(row_name(evidence, changed[0]), ref=changed[0].id)
            who = one if len(changed) == 1 else f"{len(changed)} results of {sentence_list(trials)}"
            parts.append(line(who, ": printed with ", Span(printed, ref=addresses(changed))))
        why = Span(f"{evidence.row(discrepancy).reason.rstrip('.')}.", ref=discrepancy)
        yield line(f"{DAGGER} Corrected. ", *joined("; ", parts), ". ", why)


def _at_odds(evidence: Evidence, rows: list[Row]) -> Iterator[Line]:
    """One line for each reason."""
    by_key = {(row.table, row.id): row for row in rows}
    reasons: dict[str, list[tuple[Row, Row]]] = {}
    for record in evidence["explanations"]:
        row = by_key.get((record["table"], record.row_id))
        if record.rule in _AT_ODDS and row is not None:
            reasons.setdefault(record.reason, []).append((record, row))
    for reason, found in reasons.items():
        who = joined("; ", (line(Span(row_name(evidence, row), ref=row.id)) for _, row in found))
        why = Span(reason, ref=addresses([record for record, _ in found]))
        yield line("As printed, though the figures do not fit each other: ", *who, ". ", why)


def corrected(row: Row) -> list[tuple[str, str, str]]:
    """(discrepancy, printed, used) of each change to a row, in words; the two limits of an interval together."""
    left = dict(row.corrections)
    found = []
    for low, high in (("low", "high"), ("ci_low", "ci_high")):
        if low in left and high in left:
            first, last = left.pop(low), left.pop(high)
            printed, used = (
                f"{words.number_text(a)} to {words.number_text(b)}" for a, b in ((first.printed, last.printed), (first.used, last.used))
            )
            found.append((first.discrepancy_id, f"interval {printed}", f"interval {used}"))
    if "spread_kind" in left:
        record = left.pop("spread_kind")
        found.append((record.discrepancy_id, f"spread as {_SPREADS[record.printed]}", f"{_SPREADS[record.used]}"))
    for column, record in left.items():
        name = column_name(column)
        found.append((record.discrepancy_id, f"{name} {words.number_text(record.printed)}", f"{name} {words.number_text(record.used)}"))
    return found


def row_name(evidence: Evidence, row: Row) -> str:
    """What a result is, in words: ``SLS II, mycophenolate, FVC % predicted at week 104``."""
    return ", ".join(_name_parts(evidence, row))


def row_names(evidence: Evidence, rows: Sequence[Row]) -> str:
    """What results are that have a name of the same parts: what they share once, the rest side by side,
    ``SLS II, mycophenolate / cyclophosphamide, FVC % predicted at week 104``; else one name after another."""
    named = [_name_parts(evidence, row) for row in rows]
    if len({len(parts) for parts in named}) > 1:
        return "; ".join(", ".join(parts) for parts in named)
    return ", ".join(" / ".join(dict.fromkeys(part)) for part in zip(*named, strict=True))


def _name_parts(evidence: Evidence, row: Row) -> list[str]:
    if row.table == "cohorts":
        return [acronym(evidence, row), words.in_sentence(row.label)]
    if row.table not in ("contrasts", "arm_results"):
        return [row.id]
    who = words.comparison_text(evidence, row) if row.table == "contrasts" else words.arm_text(evidence, row)
    group = words.cohort_text(evidence, row)
    return [
        acronym(evidence, row),
        *([words.in_sentence(group)] if group else []),
        who,
        f"{evidence.outcome(row).short} {words.time_text(row)}".strip(),
    ]


def sentence_list(items: Sequence[str], last: str = "and") -> str:
    """``a, b and c``; or with another word before the last, ``a, b or c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


VERIFICATION_KEY = "P: read in the trial's own report, abstract or record; S: read second-hand; R: read only in the source article."
