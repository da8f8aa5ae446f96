"""Displays that are tables: the trials, changes within arms, symptoms, corrections, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of

SYMPTOM_DOMAINS = ("symptoms", "function", "health status")

#: A table of more rows than this is opened on request, where the text beside it tells the main ones.
LONG = 12


def table_figure(name: str, caption: str, columns: tuple[Column, ...], body: list[tuple[Cell, ...]], evidence: Evidence, rows: list[Row],
            notes: tuple[Line, ...] = (), empty: str = "", kind: str = "", fold: str = "") -> Figure:  # fmt: skip
    """A figure whose body is a table, or the sentence that says that there is nothing."""
    if not body:
        return Figure(name, empty, empty)
    table = Table(caption, columns, tuple(body), kind)
    return Figure(name, caption, caption, table, sources=sources_of(evidence, rows), notes=notes, fold=fold)


def evidence_table(evidence: Evidence) -> Figure:
    """Which randomised trials there are: design, patients, arms, background treatment, primary outcome."""
    trials = pick.trials_in_order(evidence)
    precedents = pick.precedents(evidence, trials)
    main = [trial for trial in trials if trial not in precedents]
    used: list[Row] = []
    body = [_trial_record(evidence, trial, used) for trial in main]
    columns = (
        Column("Trial"), Column("Design"), Column("Patients"), Column("Number"), Column("Arms"), Column("Background treatment"), Column("Primary outcome"),
    )  # fmt: skip
    before = [_trial_record(evidence, trial, used) for trial in precedents]
    figure = table_figure(
        figure_name(evidence, "evidence-table"),
        f"Randomised trials: {pick.sentence_list([t.acronym for t in main])}.",
        columns,
        body,
        evidence,
        used,
        tuple(pick.printed_notes(evidence, used)),
        empty="No randomised trial of this disease or treatment is in the dataset.",
        kind="records",
    )
    title = f"{pick.PRECEDENT}: {pick.sentence_list([t.acronym for t in precedents])}"
    return replace(figure, more=Table(title, columns, tuple(before), "records")) if before else figure


def _trial_record(evidence: Evidence, trial: Row, used: list[Row]) -> tuple[Cell, ...]:
    """The cells of a trial; the rows that they show are added to ``used``."""
    arms = [arm for arm in evidence["arms"] if arm.trial_id == trial.trial_id and arm.role != "all"]
    used += [trial, *arms]
    return (
        pick.name_cell(trial),
        cell(Span(_design(trial), ref=trial.id)),
        cell(Span(trial.population, ref=trial.id)),
        _randomised(evidence, trial),
        cell(*(_arm_line(arm) for arm in arms)),
        cell(Span(words.at_start(words.background_text(trial)), ref=trial.id)),
        cell(*_primary(trial)),
    )


def trial_index(evidence: Evidence) -> Figure:
    """Every study of the scope in one line, randomised or not, with a link to its page: newest report first; those of which no
    report was read come last, with their status in place of a year."""
    treatments = {row.treatment: row for row in evidence["treatments"]}
    known = {trial.trial_id: pick.reported(evidence, trial) for trial in evidence["trials"]}
    studies = sorted(evidence["trials"], key=lambda t: (0, -(t.year or 0), t.acronym) if known[t.trial_id] else (1, 0, t.acronym))
    body = []
    for trial in studies:
        reported = known[trial.trial_id]
        given = dict.fromkeys(
            name
            for arm in evidence["arms"]
            if arm.trial_id == trial.trial_id
            for name in arm.treatment or ()
            if name in treatments and name != "placebo"
        )
        names = [treatments[name].name for name in given]
        classes = list(dict.fromkeys(treatments[name]["class"] for name in given))
        body.append(
            (
                cell(line(pick.trial_link(trial), _words_to_find(trial), _to_choose_by(trial, reported)), *_standing(trial, reported)),
                cell(", ".join(trial.disease)),
                cell("; ".join(names) or "–", *([Span("; ".join(classes), tone="muted")] if classes else [])),
                cell(KINDS[trial.kind], *([Span(trial.masking, tone="muted")] if trial.masking != "not applicable" else [])),
                cell(pick.size_of(evidence, trial)),
                cell(Span(trial.primary_met if trial.primary_met != "not applicable" else "–", ref=trial.id)),
                cell(trial.verification),
            )
        )
    heads = ("Study", "Disease", "Treatment and class", "Design", "Patients", "Primary outcome", "Read")
    return table_figure(
        figure_name(evidence, "trial-index"),
        f"{len(studies)} studies, newest report first; those of which no report was read come last, with their status.",
        tuple(Column(head) for head in heads),
        body,
        evidence,
        [],
        empty="No study of this scope is in the dataset.",
        kind="index",
    )


def _standing(trial: Row, reported: bool) -> list[Span]:
    """What stands under the name: the year of the report, unless the name ends with it, and of a study without a report, or still
    under way after one, the status."""
    if not reported:
        return [Span(trial.status, ref=trial.id, tone="muted")]
    year = pick.year_span(trial)
    parts = ["" if trial.acronym.endswith(year.text) else year.text, "" if trial.status in pick.REPORTED else trial.status]
    said = "; ".join(part for part in parts if part)
    return [replace(year, text=said)] if said else []


def _to_choose_by(trial: Row, reported: bool) -> Span:
    """By what the script of the index filters and sorts, each behind its name; unseen."""
    year = f"Year of report: {trial.year}; " if reported and trial.year else ""
    return Span(f" {year}Status: {trial.status}; Background: {words.background_rule(trial)}; ", ref=trial.id, tone="unseen")


def _words_to_find(trial: Row) -> Span:
    """What a reader may search the index for and does not see there: whom the study enrolled, on what."""
    return Span(" ".join(part for part in (trial.population, trial.background) if part), ref=trial.id, tone="unseen")


def background_treatment(evidence: Evidence) -> Figure:
    """What patients of randomised trials took beside the treatment under test, in both arms; trials of which it was not
    read in a note."""
    trials = sorted(pick.trials_in_order(evidence, pick.RANDOMISED), key=lambda t: (POLICIES.index(t.background_policy), t.acronym))
    read = [trial for trial in trials if trial.background_policy != "not reported" or trial.background]
    body = [
        (
            cell(pick.trial_link(trial), Span(", ".join(trial.disease), tone="muted")),
            cell(Span(words.at_start(words.background_rule(trial)), ref=trial.id)),
            cell(Span(trial.background or "not read here", ref=trial.id if trial.background else None)),
            cell(words.at_start(words.verification_text(evidence, trial, "background"))),
        )
        for trial in read
    ]
    unread: list[Span | str] = []
    for trial in (trial for trial in trials if trial not in read):
        unread += ["; " if unread else "", pick.trial_link(trial)]
    notes = (line("Not read for: ", *unread, ". Not read is not the same as not allowed."),) if unread else ()
    return table_figure(
        figure_name(evidence, "background-treatment"),
        "Background treatment in randomised trials: what both arms took or were allowed beside the treatment under test, and the rule on immunosuppressants.",
        tuple(Column(head) for head in ("Trial", "Rule", "Taken or allowed", "Read")), body, evidence, read, notes,
        empty="No background treatment of a randomised trial was read for this scope.",
    )  # fmt: skip


#: What the rules on background treatment are called, those that bear most on immunosuppression first.
POLICIES = (
    "immunosuppressant in both arms", "stable immunosuppressant allowed", "rescue allowed", "glucocorticoid", "none", "not reported",
)  # fmt: skip

#: What a study is, in words.
KINDS = {
    "rct": "randomised",
    "randomised-uncontrolled": "randomised, no control",
    "single-arm": "single arm",
    "extension": "extension",
    "cohort": "cohort",
    "case-series": "case series",
    "pooled-analysis": "pooled analysis",
    "meta-analysis": "meta-analysis",
    "case-control": "case-control study",
    "narrative-review": "narrative review",
}


def _design(trial: Row) -> str:
    parts = [words.in_sentence(trial.design) if trial.phase else trial.design, trial.masking if trial.masking not in trial.design else ""]
    if trial.phase and f"phase {trial.phase}" not in trial.design.lower():
        parts.insert(0, f"Phase {trial.phase}")
    if trial.allocation and trial.allocation not in trial.design:
        parts.append(trial.allocation)
    if trial.duration_weeks:
        parts.append(f"{trial.duration_weeks} weeks")
    return ", ".join(part for part in parts if part)


def _randomised(evidence: Evidence, trial: Row) -> Cell:
    lines = [pick.size_of(evidence, trial)]
    if trial.n_planned is not None and trial.n_planned != trial.n_randomised:
        lines.append(Span(f"{trial.n_planned} planned", ref=trial.id, tone="muted"))
    if trial.stop_reason:
        lines.append(Span(f"Stopped early: {trial.stop_reason}", ref=trial.id, tone="muted"))
    return cell(*lines)


def _arm_line(arm: Row) -> Line:
    n = f", n {arm.n_randomised}" if arm.n_randomised is not None else ""
    regimen = f": {arm.regimen}" if arm.regimen else ""
    return line(Span(f"{arm.label}{n}{regimen}", ref=arm.id, mark=pick.mark(arm, "n_randomised", "regimen")))


def _primary(trial: Row) -> list[Span]:
    met = {"not applicable": "no criterion", "unclear": "unclear whether met"}.get(trial.primary_met, trial.primary_met)
    lines = [Span(f"{trial.primary_outcome}: {met}", ref=trial.id, mark=pick.mark(trial, "primary_outcome", "primary_met"))]
    registered = trial.primary_outcome_registered
    if registered and registered != trial.primary_outcome:
        lines.append(Span(f"Registered as: {words.in_sentence(registered)}", ref=trial.id, tone="muted"))
    elif not registered:
        lines.append(Span("Registered outcome: not read", tone="muted"))
    return lines


def arm_changes(evidence: Evidence, outcome: str, kinds: Sequence[str] = ("rct",)) -> Figure:
    """How each arm changed on one outcome, in trials of these kinds. Within-arm figures: they are no comparison between treatments.

    Raises `KeyError` for an outcome outside the scope, `ValueError` when ``kinds`` mixes randomised and other studies.
    """
    about = evidence.row(outcome, "outcomes")
    design = pick.design_of(kinds)
    apart = "" if design == "randomised" else f", {design}"
    rows = [
        r
        for r in pick.preferred(evidence, "arm_results", kinds)
        if r.outcome == outcome and r.statistic in pick.CHANGES and r.value is not None and r.weeks != 0
    ]
    compared = {(c.trial_id, c.cohort) for c in pick.preferred(evidence, "contrasts", kinds) if c.outcome == outcome}
    main = [r for r in rows if evidence.cohort(r).kind in ("all", "disease") or (r.trial_id, r.cohort) in compared]
    groups = [r for r in rows if r not in main]
    columns = (Column("Trial"), Column("When"), Column("Change within each arm"), Column("Read"))
    caption = f"{about.name}: change within each arm{apart}. Within-arm; not a comparison."
    smaller = "Groups whose difference between the arms was not read" if main else caption
    body = _changes(evidence, main or groups)
    figure = table_figure(
        figure_name(evidence, "arm-changes", outcome, apart),
        caption,
        columns,
        body,
        evidence,
        rows,
        tuple(pick.printed_notes(evidence, rows)),
        empty=f"{about.name}: no change within an arm is in the dataset for this scope{apart and f' from studies {design}'}.",
        kind="results",
        fold=opens(len(body), "trial or group", "trials and groups"),
    )
    return replace(figure, more=Table(smaller, columns, tuple(_changes(evidence, groups)), "results")) if main and groups else figure


def opens(count: int, one: str, several: str) -> str:
    """What opens a folded table: that it does, and how much stands in it."""
    return f"Open the table: {count} {one if count == 1 else several}"


def _changes(evidence: Evidence, rows: list[Row]) -> list[tuple[Cell, ...]]:
    """A line for each arm; what the arms of one group share stands once."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.trial_id, row.cohort, row.text("weeks"), row.text("weeks_to"), row.time_kind), []).append(row)
    return [
        (
            _who(evidence, arms[0]),
            cell(Span(words.time_text(arms[0]), ref=pick.addresses(arms)) if arms[0].weeks is not None else "time not reported"),
            cell(*(_change(evidence, row) for row in arms), *_models(arms)),
            cell(*dict.fromkeys(words.verification_text(evidence, row) for row in arms)),
        )
        for arms in groups.values()
    ]


