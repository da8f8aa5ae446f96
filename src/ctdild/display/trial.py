"""What the page of one trial shows: its facts, its arms and groups, what sources say, where they disagree, what was not read.

Its results are in `trialresults`.
"""

from __future__ import annotations

from ..evidence import POOLED, Evidence, Row
from . import rows as pick
from . import text as words
from .figure import Column, Figure, Line, Span, Table, cell, joined, line
from .trialresults import contrasts, in_order, note_spans, outcome_spans, own, results, section

#: Facts of a trial that have a column of their own, in the order of a reader's questions.
_FACTS = (
    ("Registered as", "registry_id"),
    ("Phase", "phase"),
    ("Design", "design"),
    ("Masking", "masking"),
    ("Allocation", "allocation"),
    ("Patients", "population"),
    ("Sites", "sites"),
    ("Countries", "countries"),
    ("Weeks of comparison", "duration_weeks"),
    ("Patients planned", "n_planned"),
    ("Patients randomised", "n_randomised"),
    ("Background treatment", "background"),
    ("Primary outcome as published", "primary_outcome"),
    ("Primary outcome as registered", "primary_outcome_registered"),
    ("Primary outcome met", "primary_met"),
    ("Stopped early because", "stop_reason"),
    ("Sponsor", "sponsor"),
    ("Status", "status"),
)

#: Facts that every study of a kind has, so that a hole is worth a word.
_OF_ANY_STUDY = ("sites", "countries")
_OF_AN_EXPERIMENT = (*_OF_ANY_STUDY, "registry_id", "n_planned", "background", "primary_outcome", "primary_outcome_registered")
_OF_A_RANDOMISED_TRIAL = (*_OF_AN_EXPERIMENT, "allocation", "duration_weeks", "n_randomised")

#: Kinds of studies in which the investigators gave the treatment.
INTERVENTIONAL = (*pick.RANDOMISED, "single-arm", "extension")

#: What a cell says where it has no fact.
_NO_FACT = ("", "Not read", "not read", "not applicable", "not reported")


def trial_figures(evidence: Evidence, trial_id: str) -> list[tuple[str, Figure]]:
    """The sections of a trial's page as (heading, figure); sections without a row are left out.

    Raises `KeyError` for an unknown trial.
    """
    trial = evidence.row(trial_id, "trials")
    sections = (
        ("Design", _facts(evidence, trial)),
        ("Arms", _arms(evidence, trial)),
        ("Groups", _cohorts(evidence, trial)),
        ("Not read here", _missing(evidence, trial)),
        ("Differences between the arms", contrasts(evidence, trial)),
        ("Tests of interaction", _interactions(evidence, trial)),
        ("Results in each arm", results(evidence, trial)),
        ("What sources say in words", _statements(evidence, trial)),
        ("Where sources disagree", _discrepancies(evidence, trial)),
        ("Reports", _reports(evidence, trial)),
    )
    found = [(heading, figure) for heading, figure in sections if figure is not None]
    return [*found, ("Sources", _sources(evidence, trial, [figure for _, figure in found]))]


def registry_link(evidence: Evidence, trial: Row) -> str | None:
    """Where the registry shows the record of a trial; None where no address is known."""
    number = trial.registry_id
    if not number:
        return None
    records = (source for source in evidence["sources"] if source.read_in == "registry" and source.link)
    found = next((source.link for source in records if number.split()[-1] in f"{source.title} {source.link}"), None)
    return found or (f"https://clinicaltrials.gov/study/{number}" if number.startswith("NCT") else None)


def _expected(trial: Row) -> tuple[str, ...]:
    """The facts that a study of this kind has."""
    if trial.kind not in INTERVENTIONAL:
        return () if trial.kind in POOLED else _OF_ANY_STUDY
    facts = _OF_A_RANDOMISED_TRIAL if trial.kind in pick.RANDOMISED else _OF_AN_EXPERIMENT
    return tuple(fact for fact in facts if trial.status in pick.REPORTED or fact != "n_randomised")


