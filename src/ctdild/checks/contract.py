"""What the schema alone cannot say: ids, keys into other places, columns that need each other, units, levels of proof."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

from ..evidence import Evidence, Row, row_id
from ..measures import RATIOS
from .arithmetic import favoured_arm
from .finding import Finding, figures, rows
from .plausibility import CHANGES, INCIDENCE, LEVELS

# --- ids and keys ------------------------------------------------------------------------------------


def id_parts(evidence: Evidence) -> Iterator[Finding]:
    """The id of a row agrees with its trial, cohort, outcome, weeks and arm."""
    for row in rows(evidence, "contrasts"):
        yield from _id(row, "contrast_id", ("trial_id", "cohort", "outcome", "weeks"), optional="variant")
    for row in rows(evidence, "arm_results"):
        yield from _id(row, "result_id", ("trial_id", "cohort", "outcome", "weeks"), optional="variant", last="arm")
    for row in rows(evidence, "statements"):
        yield from _id(row, "statement_id", ("trial_id", "cohort", "outcome"), name="name")
    for row in rows(evidence, "interactions"):
        yield from _id(row, "interaction_id", ("trial_id", "outcome", "weeks"), name="modifier")


def _id(row: Row, column: str, parts: Sequence[str], optional: str = "", name: str = "", last: str = "") -> Iterator[Finding]:
    """Compare an id, segment by segment, with the columns it is made of; then the free segment and the closing column."""
    segments = row.id.split(".")
    wanted = [_weeks(row) if part == "weeks" else row[part] for part in parts]
    tail = [row[last]] if last else []
    free = segments[len(wanted) : len(segments) - len(tail)]
    if len(segments) > len(wanted) + len(tail) and tail and segments[-1] != tail[0] and segments[len(wanted)] == tail[0]:
        free = segments[len(wanted) + 1 :]  # the variant stands after the arm
    proposal = ".".join([*wanted, *free[:1], *tail])
    if row.id == proposal and (free or not name):
        return
    shown = dict(zip([*parts, *([last] if last else [])], [*wanted, *tail], strict=True))
    found = [*segments[: len(wanted)], *(segments[-1:] if last else [])]
    wrong = next((part for part, there in zip(shown, found, strict=False) if shown[part] != there), None)
    if wrong:
        there = found[list(shown).index(wrong)]
        message = f"the id says {there!r} where the column {wrong} says {shown[wrong]!r}"
    elif len(segments) < len(wanted) + len(tail) + bool(name):
        message = f"the id has too few parts; expected {'.'.join(shown)}" + (f".{name}" if name else "")
    else:
        optional = f"[.{optional}]" if optional else ""
        message = f"the id has too many parts; expected {'.'.join(parts)}{optional}" + "".join(f".{part}" for part in (name, last) if part)
    if name and not free:
        proposal += f".{name}"
    yield Finding(row, column, message, f"write {proposal}" + (f"; or mend the column {wrong}" if wrong else ""))


def _weeks(row: Row) -> str:
    """``w52``; ``wx`` without weeks."""
    return "wx" if row.weeks is None else f"w{row.weeks:g}".replace(".", "-")


def references(evidence: Evidence) -> Iterator[Finding]:
    """Addresses in lists and records lead somewhere."""
    cohorts = {row.id for row in rows(evidence, "cohorts")}
    arms = {row.id for row in rows(evidence, "arms")}
    for row in rows(evidence, "interactions"):
        missing = [c for c in row.cohorts if row_id("cohorts", (row.trial_id, c)) not in cohorts]
        if missing:
            known = [c.partition(".")[2] for c in cohorts if c.startswith(f"{row.trial_id}.")]
            yield _lost(row, "cohorts", missing[0], known, f"cohort of {row.trial_id}")
    for row in rows(evidence, "statements"):
        if row.favours and row_id("arms", (row.trial_id, row.favours)) not in arms:
            known = [a.partition("/")[2] for a in arms if a.startswith(f"{row.trial_id}/")]
            yield _lost(row, "favours", row.favours, known, f"arm of {row.trial_id}")
    for row in rows(evidence, "cell_sources"):
        ids = {r.id for r in rows(evidence, row["table"])}
        if row.row_id not in ids:
            yield _lost(row, "row_id", row.row_id, ids, f"row of {row['table']}")
        elif evidence.schema[row["table"]].field(row.column) is None:
            yield _lost(row, "column", row.column, evidence.schema[row["table"]].columns, f"column of {row['table']}")
    by_id = {row.discrepancy_id: row for row in rows(evidence, "discrepancies")}
    for row in rows(evidence, "source_claims"):
        missing = [address for address in row.row_ids or () if address not in evidence]
        if missing:
            yield _lost(row, "row_ids", missing[0], [r.id for table in evidence.tables for r in evidence[table]], "row of any table")
        yield from _verdict(row, [by_id[one] for one in row.discrepancy_ids or () if one in by_id])
    used = {row.discrepancy_id: row.used for row in rows(evidence, "discrepancies")}
    for row in rows(evidence, "corrections"):
        if used.get(row.discrepancy_id) in ("stated", "withheld"):
            yield Finding(row, "discrepancy_id", f"{row.discrepancy_id} says that the review uses what is {used[row.discrepancy_id]}, but this corrects a cell",
                          "write corrected in column used of the discrepancy, or remove the correction")  # fmt: skip


#: What must be true of a discrepancy that a claim names, for the claim to be called so.
_VERDICTS = {
    "qualified": ("proved", lambda reason: reason.proof in ("A", "B")),
    "corrected": ("proved and used", lambda reason: reason.proof in ("A", "B") and reason.used == "corrected"),
    "doubted": ("left unconfirmed", lambda reason: reason.proof == "C"),
    "withheld": ("named", lambda reason: True),
}


def _verdict(row: Row, reasons: list[Row]) -> Iterator[Finding]:
    """A claim is called corrected, qualified, doubted or withheld because a discrepancy says so, and as surely as it does."""
    what, fits = _VERDICTS.get(row.fate, ("", None))
    if fits and not reasons:
        yield Finding(row, "discrepancy_ids", f"the claim is {row.fate}, and no discrepancy says why", "name the discrepancy")
    elif fits and not any(fits(reason) for reason in reasons):
        found = "; ".join(f"{reason.id}: proof {reason.proof}, used {reason.used}" for reason in reasons)
        yield Finding(row, "fate", f"the claim is {row.fate}, and none of its discrepancies is {what} ({found})",
                      "choose the verdict that they bear: corrected, qualified or doubted")  # fmt: skip


def _lost(row: Row, column: str, value: str, known: Iterable[str], what: str) -> Finding:
    close = difflib.get_close_matches(value, known, n=1)
    return Finding(row, column, f"{value!r} is no {what}", f"write {close[0]}" if close else "name an existing one")


def citations(evidence: Evidence) -> Iterator[Finding]:
    """Every citation is a key of references.bib."""
    for table in evidence.schema:
        for row in rows(evidence, table):
            if row.get("citation") and row.citation not in evidence.bibliography:
                close = difflib.get_close_matches(row.citation, evidence.bibliography, n=1)
                yield Finding(row, "citation", f"{row.citation!r} is no key of references.bib",
                              f"write {close[0]}" if close else "add the work to references.bib")  # fmt: skip


def cohort_tree(evidence: Evidence) -> Iterator[Finding]:
    """`all` is the root of each trial's cohorts; every other one has a parent in the same trial, without circles."""
    parents = {row.id: row_id("cohorts", (row.trial_id, row.parent)) if row.parent else None for row in rows(evidence, "cohorts")}
    names: dict[str, list[str]] = {}
    for row in rows(evidence, "cohorts"):
        names.setdefault(row.trial_id, []).append(row.cohort)
    for row in rows(evidence, "cohorts"):
        if (row.cohort == "all") != (row.kind == "all"):
            yield Finding(row, "kind", f"cohort {row.cohort} has kind {row.kind}; all, and only all, has kind all", "mend cohort or kind")
        elif row.cohort == "all":
            if row.parent:
                yield Finding(row, "parent", "the cohort of all patients is part of no other", "empty the cell")
        elif not row.parent:
            yield Finding(row, "parent", "empty; a group is part of another one", "write all")
        elif parents[row.id] not in parents:
            yield _lost(row, "parent", row.parent, names[row.trial_id], f"cohort of {row.trial_id}")
        else:
            seen, here = set(), row.id
            while here and here not in seen:
                seen.add(here)
                here = parents.get(here)
            if here == row.id:
                yield Finding(row, "parent", f"{row.id} is part of itself, by way of {row.parent}", "write all")
    for trial in rows(evidence, "trials"):
        if "all" not in names.get(trial.trial_id, ()):
            yield Finding(trial, "trial_id", f"{trial.trial_id} has no cohort all", "add it to cohorts.csv")