def _change(evidence: Evidence, row: Row) -> Line:
    n = [Span(f", n {row.n}", ref=row.id, mark=pick.mark(row, "n"), tone="muted")] if row.n is not None else []
    return line(f"{words.at_start(words.arm_text(evidence, row))}: ", pick.figure_span(row, words.result_text(row)), *n)


def _models(arms: list[Row]) -> list[Span]:
    """How the figures of the arms came about."""
    models: dict[str, list[Row]] = {}
    for row in arms:
        models.setdefault(_model(row), []).append(row)
    return [Span(model, ref=pick.addresses(rows), tone="muted") for model, rows in models.items()]


def _model(row: Row) -> str:
    kind = "adjusted" if row.statistic.startswith("adjusted") else "median" if row.statistic.startswith("median") else "as observed"
    return row.model or kind


def symptoms(evidence: Evidence) -> Figure:
    """What patients noticed: symptoms, function and health status, trial by trial."""
    contrasts = pick.by_domain(evidence, pick.preferred(evidence, "contrasts"), SYMPTOM_DOMAINS)
    results = [r for r in pick.by_domain(evidence, pick.preferred(evidence, "arm_results"), SYMPTOM_DOMAINS) if r.weeks != 0]
    said = pick.statements(evidence, SYMPTOM_DOMAINS)
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in [*contrasts, *results, *said]:
        groups.setdefault((row.trial_id, row.cohort, row.outcome), []).append(row)
    order = {trial.trial_id: i for i, trial in enumerate(pick.trials_in_order(evidence))}
    used: list[Row] = []
    nulls: dict[tuple[str, str, str], list[Row]] = {}
    for key, rows in list(groups.items()):
        if len(rows) == 1 and rows[0].table == "statements" and rows[0].verdict == "no difference shown":
            nulls.setdefault((key[0], key[1], words.verification_text(evidence, rows[0])), []).append(groups.pop(key)[0])
    lines: list[tuple[int, tuple[Cell, ...]]] = []
    for (trial_id, _, outcome), rows in groups.items():
        used += rows
        about = evidence.row(outcome)
        lines.append(
            (
                order[trial_id],
                (
                    _who(evidence, rows[0]),
                    cell(about.name, *([Span(f"{about.better} is better", tone="muted")] if about.better else [])),
                    cell(*result_lines(evidence, rows)),
                    cell(*dict.fromkeys(words.verification_text(evidence, r) for r in rows)),
                ),
            )
        )
    for (trial_id, _, read), rows in nulls.items():
        used += rows
        named = [Span(evidence.outcome(row).name, ref=row.id) for row in rows]
        lines.append(
            (order[trial_id], (_who(evidence, rows[0]), cell(*named), cell("No difference between the arms was shown"), cell(read)))
        )
    body = [line for _, line in sorted(lines, key=lambda item: item[0])]
    columns = (Column("Trial"), Column("Outcome"), Column("Result"), Column("Read"))
    return table_figure(
        figure_name(evidence, "symptoms"),
        "Symptoms, function and health status. Figures in each arm are no comparison by themselves.",
        columns,
        body,
        evidence,
        used,
        tuple(pick.printed_notes(evidence, used)),
        empty="No patient-reported outcome of a randomised trial is in the dataset for this scope.",
        kind="results",
        fold=opens(len(body), "result", "results") if len(body) > LONG else "",
    )