def _facts(evidence: Evidence, trial: Row) -> Figure | None:
    """Design and conduct; what was not read of them, and what to know of the trial as a whole."""
    body, unread = [], []
    expected = _expected(trial)
    published = evidence.source(trial, "primary_outcome").read_in != "registry"
    for name, column in _FACTS:
        text = _fact(trial, column)
        if column.startswith("primary_outcome") and not published:
            lines = _primary_of_the_record(trial)
            if column == "primary_outcome" and trial.status in pick.REPORTED:
                body.append((cell(name), cell(Span("not read in the paper", tone="muted"))))
            elif column != "primary_outcome" and lines:
                body.append((cell(name), cell(*(line(one, _reading(evidence, trial, "primary_outcome")) for one in lines))))
            if column != "primary_outcome" and not lines and column in expected:
                unread.append(words.in_sentence(name))
        elif column == "primary_met" and text == "unclear" and evidence.provenance(trial, column) is trial:
            body.append((cell(name), cell(Span("Unclear from what was read", ref=trial.id))))
        elif text not in _NO_FACT:
            link = registry_link(evidence, trial) if column == "registry_id" else None
            span = Span(words.with_minus(words.at_start(text)), ref=trial.id, mark=pick.mark(trial, column), link=link)
            body.append((cell(name), cell(line(span, _reading(evidence, trial, column)))))
        elif column in expected:
            unread.append("registry number" if column == "registry_id" else words.in_sentence(name))
    whole = pick.whole_trial(evidence, trial)
    notes: list[Line] = [line(f"Not read: {pick.sentence_list(unread)}.")] if unread else []
    notes += [line(span) for span in note_spans([trial, *([whole] if whole is not None else [])])]
    shown = [trial, *([whole] if whole is not None and whole.note else [])]
    return section(evidence, trial, "facts", "design and conduct", ("Fact", "Here, and where it was read"), body, shown, "results", notes)


def _reading(evidence: Evidence, trial: Row, column: str) -> Span:
    """Where a fact was read, behind it."""
    return Span(f" \u00b7 {words.verification_text(evidence, trial, column)}", tone="muted")


def _fact(trial: Row, column: str) -> str:
    """A fact as text; of the background the rule, where what was taken was not read."""
    return trial.text(column) or (trial.text("background_policy") if column == "background" else "")


def _primary_of_the_record(trial: Row) -> list[Span]:
    """The primary outcome where both columns come from the record: each wording once."""
    texts = dict.fromkeys(trial.text(column) for column in ("primary_outcome_registered", "primary_outcome"))
    return [Span(text, ref=trial.id) for text in texts if text not in _NO_FACT]


def _arms(evidence: Evidence, trial: Row) -> Figure | None:
    counted = ("n_randomised", "n_treated", "n_analysed")
    rows = [
        arm
        for arm in own(evidence, "arms", trial)
        if arm.role != "all" or arm.regimen or arm.note or any(arm[column] is not None for column in counted)
    ]
    body = []
    for arm in rows:
        counts = [
            Span(f"{arm[column]} {name}", ref=arm.id, mark=pick.mark(arm, column))
            for name, column in zip(("randomised", "treated", "analysed"), counted, strict=True)
            if arm[column] is not None
        ]
        together = arm.role == "all"
        regimen = Span(arm.regimen, ref=arm.id) if arm.regimen else Span("–" if together else "regimen not read", tone="muted")
        body.append(
            (
                cell(words.at_start(arm.label), Span("all arms together" if together else arm.role, tone="muted")),
                cell(regimen, *note_spans([arm])),
                cell(*(counts or [Span("–" if together else "number not read", tone="muted")])),
                cell(words.verification_text(evidence, arm)),
            )
        )
    return section(evidence, trial, "arms", "arms", ("Arm", "Regimen", "Patients", "Read"), body, rows, "results")