def includes(evidence: Evidence) -> Iterator[Finding]:
    """No record contains itself."""
    for row in rows(evidence, "trials"):
        if row.trial_id in (row.includes or ()):
            yield Finding(row, "includes", f"{row.trial_id} contains itself", "remove it from the list")


def preferred(evidence: Evidence) -> Iterator[Finding]:
    """Exactly one row of each quantity is preferred; none is needed where all are withheld."""
    groups: dict[tuple, list[Row]] = {}
    for table in ("contrasts", "arm_results"):
        for row in rows(evidence, table):
            arms = (row.arm,) if table == "arm_results" else tuple(sorted((row.arm_a, row.arm_b)))
            groups.setdefault((table, row.trial_id, row.cohort, row.outcome, row.weeks, row.time_kind, arms), []).append(row)
    for group in groups.values():
        chosen = [row for row in group if row.preferred]
        if not chosen and not all(row.withheld for row in group):
            others = f", nor {', '.join(row.id for row in group[1:])}" if len(group) > 1 else ""
            yield Finding(
                group[0],
                "preferred",
                f"no row of this quantity is preferred, not this one{others}",
                "write true in the one that displays should use",
            )
        for row in chosen[1:]:
            yield Finding(row, "preferred", f"two rows of one quantity are preferred: {chosen[0].id} (line {chosen[0].line}) and this one",
                          "write false in one of them")  # fmt: skip