def _who(evidence: Evidence, row: Row) -> Cell:
    """The trial, and the group where it is not the whole trial."""
    group = words.cohort_text(evidence, row)
    return cell(pick.trial_link(evidence.trial(row)), *([Span(group, tone="muted")] if group else []))


def result_lines(evidence: Evidence, rows: Sequence[Row]) -> list[Line]:
    """Results of one outcome in one trial: between the arms, in words, in each arm by its name."""
    lines = []
    for row in rows:
        if row.table == "contrasts":
            tail = "".join(f", {part}" for part in (words.time_text(row), words.direction_text(evidence, row)) if part)
            lines.append(line("Between the arms: ", pick.figure_span(row, words.result_text(row)), Span(tail, ref=row.id)))
    lines += [line(Span(row.says, ref=row.id)) for row in rows if row.table == "statements"]
    at: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.table == "arm_results":
            kind = ", change" if row.value is not None and row.statistic.endswith("change") else ""
            at.setdefault((kind, words.time_text(row)), []).append(row)
    for (kind, time), arms in at.items():
        spans: list[Span | str] = []
        for row in arms:
            value = words.per_100(row) or words.result_text(row)
            spans += [", " if spans else "", f"{words.arm_text(evidence, row)} ", pick.figure_span(row, value)]
        when = [" " if kind else ", ", Span(time, ref=pick.addresses(arms))] if time else []
        lines.append(line(f"In each arm{kind}", *when, ": ", *spans))
    return lines