def _cohorts(evidence: Evidence, trial: Row) -> Figure | None:
    rows = [row for row in own(evidence, "cohorts", trial) if row.kind != "all"]
    planned = {True: "prespecified", False: "post hoc", None: "whether planned was not read"}
    body = [
        (
            cell(Span(row.label, ref=row.id), Span(f"{row.kind}, {planned[row.prespecified]}", tone="muted")),
            cell(Span(row.definition, ref=row.id), *note_spans([row])),
            cell(_size(evidence, row)),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    return section(evidence, trial, "groups", "groups of patients", ("Group", "Who", "Patients", "Read"), body, rows, "results")


def _size(evidence: Evidence, cohort: Row) -> Span:
    """How many patients a group has: as read for the group, or else as one of its results counts them."""
    if cohort.n is not None:
        return Span(f"{cohort.n} patients", ref=cohort.id, mark=pick.mark(cohort, "n"))
    for row in evidence.shown("contrasts"):
        if (row.trial_id, row.cohort) == (cohort.trial_id, cohort.cohort) and row.n_a is not None and row.n_b is not None:
            return Span(f"{row.n_a} and {row.n_b} in a comparison below", ref=row.id)
    counted = {
        r.arm for r in evidence.shown("arm_results") if (r.trial_id, r.cohort) == (cohort.trial_id, cohort.cohort) and r.n is not None
    }
    return Span("see its results in each arm" if counted else "number not read", tone="muted")


#: Groups of outcomes that a reader looks for, and the domains that they are in.
_LOOKED_FOR = (
    ("FVC", ("lung function",)),
    ("what patients reported (symptoms, function, quality of life)", ("symptoms", "function", "health status")),
    ("harms", ("harms",)),
)
#: Outcomes of these domains that a patient does not report.
_NOT_REPORTED_BY_PATIENTS = ("6mwd", "physician-global", "extubation", "discharge", "hospital-stay")


def _missing(evidence: Evidence, trial: Row) -> Figure | None:
    """What of the results a reader will miss: none at all, or none on FVC, of patients' reports or on harms."""
    rows = [
        row
        for table in ("contrasts", "arm_results", "statements")
        for row in own(evidence, table, trial)
        if row.get("role") != "baseline" and evidence.outcome(row).domain not in ("baseline", "disposition")
    ]
    name = f"missing-{trial.trial_id}"
    if not rows:
        under_way = trial.status not in (*pick.REPORTED, "unknown")
        said = "No results yet: the study is under way." if under_way else "No result of this study was read."
        return Figure(name, said, said)
    if trial.kind not in INTERVENTIONAL or trial.status not in pick.REPORTED:
        return None
    unread = []
    for what, domains in _LOOKED_FOR:
        found = {row.outcome for row in rows if evidence.outcome(row).domain in domains} - set(_NOT_REPORTED_BY_PATIENTS)
        whole = {row.outcome for row in rows if evidence.cohort(row).kind == "all"}
        if what == "FVC" and any(one.startswith("fvc") for one in found) and not any(one.startswith("fvc") for one in found & whole):
            unread.append("FVC of the whole trial, only of groups")
        elif not (any(one.startswith("fvc") for one in found) if what == "FVC" else found):
            deaths = what == "harms" and any(row.get("role") == "safety" or row.outcome == "death-treatment" for row in rows)
            unread.append("harms other than deaths" if deaths else what)
    if not unread:
        return None
    said = line(f"No result was read on {pick.sentence_list(unread)}. That does not mean that the trial has none.")
    pooled = [pick.trial_link(other) for other in evidence["trials"] if trial.trial_id in (other.includes or ())]
    if pooled:
        said += (Span(" With other trials together: "), *joined(", ", pooled), Span("."))
    return Figure(name, said, said)


def _interactions(evidence: Evidence, trial: Row) -> Figure | None:
    rows = own(evidence, "interactions", trial)
    body = [
        (
            cell(evidence.outcome(row).name),
            cell(f"by {row.modifier}"),
            cell(Span(words.p_text(row), ref=row.id), *note_spans([row])),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    columns = ("Outcome", "Does the effect differ", "Interaction", "Read")
    return section(evidence, trial, "interactions", "tests of interaction", columns, body, rows, "results")


def _statements(evidence: Evidence, trial: Row) -> Figure | None:
    rows = in_order(evidence, [row for row in own(evidence, "statements", trial) if not row.withheld])
    body = [
        (
            cell(*outcome_spans(evidence, row), *([Span(group, tone="muted")] if (group := words.cohort_text(evidence, row)) else [])),
            cell(Span(words.with_minus(row.says), ref=row.id), *_leans(evidence, row), *note_spans([row])),
            cell(words.verification_text(evidence, row)),
        )
        for row in rows
    ]
    columns = ("Outcome", "What the source says", "Read")
    return section(evidence, trial, "statements", "what sources say, in the words of this review", columns, body, rows, "results")


def _leans(evidence: Evidence, row: Row) -> list[Span]:
    """That a statement names an arm without a test, where its note does not say so."""
    if row.caution != "no test read" or "no test" in (row.note or ""):
        return []
    return [Span(words.favours_text(evidence, row), ref=row.id, tone="muted")]


_PROOF = {"A": "proof: a primary text or arithmetic", "B": "proof: a second-hand source", "C": "not confirmed"}
_USED = {
    "stated": "The first",
    "corrected": "The second",
    "both": "Both, each with its source",
    "withheld": "Neither: the figures are withheld",
}


def _discrepancies(evidence: Evidence, trial: Row) -> Figure | None:
    """Subject, what one source says, what stands against it, which of the two is used and why."""
    rows = own(evidence, "discrepancies", trial)
    body = [
        (
            cell(
                Span(words.with_minus(row.subject), ref=row.id),
                Span("about the source article" if row.about == "article" else "between other sources", tone="muted"),
                anchor=f"discrepancy-{row.id}",
            ),
            cell(Span(words.with_minus(row.stated), ref=row.id)),
            cell(Span(words.with_minus(row.against), ref=row.id), Span(_PROOF[row.proof], tone="muted")),
            cell(Span(f"{_USED[row.used]}."), Span(words.with_minus(row.reason), ref=row.id), *note_spans([row])),
        )
        for row in rows
    ]
    columns = ("Subject", "First", "Second, against it", "Used here, and why")
    return section(evidence, trial, "discrepancies", "where sources disagree", columns, body, rows, kind="records")


_KINDS = {"main": "Main report", "secondary": "Other reports", "extension": "Extension", "protocol": "Protocol", "correction": "Correction",
          "retraction": "Retraction"}  # fmt: skip


def _reports(evidence: Evidence, trial: Row) -> Figure | None:
    """Papers and notices by kind, each with the day on which corrections of it were looked for, where there is one."""
    rows = own(evidence, "reports", trial)
    body = []
    for kind, name in _KINDS.items():
        lines = []
        for row in (row for row in rows if row.kind == kind):
            parts = [Span(_report_name(evidence, row), link=row.link or _doi_link(evidence, row.citation))]
            if row.note:
                parts.append(Span(f". {row.note.rstrip('.')}", ref=row.id, tone="muted"))
            if row.checked_on:
                parts.append(Span(f". Looked for corrections on {words.date_text(row.checked_on)}", ref=row.id, tone="muted"))
            lines.append(line(*parts))
        if lines:
            body.append((cell(name), cell(*lines)))
    return section(evidence, trial, "reports", "papers and notices", ("Kind", "Report"), body, [], "list")


def _report_name(evidence: Evidence, report: Row) -> str:
    """A report in one line: the work; else what a source at its address is called; else the address."""
    if report.citation:
        return evidence.work(report.citation)
    notice = report.kind in ("correction", "retraction")  # at the address of the paper, which it is not
    at = () if notice else (source.title for source in evidence["sources"] if source.link == report.link)
    return next(iter(at), None) or short_address(report.link) or report.report_id


def _doi_link(evidence: Evidence, citation: str | None) -> str | None:
    doi = evidence.bibliography.get(citation or "", {}).get("doi")
    return f"https://doi.org/{doi}" if doi else None


def short_address(link: str | None) -> str:
    """An address as paper shows it: ``doi:10.1056/NEJMoa055120``, ``PubMed 33007286``, ``clinicaltrials.gov/study/NCT00004563``."""
    if not link:
        return ""
    bare = link.removeprefix("https://").removeprefix("www.").removesuffix("/")
    for head, name in (("doi.org/", "doi:"), ("pubmed.ncbi.nlm.nih.gov/", "PubMed ")):
        if bare.startswith(head):
            return name + bare.removeprefix(head)
    return bare


def _sources(evidence: Evidence, trial: Row, figures: list[Figure]) -> Figure:
    """Every source of the page with its address in letters, for readers on paper, by how it was read."""
    held = dict.fromkeys([trial.source_id, *(source.source_id for figure in figures for source in figure.sources)])
    groups: dict[str, list[Row]] = {}
    for source in (evidence.row(one) for one in held):
        groups.setdefault(source.read_in, []).append(source)
    order = evidence.schema["sources"].field("read_in").constraints["enum"]
    body = tuple(
        (cell(words.read_in_head(read_in)), cell(*(_source(source) for source in groups[read_in])))
        for read_in in sorted(groups, key=order.index)
    )
    caption = f"{trial.acronym}: where the figures of this page were read."
    article = next((source for source in evidence["sources"] if source.read_in == "source article"), None)
    names_it = any("source article" in figure.plain() for figure in figures)
    note = (_article(evidence, article),) if names_it and article is not None else ()
    return Figure(
        f"sources-{trial.trial_id}", caption, caption, Table(caption, (Column("Read"), Column("Sources")), body, "list"), notes=note
    )


def _source(source: Row) -> Line:
    parts = [Span(source.title, link=source.link)]
    address = short_address(source.link)
    if address and source.title.rpartition(" ")[2] not in address:
        parts.append(Span(f", {address}", tone="muted"))
    return (*parts, *(Span(f". {span.text.rstrip('.')}", ref=span.ref, tone=span.tone) for span in note_spans([source])))


def _article(evidence: Evidence, source: Row) -> Line:
    """What "the source article" means."""
    fields = evidence.bibliography.get(source.citation or "", {})
    title = f"{fields['title']}, " if "title" in fields else ""
    name = source.title.partition("(")[2].rstrip(")") or source.title
    return line("“The source article” is the review that this one started from: ", Span(f"{title}{name}", link=source.link), ".")


def lead(evidence: Evidence, trial: Row) -> tuple[str, list[Span]]:
    """What stands under the title: how to cite; then the work, the record and the report, where there are such."""
    kinds = {report.citation: report.kind for report in evidence["reports"] if report.trial_id == trial.trial_id}
    cited = "the main report" if kinds.get(trial.citation) == "main" else "it"
    record, doi = registry_link(evidence, trial), _doi_link(evidence, trial.citation)
    links = ((f"registry record {trial.registry_id}", record), (short_address(doi), doi))
    return f"To cite {cited}:", [Span(evidence.work(trial.citation)), *(Span(name, link=link) for name, link in links if link)]