# --- columns that need each other --------------------------------------------------------------------


def contrast_arms(evidence: Evidence) -> Iterator[Finding]:
    """A contrast compares two different arms, neither of them both arms together."""
    roles = {row.id: row.role for row in rows(evidence, "arms")}
    for row in rows(evidence, "contrasts"):
        if row.arm_a == row.arm_b:
            yield Finding(row, "arm_b", f"arm {row.arm_b} is compared with itself", "name the other arm")
            continue
        for column in ("arm_a", "arm_b"):
            if roles.get(row_id("arms", (row.trial_id, row[column]))) == "all":
                yield Finding(row, column, f"{row[column]!r} stands for all arms together", "name one arm")


def favours(evidence: Evidence) -> Iterator[Finding]:
    """`favours` is one of the two arms where there is an estimate with a direction, and empty without."""
    better = {row.outcome: row.better for row in rows(evidence, "outcomes")}
    for row in rows(evidence, "contrasts"):
        if row.favours and row.estimate is None:
            yield Finding(
                row,
                "favours",
                f"says {row.favours}, but there is no estimate",
                "empty the cell; what is said without a figure is a row of statements.csv",
            )
        elif row.favours and row.favours not in (row.arm_a, row.arm_b):
            yield Finding(row, "favours", f"{row.favours!r} is neither {row.arm_a} nor {row.arm_b}", f"write {row.arm_a} or {row.arm_b}")
        elif not row.favours and (arm := favoured_arm(row, better.get(row.outcome))):
            yield Finding(row, "favours", f"empty, but the estimate {row.text('estimate')} favours {arm}", f"write {arm}")


def complete_interval(evidence: Evidence) -> Iterator[Finding]:
    """An interval has both limits, its level or kind, and an estimate."""
    for row in rows(evidence, "contrasts"):
        limits = [c for c in ("ci_low", "ci_high") if row[c] is not None]
        shown = figures(row, "estimate", "ci_low", "ci_high", "ci_level")
        if len(limits) == 1:
            missing = "ci_high" if limits == ["ci_low"] else "ci_low"
            yield Finding(
                row, missing, f"only one limit of the interval is there: {limits[0]} {row.text(limits[0])}", "enter the other one", shown
            )
        elif limits and row.ci_level is None:
            yield Finding(row, "ci_level", "empty, but there is an interval", "enter the level, 95 in most sources")
        elif limits and row.estimate is None:
            yield Finding(
                row,
                "estimate",
                f"an interval from {row.text('ci_low')} to {row.text('ci_high')} without its estimate; inconsistent as printed",
                "enter the estimate",
                shown,
            )
        elif not limits and row.ci_level is not None:
            yield Finding(row, "ci_level", "given, but there is no interval", "enter the limits, or empty the cell")
    for row in rows(evidence, "arm_results"):
        limits = [c for c in ("low", "high") if row[c] is not None]
        if len(limits) == 1:
            missing = "high" if limits == ["low"] else "low"
            yield Finding(
                row,
                missing,
                f"only one limit is there: {limits[0]} {row.text(limits[0])}",
                "enter the other one",
                figures(row, "value", "low", "high"),
            )
        elif bool(limits) != bool(row.interval_kind):
            yield Finding(
                row,
                "interval_kind",
                "empty, but there are limits" if limits else "given, but there are no limits",
                "write CI, IQR or range; or mend the limits",
            )
        elif (row.interval_kind == "CI") != (row.level is not None):
            yield Finding(row, "level", "empty, but there is a confidence interval" if row.interval_kind else "given, but there is no confidence interval",
                          "enter the level, 95 in most sources" if row.interval_kind == "CI" else "empty the cell")  # fmt: skip


