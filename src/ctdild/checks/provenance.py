"""Whether a row cites what it says it was read in: the trial's own works, the right year, the right registry number.

A row is often begun by copying another one, and keeps its source. Years, numbers and addresses stand in more than one
table, so that a slip in one of them shows.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from ..evidence import Evidence, Row
from .finding import Finding, rows

_DOI = re.compile(r"10\.\d{4,9}/[^\s?#]+")
_REGISTRY = re.compile(r"NCT\d{6,10}|ISRCTN\d{6,10}|UMIN\d{7,11}|jRCT\d{8,12}|EudraCT \d{4}-\d{6}-\d{2}|NL-OMON\d+")


def related(evidence: Evidence) -> dict[str, set[str]]:
    """Each trial with the records that it contains and those that contain it.

    A meta-analysis stands alone: others wrote it, so that it is no report of the trials in it, nor do they share reports for it.
    """
    found = {row.trial_id: {row.trial_id} for row in rows(evidence, "trials")}
    for row in rows(evidence, "trials"):
        for part in (row.includes or ()) if row.kind != "meta-analysis" else ():
            found[row.trial_id].add(part)
            found.setdefault(part, {part}).add(row.trial_id)
    return found


def trial_works(evidence: Evidence) -> dict[str, set[str]]:
    """The works of each trial: its citation and its reports, and those of the records that it contains or is part of."""
    own: dict[str, set[str]] = {}
    for table in ("trials", "reports"):
        for row in rows(evidence, table):
            if row.citation:
                own.setdefault(row.trial_id, set()).add(row.citation)
    return {trial: set().union(*(own.get(t, set()) for t in family)) for trial, family in related(evidence).items()}


def cites_its_trial(evidence: Evidence) -> Iterator[Finding]:
    """A primary row of a trial was read in a report of that trial, in its registry record or in a regulator's text on its drug."""
    sources = {row.source_id: row for row in rows(evidence, "sources")}
    works = trial_works(evidence)
    families = related(evidence)
    numbers = {row.trial_id: row.registry_id for row in rows(evidence, "trials")}
    names: dict[str, set[str]] = {}
    for arm in rows(evidence, "arms"):
        names.setdefault(arm.trial_id, set()).update(arm.treatment or ())
    for table, schema in evidence.schema.items():
        if table == "discrepancies" or not {"trial_id", "source_id", "verification"} <= set(schema.columns):
            continue  # what stands against a trial may stand anywhere
        for row in rows(evidence, table):
            source = sources.get(row.source_id)
            if row.verification != "primary" or row.trial_id is None or source is None or source.citation in works.get(row.trial_id, ()):
                continue
            family = families.get(row.trial_id, {row.trial_id})
            if source.read_in == "label":
                fits = _names_one(source, names.get(row.trial_id, ()))
            elif source.citation is None:
                named = set(_REGISTRY.findall(" ".join(filter(None, (source.title, source.link, source.url)))))
                fits = bool(named & {numbers.get(t) for t in family}) or _names_one(source, _words(row.trial_id))
            else:
                fits = False
            if not fits:
                yield Finding(row, "source_id", f"read in {row.source_id} ({source.title}), which is no report or record of {row.trial_id}; inconsistent as printed",
                              "name the source that was read; or enter the work in reports.csv; or the level is secondary", (row.source_id,))  # fmt: skip


def _words(trial: str) -> list[str]:
    return [part for part in trial.split("-") if len(part) > 2 and not part.isdigit()]


def _names_one(source: Row, words: Iterable[str]) -> bool:
    """Whether the id or the title of a source holds one of these words."""
    text = f"{source.source_id} {source.title}".lower()
    return any(word.lower() in text for word in words)


#: A trial without results has the year of its registration, and its work is a design paper or none.
REPORTED = ("completed", "stopped early")


def years(evidence: Evidence) -> Iterator[Finding]:
    """Rule 26: the year of a trial is that of its main work in references.bib; a year inside an id is that of the row.

    None is later than the latest that the data know: the newest work, or the day of a status.
    """
    dates = [fields.get("year", "") for fields in evidence.bibliography.values()]
    dates += [row.status_as_of[:4] for row in rows(evidence, "trials") if row.status_as_of]
    latest = max((date for date in dates if re.fullmatch(r"\d{4}", date)), default="9999")
    for table in ("trials", "recommendations"):
        for row in rows(evidence, table):
            if row.year is None:
                continue
            work = evidence.bibliography.get(row.get("citation") or "", {}).get("year", "")
            stated = {}
            if re.fullmatch(r"\d{4}", work) and row.get("status") in REPORTED:
                stated[f"{row.citation} in references.bib"] = work
            if named := re.search(r"(?<=-)(19|20)\d\d(?=-|$)", row.id):
                stated["the id"] = named[0]
            if str(row.year) > latest:
                stated["the newest work"] = latest
            where = next((where for where, year in stated.items() if year != str(row.year)), None)
            if where:
                yield Finding(row, "year", f"{row.year}, but {where} says {stated[where]}; inconsistent as printed",
                              f"write {stated[where]}, if the source agrees", (str(row.year), stated[where]))  # fmt: skip