def corrections_table(evidence: Evidence) -> Figure:
    """Which figures are not used as printed: what stood there, what is used, why. Like changes for one reason share a line."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for target in dict.fromkeys(evidence.row(record.row_id) for record in evidence["corrections"]):
        for discrepancy, printed, used in pick.corrected(target):
            groups.setdefault((discrepancy, printed, used), []).append(target)
    body, shown = [], []
    for (discrepancy, printed, used), targets in groups.items():
        reason = evidence.row(discrepancy)
        shown += [*targets, reason]
        body.append(
            (
                cell(Span(pick.row_names(evidence, targets), ref=pick.addresses(targets))),
                cell(Span(printed, ref=pick.addresses(targets), tone="muted")),
                cell(Span(used, ref=pick.addresses(targets))),
                cell(Span(reason.reason, ref=reason.id)),
            )
        )
    columns = (Column("Figure"), Column("Printed"), Column("Used"), Column("Why"))
    return table_figure(
        figure_name(evidence, "corrections"),
        "Figures that are not used as they were printed.",
        columns,
        body,
        evidence,
        shown,
        empty="No figure shown on this page was corrected. What was computed here is marked where it stands.",
    )


#: How a source was read, as a list of sources goes: nearest to the whole report first.
_READINGS = (
    "full text", "abstract", "copy of an abstract", "table page", "poster", "registry", "label", "review table", "press", "source article",
)  # fmt: skip
_REGISTRY = "ClinicalTrials.gov "


def sources_table(evidence: Evidence, rows_by_source: Mapping[str, int] | None = None) -> Figure:
    """Where figures were read: the sources by how each was read, and how many rows of data rest on them.

    Each source is the anchor ``source-ID``, to which the letters behind figures in sentences lead. ``rows_by_source`` says how
    many rows of each a page shows, and which sources it is about; without it they are all those of the scope.
    """
    counts = rows_by_source
    if counts is None:
        counts = Counter(r["source_id"] for table in evidence.tables if table != "sources" for r in evidence[table] if "source_id" in r)
    found: dict[str, list[Row]] = {}
    for source in sorted(evidence["sources"], key=lambda s: s.title.casefold()):
        if source.id in counts:
            found.setdefault(source.read_in, []).append(source)
    body = []
    for read_in in sorted(found, key=_READINGS.index):
        members = found[read_in]
        size = ", ".join((_counted(len(members), "source"), _counted(sum(counts[one.id] for one in members), "row")))
        body.append(
            (
                cell(words.read_in_head(read_in), Span(size, tone="muted")),
                cell(joined(f"{words.NO_BREAK}\u00b7 ", (_source(source) for source in members))),
            )
        )
    number = sum(len(members) for members in found.values())
    return table_figure(
        figure_name(evidence, "sources-table"),
        f"Where the data behind this page were read: {_counted(number, 'source')}, by how each was read, with the rows of data that rest on them.",
        (Column("Read"), Column("Sources")),
        body,
        evidence,
        [],
        empty="No source is in the dataset for this scope.",
        kind="list",
    )


def _source(source: Row) -> Line:
    """The name of a source, as the anchor to which letters lead; a number of the common registry speaks for itself."""
    name = line(Span(source.title.removeprefix(_REGISTRY), link=source.link, anchor=f"source-{source.source_id}"))
    return (*name, Span(f" (on {words.date_text(source.read_on)})", ref=source.id, tone="muted")) if source.read_on else name


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