def complete_p(evidence: Evidence) -> Iterator[Finding]:
    """A p-value has its relation; only `ns` stands without a figure."""
    for row in rows(evidence, "contrasts"):
        if row.p_value is not None and row.p_relation is None:
            yield Finding(row, "p_relation", f"empty, but p is {row.text('p_value')}", "write = or what the source printed")
        elif row.p_value is None and row.p_relation in ("=", "<", "<="):
            yield Finding(row, "p_value", f"empty, but its relation is {row.p_relation}", "enter p, or empty p_relation")


#: Column that holds the figure, by statistic.
FIGURE_OF = {"percent": "percent", "count": "events"}


def complete_result(evidence: Evidence) -> Iterator[Finding]:
    """A result holds the figure that it announces, and says what its spread and its counts are."""
    for row in rows(evidence, "arm_results"):
        column = FIGURE_OF.get(row.statistic, "value")
        if row[column] is None:
            yield Finding(
                row, column, f"empty, but the statistic is {row.statistic}", "enter the figure, or remove the row: a hole stays a hole"
            )
        elif (row.spread is None) != (row.spread_kind is None):
            missing = "spread" if row.spread is None else "spread_kind"
            yield Finding(row, missing, "empty, but its partner column is filled", "enter SD or SE beside its figure, or empty both")
        elif row.spread is not None and row.statistic.startswith("median"):
            yield Finding(row, "statistic", f"{row.statistic}, but {row.spread_kind} {row.text('spread')} is beside it; inconsistent as printed",
                          "a standard deviation or error belongs to a mean: mend statistic or spread", figures(row, "value", "spread", "spread_kind"))  # fmt: skip
        elif row.events is not None and row.counts is None:
            yield Finding(row, "counts", f"empty, but there are {row.events} events", "write patients, events or pairs")
        elif row.percent is not None and row.n is None and not row.note and not row.derivation:
            yield Finding(
                row, "n", f"empty, but {row.text('percent')} % needs a denominator", "enter n; or say in note that the source gives none"
            )
    for row in rows(evidence, "contrasts"):
        if row.estimate is None and row.ci_low is None and row.ci_high is None and row.p_value is None and row.p_relation is None:
            yield Finding(
                row, "estimate", "the row holds neither an estimate nor a p-value", "enter one; or make it a row of statements.csv"
            )


def units(evidence: Evidence) -> Iterator[Finding]:
    """Units agree with the outcome and with the measure or statistic."""
    outcomes = {row.outcome: row for row in rows(evidence, "outcomes")}
    for row in rows(evidence, "contrasts"):
        yield from _unit(row, _contrast_units(row.measure, outcomes[row.outcome]), f"{row.measure} of {row.outcome}")
    for row in rows(evidence, "arm_results"):
        yield from _unit(row, _arm_units(row, outcomes[row.outcome]), f"{row.statistic} of {row.outcome}")
        if row.unit in ("patients", "events") and row.counts in ("patients", "events") and row.unit != row.counts:
            yield Finding(
                row, "counts", f"{row.counts}, but the unit is {row.unit}", "write the same in both: patients with an event are not events"
            )
    for row in rows(evidence, "mcids"):
        outcome = outcomes[row.outcome]
        yield from _unit(row, (outcome.unit, outcome.level_unit, "%"), f"a change of {row.outcome}")


def _contrast_units(measure: str, outcome: Row) -> tuple[str | None, ...]:
    if measure in RATIOS:
        return ("ratio",)
    return {
        "SMD": ("standard deviations",),
        "RD": ("percentage points",),
        "relative reduction": ("%",),
        "win probability": ("ratio", "%"),
        "rate difference": (outcome.unit, INCIDENCE),
    }.get(measure, (outcome.unit,))


def _arm_units(row: Row, outcome: Row) -> tuple[str | None, ...]:
    if row.statistic in LEVELS:
        return (outcome.level_unit or outcome.unit,)
    if row.statistic in CHANGES:
        return (outcome.unit,)
    if row.statistic in ("rate", "adjusted rate"):
        return (outcome.unit, INCIDENCE)
    if row.statistic == "percent":
        return ("% of patients", "%")
    return ("patients", "events")


