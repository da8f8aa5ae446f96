"""What has been studied in what, and how far trials filled: the map of the evidence and the enrolment."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from ..evidence import Evidence, Row
from . import rows as pick
from . import text as words
from . import theme
from .figure import Cell, Column, Figure, Line, Span, Table, cell, figure_name, joined, line, sources_of
from .svg import Drawing, axis_ticks

#: Classes that are no treatment under study.
_NO_TREATMENT = ("placebo", "standard care")

#: Patients from which on a mark no longer grows: one register must not shrink every trial to a dot.
_MOST = 1000

_ROLES = ("intervention", "active comparator", "all")


@dataclass(frozen=True)
class _Study:
    """A study of one treatment in one disease: how many patients of that disease it had, where they were counted, and else
    how many of ``several`` diseases together; ``sized`` are the rows that say so."""

    trial: Row
    patients: int | None
    sized: tuple[Row, ...]
    several: int | None = None

    @property
    def randomised(self) -> bool:
        return self.trial.kind in pick.RANDOMISED

    @property
    def size(self) -> Span:
        """How many, in words: ``90 patients``, ``170 of several diseases``."""
        if self.patients is None and self.several is None:
            return Span("number not read", tone="muted")
        mark = "".join(dict.fromkeys(pick.mark(row, "n_randomised", "n") for row in self.sized))
        said = (
            f"{self.several} of several diseases"
            if self.patients is None
            else f"{self.patients} {words.unit_text('patients', self.patients)}"
        )
        return Span(said, ref=pick.addresses(self.sized), mark=mark, tone="muted")


Place = tuple[str, str]  #: treatment, disease


def evidence_map(evidence: Evidence) -> Figure:
    """Which treatment was studied in which disease, by chance or not, and in how many patients.

    A mark is a study; one that enrolled several diseases stands in each, with the patients of that disease where they
    were counted. Extensions and pooled analyses are left out: their patients are in other studies; so are studies under way.
    """
    studies = _studies(evidence)
    name = figure_name(evidence, "evidence-map")
    if not studies:
        nothing = "No study of a treatment is in the dataset for this scope."
        return Figure(name, nothing, nothing)
    treatments = _treatments(evidence, studies)
    diseases = [d for d in words.DISEASES if any(place[1] == d for place in studies)]
    counted = {study.trial.trial_id: study.randomised for found in studies.values() for study in found}
    randomised = sum(counted.values())
    caption = (
        f"What has been studied in what: {len(counted)} {'study' if len(counted) == 1 else 'studies'}, {randomised} of them randomised. "
        "The area of a mark is the number of patients."
    )
    capped = f", the largest for {_MOST} and more" if any((s.patients or 0) > _MOST for found in studies.values() for s in found) else ""
    legend = (
        "Filled: randomised. Open: not randomised. A study of several diseases or treatments has a mark for each, with the patients of that "
        f"disease; the smallest mark also stands where these were not counted or not read{capped}. "
        "Extensions, pooled analyses and studies under way are left out."
    )
    order = _order(studies, treatments, diseases)
    said = line("Evidence map: ", *joined("; ", (_alt(evidence, place, studies[place]) for place in order)), ".")
    body = [
        (
            cell(evidence.row(place[0]).name, Span(place[1], tone="muted")),
            _listed([study for study in studies[place] if study.randomised]),
            _listed([study for study in studies[place] if not study.randomised]),
        )
        for place in order
    ]
    table = Table("Studies by treatment and disease", (Column("Treatment"), Column("Randomised"), Column("Not randomised")), tuple(body))
    wide, narrow = (_draw_map(evidence, studies, treatments, diseases, layout, name) for layout in (theme.WIDE, theme.NARROW))
    used = [row for found in studies.values() for study in found for row in study.sized]
    return Figure(
        name, caption, said, table, wide, narrow, sources_of(evidence, used, ("n_randomised", "n")),
        tuple(pick.printed_notes(evidence, used)), legend,
    )  # fmt: skip


def _studies(evidence: Evidence) -> dict[Place, list[_Study]]:
    """The studies at each place of the map, within what the scope asks for."""
    scope = next(iter(evidence["scopes"]), None) if evidence.scope_name else None
    diseases, classes = (set((scope.get(column) if scope else None) or ()) for column in ("diseases", "classes"))
    class_of = {row.treatment: row["class"] for row in evidence["treatments"]}
    found: dict[Place, list[_Study]] = {}
    for trial in pick.trials_in_order(evidence, [k for k in (*pick.RANDOMISED, *pick.NOT_RANDOMISED) if k != "extension"]):
        given = dict.fromkeys(
            treatment
            for arm in evidence["arms"]
            if arm.trial_id == trial.trial_id and arm.role in _ROLES
            for treatment in arm.treatment or ()
            if treatment in class_of and class_of[treatment] not in _NO_TREATMENT and (not classes or class_of[treatment] in classes)
        )
        for disease in trial.disease:
            if not diseases or disease in diseases:
                for treatment in given:
                    found.setdefault((treatment, disease), []).append(_study(evidence, trial, disease))
    return found


def _study(evidence: Evidence, trial: Row, disease: str) -> _Study:
    groups = [c for c in evidence["cohorts"] if c.trial_id == trial.trial_id and c.kind == "disease" and c.n is not None]
    alone = [c for c in groups if c.disease == (disease,)]
    if alone:
        # Groups of one partition share no patient.
        counted = tuple(c for c in alone if c.partition == alone[0].partition) if alone[0].partition else tuple(alone[:1])
        return _Study(trial, sum(c.n for c in counted), counted)
    whole = pick.whole_trial(evidence, trial)
    sized = trial if trial.n_randomised is not None or whole is None else whole
    patients = sized.n_randomised if sized is trial else sized.n
    if len(trial.disease) == 1 or patients is None or (whole is not None and whole.disease == (disease,)):
        return _Study(trial, patients, (sized,))
    among = min((c for c in groups if disease in c.disease), key=lambda c: c.n, default=None)
    return _Study(trial, None, (among or sized,), among.n if among is not None else patients)


def _treatments(evidence: Evidence, studies: dict[Place, list[_Study]]) -> dict[str, list[str]]:
    """The treatments of the map under their classes: most studied class first, in a class by the alphabet."""
    rows = [row for row in evidence["treatments"] if any(place[0] == row.treatment for place in studies)]
    grouped: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.name.casefold()):
        grouped.setdefault(row["class"], []).append(row)
    weight = {
        name: sum(len(found) for place, found in studies.items() if place[0] in {r.treatment for r in rows})
        for name, rows in grouped.items()
    }
    return {name: [row.treatment for row in grouped[name]] for name in sorted(grouped, key=lambda name: (-weight[name], name))}


def _order(studies: dict[Place, list[_Study]], treatments: dict[str, list[str]], diseases: Sequence[str]) -> list[Place]:
    return [(t, d) for members in treatments.values() for t in members for d in diseases if (t, d) in studies]


def _alt(evidence: Evidence, place: Place, studies: list[_Study]) -> Line:
    named = []
    for study in studies:
        named.append(line(f"{study.trial.acronym} ({'randomised' if study.randomised else 'not randomised'}, ", study.size, ")"))
    return line(f"{evidence.row(place[0]).name} in {place[1]}: ", *joined(", ", named))


def _listed(studies: list[_Study]) -> Cell:
    lines: list[Line] = [line(pick.trial_link(study.trial), Span(", ", tone="muted"), study.size) for study in studies]
    return cell(*lines) if lines else cell(Span("–", tone="muted"))


_CLASSES = {"transplant": "Stem-cell transplant", "other": "Other"}


def _draw_map(evidence: Evidence, studies: dict[Place, list[_Study]], treatments: dict[str, list[str]], diseases: list[str],
              layout: theme.Layout, name: str) -> str:  # fmt: skip
    wide = layout is theme.WIDE
    drawing = Drawing(layout, 0, 0, (0.0, float(layout.width)))
    left = 210 if wide else 0
    column = min((layout.width - left) / len(diseases), 120)
    centre = {disease: left + column * (n + 0.5) for n, disease in enumerate(diseases)}
    most = min(max((s.patients or 0 for found in studies.values() for s in found), default=0) or 1, _MOST)
    largest = 11.0 if wide else 9.0
    step, small_step = layout.size + 5, layout.small + 4
    y = 10.0
    for number, (group, members) in enumerate(treatments.items()):
        y += 12 if number else 0
        title = _CLASSES.get(group, words.at_start(group))
        drawing.text(0, y, title, bold=True)
        y += 0 if wide else step
        for disease in diseases:
            drawing.text(centre[disease], y, disease, align="center", color=theme.MUTED, size=layout.small)
        y += small_step
        for treatment in members:
            drawing.rule(0, layout.width, y - 4, y - 4, at="px", color=theme.GRID, width=1)
            labels = textwrap.wrap(evidence.row(treatment).name, layout.fits((left or layout.width) - 10, small=True))
            for n, label in enumerate(labels):
                drawing.text(0, y + 8 + n * small_step, label, size=layout.small)
            top = y + 8 if wide else y + 6 + len(labels) * small_step
            deepest = y + 8 + (len(labels) - 0.5) * small_step
            for disease in diseases:
                found = studies.get((treatment, disease), [])
                radii = [max(largest * (min(s.patients or 0, most) / most) ** 0.5, 2.5) for s in found]
                for x, row_y, radius, study in _packed(found, radii, centre[disease], top, column - 6):
                    drawing.point(x, row_y, at="px", shape="circle", size=3.14159 * radius**2, hollow=not study.randomised)
                    deepest = max(deepest, row_y + radius)
            y = deepest + 9
    return drawing.svg(name, y)


def _packed(studies: list[_Study], radii: list[float], centre: float, top: float, width: float) -> list[tuple[float, float, float, _Study]]:
    """Marks side by side around the middle of a cell, in as many lines as they need."""
    lines: list[list[int]] = []
    for n, radius in enumerate(radii):
        taken = sum(2 * radii[i] + 3 for i in lines[-1]) if lines else 0
        if not lines or taken + 2 * radius > width:
            lines.append([])
        lines[-1].append(n)
    placed, y = [], top
    for number, members in enumerate(lines):
        tallest = max(radii[i] for i in members)
        y += tallest + 3 if number else 0
        x = centre - (sum(2 * radii[i] for i in members) + 3 * (len(members) - 1)) / 2
        for i in members:
            placed.append((x + radii[i], y, radii[i], studies[i]))
            x += 2 * radii[i] + 3
        y += tallest
    return placed


# --- enrolment ----------------------------------------------------------------------------------------


def enrolment(evidence: Evidence) -> Figure:
    """How many patients each randomised trial planned and how many it randomised, with the reason where it stopped early."""
    trials = pick.trials_in_order(evidence, pick.RANDOMISED)
    drawn = [trial for trial in trials if trial.n_planned is not None and trial.n_randomised is not None]
    name = figure_name(evidence, "enrolment")
    if not drawn:
        nothing = "No randomised trial of this scope has both its planned and its randomised number in the dataset."
        return Figure(name, nothing, nothing)
    below = sum(trial.n_randomised < trial.n_planned for trial in drawn)
    caption = f"Patients planned and randomised: {below} of {len(drawn)} {'trial' if len(drawn) == 1 else 'trials'} randomised fewer than planned."
    legend = "Filled: randomised. Open: planned."
    said = line("Enrolment: ", *joined("; ", (Span(_enrolled(trial), ref=trial.id) for trial in drawn)), ".")
    body = tuple(
        (
            pick.name_cell(trial),
            cell(_count(trial, "n_planned")),
            cell(_count(trial, "n_randomised")),
            cell(Span(f"{_share(trial)}%*", ref=trial.id) if trial in drawn else Span("–", tone="muted")),
            cell(Span(words.at_start(trial.stop_reason), ref=trial.id) if trial.stop_reason else Span("–", tone="muted")),
            cell(words.verification_text(evidence, trial, "n_planned")),
        )
        for trial in trials
        if trial.n_planned is not None
    )
    columns = (Column("Trial"), Column("Planned"), Column("Randomised"), Column("Share"), Column("Stopped early because"), Column("Read"))
    table = Table("Patients planned and randomised", columns, body)
    unknown = [trial.acronym for trial in trials if trial not in drawn]
    notes = [line(f"Planned or randomised number not reported here: {pick.sentence_list(unknown)}.")] if unknown else []
    notes.insert(0, line("In the data table: * the share is computed here from the two."))
    notes += pick.printed_notes(evidence, drawn)
    wide, narrow = (_draw_enrolment(drawn, layout, name) for layout in (theme.WIDE, theme.NARROW))
    shown = ("year", "n_planned", "n_randomised", "stop_reason")
    used = [trial for trial in trials if trial.n_planned is not None]
    return Figure(name, caption, said, table, wide, narrow, sources_of(evidence, used, shown), tuple(notes), legend)


def _count(trial: Row, column: str) -> Span:
    if trial[column] is None:
        return Span("not reported here", tone="muted")
    return Span(str(trial[column]), ref=trial.id, mark=pick.mark(trial, column))


def _share(trial: Row) -> str:
    return str((Decimal(100 * trial.n_randomised) / Decimal(trial.n_planned)).quantize(Decimal("1"), ROUND_HALF_UP))


def _enrolled(trial: Row) -> str:
    stopped = f", stopped early: {words.in_sentence(trial.stop_reason)}" if trial.stop_reason else ""
    return f"{trial.acronym}, {trial.n_randomised} randomised of {trial.n_planned} planned{stopped}"


def _draw_enrolment(trials: list[Row], layout: theme.Layout, name: str) -> str:
    wide = layout is theme.WIDE
    most = float(max(max(t.n_planned, t.n_randomised) for t in trials)) * 1.04
    left, right = (236, 110) if wide else (6, 12)
    drawing = Drawing(layout, left, right, (0.0, most))
    drawing.axis(axis_ticks(0, most, 5 if wide else 4), "Patients")
    step, small_step = layout.size + 6, layout.small + 4
    y = 10.0
    for trial in trials:
        drawing.text(0, y, trial.acronym, bold=True)
        counted = f"{trial.n_randomised} of {trial.n_planned}{pick.mark(trial, 'n_planned', 'n_randomised')}"
        drawing.text(layout.width, y, counted, align="right", size=layout.small, ref=trial.id)
        middle, under = (y, y + step - 2) if wide else (y + step, y + 2 * step)
        reason = f"Stopped early: {words.in_sentence(trial.stop_reason)}" if trial.stop_reason else ""
        for part in textwrap.wrap(reason, layout.fits(left - 20 if wide else layout.width, small=True)):
            drawing.text(0, under, part, color=theme.MUTED, size=layout.small, ref=trial.id)
            under += small_step
        drawing.rule(0.0, most, middle, middle, color=theme.GRID, width=1)
        drawing.rule(float(trial.n_randomised), float(trial.n_planned), middle, middle, color=theme.MUTED, width=2)
        drawing.point(float(trial.n_planned), middle, shape="circle", hollow=True, color=theme.COMPARATOR)
        drawing.point(float(trial.n_randomised), middle, shape="circle")
        y = under + 6
    return drawing.svg(name, y - 4)