def registry_numbers(evidence: Evidence) -> Iterator[Finding]:
    """A registry number is that of a source of the trial, and no other trial's."""
    sources = {row.source_id: row for row in rows(evidence, "sources")}
    families = related(evidence)
    used: dict[str, set[str]] = {}
    for table, schema in evidence.schema.items():
        if {"trial_id", "source_id"} <= set(schema.columns):
            for row in rows(evidence, table):
                used.setdefault(row.trial_id or "", set()).add(row.source_id)
    owners = {row.registry_id: row.trial_id for row in rows(evidence, "trials") if row.registry_id}
    seen: dict[str, Row] = {}
    for trial in rows(evidence, "trials"):
        number = trial.registry_id
        if number is None:
            continue
        first = seen.setdefault(number, trial)
        if first is not trial and first.trial_id not in families[trial.trial_id]:
            yield Finding(
                trial,
                "registry_id",
                f"{number} is also the number of {first.trial_id}",
                "mend one of the two; one record is one trial, or its participants count twice",
            )
            continue
        texts = [
            " ".join(filter(None, (s.title, s.link, s.url, s.note)))
            for t in families[trial.trial_id]
            for i in sorted(used.get(t, ()))
            if (s := sources.get(i))
        ]
        named = list(dict.fromkeys(n for text in texts for n in _REGISTRY.findall(text)))
        candidates = [n for n in named if owners.get(n) in (None, trial.trial_id)]  # the record of a sister trial proves nothing
        if number not in named and candidates:
            close = difflib.get_close_matches(number, candidates, n=1, cutoff=0.8)
            repair = f"write {close[0]}" if close else f"write {' or '.join(candidates)}; or add the record to sources.csv"
            yield Finding(trial, "registry_id", f"{number}, but the sources of {trial.trial_id} name {', '.join(candidates)}; inconsistent as printed",
                          repair, (number, *candidates))  # fmt: skip


def links(evidence: Evidence) -> Iterator[Finding]:
    """The DOI of a link, or its registry number, is that of the cited work; the main report is what the trial cites."""
    for table in ("reports", "sources"):
        for row in rows(evidence, table):
            fields = evidence.bibliography.get(row.citation or "", {})
            link, work = _doi(row.link), _doi(fields.get("doi"))
            number = _REGISTRY.search(row.link or "")
            if link and work and not link.startswith(work):
                why, repair = f"{row.citation} has the DOI {work}", f"write https://doi.org/{work}; or cite the work that the link leads to"
            elif table == "reports" and number and fields and number[0] not in " ".join((row.citation, *fields.values())):
                why, repair = f"{row.citation} is another work", f"cite {number[0]}; or mend the link"
            else:
                continue
            yield Finding(row, "link", f"{row.link}, but {why}; inconsistent as printed", repair, (row.text("link"), row.citation))
    cited = {row.trial_id: row.citation for row in rows(evidence, "trials")}
    for row in rows(evidence, "reports"):
        if row.kind == "main" and row.citation and cited.get(row.trial_id) not in (None, row.citation):
            yield Finding(row, "citation", f"{row.citation} is the main report, but {row.trial_id} cites {cited[row.trial_id]}; inconsistent as printed",
                          f"write {cited[row.trial_id]}; or mend the trial", (row.citation, cited[row.trial_id]))  # fmt: skip


def _doi(text: str | None) -> str:
    found = _DOI.search(text or "")
    return found[0].lower().rstrip(".") if found else ""


def one_report(evidence: Evidence) -> Iterator[Finding]:
    """A work is a report of one trial, but where one record contains the other."""
    families = related(evidence)
    first: dict[str, Row] = {}
    for row in rows(evidence, "reports"):
        other = first.setdefault(row.citation, row) if row.citation else row
        if other.trial_id != row.trial_id and not families[row.trial_id] & families[other.trial_id]:
            yield Finding(row, "citation", f"{row.citation} is also a report of {other.trial_id} ({other.id}); inconsistent as printed",
                          "check whose report it is: one row may be copied from the other", (row.citation, other.trial_id))  # fmt: skip