def _unit(row: Row, allowed: tuple[str | None, ...], what: str) -> Iterator[Finding]:
    if row.unit not in allowed:
        choice = " or ".join(dict.fromkeys(u for u in allowed if u))
        yield Finding(row, "unit", f"{row.unit!r} is no unit for {what}", f"write {choice}; or the figure belongs to another outcome")


#: What each measure can be a measure of.
ESTIMANDS = {
    **dict.fromkeys(("HR", "IRR"), ("time to event",)),
    **dict.fromkeys(("OR", "RR"), ("proportion",)),
    "RD": ("proportion", "time to event"),
    "MD": ("change from baseline", "slope", "joint-model average", "final value", "time to event", "not reported"),
    "SMD": ("change from baseline", "slope", "joint-model average", "final value"),
    "rate difference": ("slope", "time to event"),
    "win probability": ("rank",),
}


def estimands(evidence: Evidence) -> Iterator[Finding]:
    """The measure can measure the estimand: hazards are of times to an event, odds and risks of proportions."""
    for row in rows(evidence, "contrasts"):
        allowed = ESTIMANDS.get(row.measure)
        if allowed and row.estimand not in allowed:
            yield Finding(row, "measure", f"{row.measure} of a {row.estimand}; expected one of a {' or '.join(allowed)}",
                          "mend measure or estimand; or it is true to print", (row.measure, row.estimand))  # fmt: skip


USUAL_LEVEL = 95


def levels(evidence: Evidence) -> Iterator[Finding]:
    """A level other than 95 % is so rare that the note of its row says it."""
    for table, column, words in (("contrasts", "ci_level", ("note", "p_note")), ("arm_results", "level", ("note", "derivation"))):
        for row in rows(evidence, table):
            level = row[column]
            if level is not None and level != USUAL_LEVEL and not any(row.text(column) in (row[w] or "") for w in words):
                yield Finding(row, column, f"a {row.text(column)} % interval, which the note of the row does not mention; inconsistent as printed",
                              f"write {USUAL_LEVEL} for {row.text(column)} in {column}, or say under note that the source prints {row.text(column)} %",
                              (row.text(column),))  # fmt: skip


#: Words of an outcome's id that say which direction is good. The first that is found decides: a responder to a loss has won.
BETTER_WORDS = (
    ("higher", ("responder", "no-decline", "survival", "gain", "improved", "stable", "completed", "extubation", "discharge", "low-activity",
                "pfs", "6mwd", "cough-fall")),
    ("lower", ("loss", "decline", "death", "fatal", "progress", "progression", "progressed", "exacerbation", "failure", "worse", "stop", "withdrawal",
               "interrupted", "reduced", "lost", "dose", "fibrosis", "started", "qild", "qlf", "fall-above", "frequent-cough", "immunosuppression")),
)  # fmt: skip
#: Units of lung function in which more is better, unless a word says otherwise.
VOLUMES = ("mL", "mL/year", "percentage points", "percentage points/year", "%")
#: What is measured in these units is a time until something: the sooner a good thing, the later a bad one.
TIMES = ("days", "months", "years")


def better(evidence: Evidence) -> Iterator[Finding]:
    """The better direction of an outcome is that of its instrument, of its domain, and of the words of its id."""
    told = {
        row.outcome: (row.better, f"{row.instrument_id} in instruments.csv")
        for row in rows(evidence, "instruments")
        if row.outcome and row.better
    }
    for row in rows(evidence, "outcomes"):
        if row.better is None:
            continue
        expected, why = told.get(row.outcome) or _better_by_name(row)
        if expected not in (None, row.better):
            yield Finding(row, "better", f"{row.better} is better, but {why} says {expected}; inconsistent as printed", f"write {expected}; or it is true to print",
                          (row.better, expected))  # fmt: skip


def _better_by_name(outcome: Row) -> tuple[str | None, str]:
    if outcome.domain == "harms":
        return "lower", "the domain harms"
    if outcome.unit in TIMES:
        return None, ""
    for direction, words in BETTER_WORDS:
        for word in words:
            if f"-{word}-" in f"-{outcome.outcome}-":
                return direction, f"the word {word}"
    if outcome.domain == "lung function" and outcome.unit in VOLUMES:
        return "higher", f"lung function in {outcome.unit}"
    return None, ""


def time_order(evidence: Evidence) -> Iterator[Finding]:
    """A window ends after it starts."""
    for table in ("arm_results", "contrasts"):
        for row in rows(evidence, table):
            if row.weeks_to is not None and (row.weeks is None or row.weeks_to <= row.weeks):
                yield Finding(row, "weeks_to", f"the window ends in week {row.text('weeks_to')} and starts in week {row.text('weeks') or '(empty)'}",
                              "exchange the two, or empty weeks_to")  # fmt: skip


#: Where a figure of each level of verification cannot have been read.
NOT_READ_IN = {
    "primary": ("press", "review table", "source article"),
    "secondary": ("source article",),
}


def verification(evidence: Evidence) -> Iterator[Finding]:
    """The level of verification agrees with what was read."""
    read_in = {row.source_id: row.read_in for row in rows(evidence, "sources")}
    for table, schema in evidence.schema.items():
        if not {"source_id", "verification"} <= set(schema.columns):
            continue
        for row in rows(evidence, table):
            place = read_in.get(row.source_id)
            if row.verification == "review" and place != "source article":
                yield Finding(
                    row,
                    "verification",
                    f"review, but {row.source_id} is a {place}, not the source article",
                    "write primary or secondary; or cite the source article",
                )
            elif place in NOT_READ_IN.get(row.verification, ()):
                yield Finding(row, "verification", f"{row.verification}, but {row.source_id} is a {place}",
                              f"write {'review' if place == 'source article' else 'secondary'}; or cite the trial's own report")  # fmt: skip


# --- text --------------------------------------------------------------------------------------------

#: A lone sign of equality is a p_relation; a signed number stays a number, also with words behind it, but not when it is calculated with.
_FORMULA = re.compile(r"[=+@](?!$)(?!\d+(\.\d+)?$)|-(?!\d|$)|-[\d.]+\s*[-+*/^&|!=<>]")
_TAG = re.compile(r"<[/!?]?[a-zA-Z][^<>]*>|<(script|iframe|img|svg|style|object)\b", re.IGNORECASE)


#: Addresses that run a script, or hold a page of their own, when they are followed.
_SCRIPT = re.compile(r"\b(javascript|vbscript|data)\s*:\s*(?=[^\s\d])(?=\S*[/(;,])", re.IGNORECASE)


def text_safety(evidence: Evidence) -> Iterator[Finding]:
    """No cell that a spreadsheet would run or a browser would take for markup, and no letter in a key that only looks like one."""
    for table, schema in evidence.schema.items():
        keys = {*schema.primary_key, *(c for key in schema.foreign_keys for c in key.columns)}
        for row in rows(evidence, table):
            for column in schema.columns:
                text = row.text(column)
                if column in keys and not text.isascii():
                    odd = next(ch for ch in text if ord(ch) > 127)
                    yield Finding(
                        row,
                        column,
                        f"{odd!r} (U+{ord(odd):04X}) in a key only looks like a letter or a hyphen",
                        "type the key anew with plain letters",
                    )
                elif ":" in text and _SCRIPT.search(text):
                    yield Finding(
                        row,
                        column,
                        f"holds {_SCRIPT.search(text)[0]!r}, an address that runs a script",
                        "write an address that begins with https://",
                    )
                elif _FORMULA.match(text):
                    yield Finding(
                        row, column, f"starts with {text[0]!r}: a spreadsheet would run it as a formula", "start with another character"
                    )
                elif "<" in text and _TAG.search(text):
                    yield Finding(
                        row, column, f"holds {_TAG.search(text)[0]!r}, which looks like markup", "write it without angle brackets"
                    )


def decimals(evidence: Evidence) -> Iterator[Finding]:
    """Estimate and limits of a row have the same number of decimals: a spreadsheet drops trailing zeros."""
    for table, columns in (("contrasts", ("estimate", "ci_low", "ci_high")), ("arm_results", ("value", "low", "high"))):
        for row in rows(evidence, table):
            given = [c for c in columns if row[c] is not None]
            most = max((row[c].decimals for c in given), default=0)
            short = [c for c in given if row[c].decimals < most]
            if short:
                restored = ", ".join(f"{c} {row[c]:.{most}f}" for c in short)
                yield Finding(row, short[0], f"{row.text(short[0])} beside {', '.join(row.text(c) for c in given if c not in short)}: "
                              "fewer decimals, as after a spreadsheet", f"restore the trailing zero from the source: {restored}",
                              figures(row, *given))  # fmt: skip
