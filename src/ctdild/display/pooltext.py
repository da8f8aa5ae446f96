"""How pooled figures, their trials and what the gate says of them read in words."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..evidence import Evidence, Row
from ..synthesis.pools import DEPARTURES, Comparison
from . import rows as pick
from . import text as words
from .figure import Span

if TYPE_CHECKING:
    from ..synthesis.summary import Answer, Study, Summary


def p_value_text(value: float) -> str:
    """A p-value that was computed here: ``0.028``, ``0.43``."""
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def answer_text(summary: Summary, answer: Answer) -> str:
    """A pooled figure with its interval: ``52.5 mL/year (95% CI 18.2 to 86.8)``, ``43.7 more patients per 100 (95% CI 40.1 to 47.3)``."""
    decimals = decimals_of(summary, answer)
    kind = "CrI" if answer.credible else "CI"
    interval = f"95% {kind} {computed(answer.low, decimals)} to {computed(answer.high, decimals)}"
    if answer.measure == "RD":
        return _more_or_fewer(answer, decimals)
    if answer.null != 1:
        return f"{words.with_unit_text(computed(answer.estimate, decimals), summary.unit)} ({interval})"
    return f"{answer.measure} {computed(answer.estimate, decimals)} ({interval})"


def _more_or_fewer(answer: Answer, decimals: int) -> str:
    """A risk difference without a sign to read over: ``3.6 fewer patients per 100 (95% CI 12.5 fewer to 5.3 more)``."""

    def of(value: float, word: bool = True) -> str:
        return computed(abs(value), decimals) + (f" {'fewer' if value < 0 else 'more'}" if word else "")

    interval = f"{of(answer.low)} to {of(answer.high)}" if answer.includes_null else f"{of(answer.low, False)} to {of(answer.high, False)}"
    return f"{of(answer.estimate)} patients per 100 (95% CI {interval})"


def number_needed_text(summary: Summary) -> str:
    """Patients treated for one more or one fewer with the event: ``NNTH 12 (8.2 to 22)``; over no effect only ``NNTB 8.0 to ∞ to NNTH 19``."""
    needed = summary.number_needed
    if needed is None:
        return ""
    if len(needed.pieces) == 1:
        _, low, high = needed.pieces[0]
        return f"{needed.kind} {_needed(needed.value)} ({_needed(low)} to {_needed(high)})"
    # The point would read as a promise: what the data hold is everything from the one through infinity to the other (Altman 1998).
    (first, low, _), (second, high, _) = needed.pieces
    return f"{first} {_needed(low)} to ∞ to {second} {_needed(high)}"


def _needed(value: float) -> str:
    """Small numbers keep a decimal: between 2 and 3 patients lies a third of the effect."""
    return "∞" if math.isinf(value) else f"{value:.1f}" if value < 10 else f"{value:.0f}"


def answer_span(summary: Summary, answer: Answer, tone: str | None = None) -> Span:
    """The same with the addresses of the pool and of every row that entered it."""
    return Span(answer_text(summary, answer), ref=summary.refs, tone=tone)


def figures_text(summary: Summary, answer: Answer) -> str:
    """The figure with its limits only: the unit stands elsewhere. Another measure than the headline's is named."""
    decimals = decimals_of(summary, answer)
    measure = f"{answer.measure} " if answer.measure != summary.headline.measure else ""
    return f"{measure}{computed(answer.estimate, decimals)} ({computed(answer.low, decimals)} to {computed(answer.high, decimals)})"


def decimals_of(summary: Summary, answer: Answer) -> int:
    """As many decimals as the studies printed; two for a ratio, one for patients per 100."""
    if answer.measure == "RD":
        return 1
    return 2 if answer.null == 1 else summary.decimals


def computed(value: float, decimals: int) -> str:
    """A computed figure in these decimals, with a real minus sign and none before zero."""
    text = f"{value:.{decimals}f}"
    return words.number_text(text[1:] if float(text) == 0 and text.startswith("-") else text)


def time_text(summary: Summary) -> str:
    """The time of the studies, where they share it."""
    times = list(dict.fromkeys(words.time_text(study.comparison.row) for study in summary.studies))
    return pick.sentence_list(times)


def time_span(summary: Summary) -> Span:
    """The same with the addresses of the rows."""
    return Span(time_text(summary), ref=summary.refs[1:])


def result_name(evidence: Evidence, row: Row) -> str:
    """A result in a sentence: its trial, and the group where it is not the whole trial."""
    cohort = evidence.cohort(row)
    return pick.acronym(evidence, row) if cohort.kind == "all" else f"{pick.acronym(evidence, row)} ({_group(cohort)})"


def trial_name(evidence: Evidence, study: Study) -> str:
    """A study of a pool in a sentence."""
    return result_name(evidence, study.comparison.row)


def _group(cohort: Row) -> str:
    return words.in_sentence(cohort.label.removesuffix(" (post hoc)"))


def arm_names(evidence: Evidence, comparison: Comparison) -> tuple[str, str]:
    """The two arms of a comparison, as inside a sentence."""
    if comparison.arms:
        first, second = (words.arm_text(evidence, row) for row in comparison.arms)
        return first, second
    return words.arm_text(evidence, comparison.row, "arm_a"), words.arm_text(evidence, comparison.row, "arm_b")


def differing(evidence: Evidence, comparisons: Sequence[Comparison], but: Sequence[str] = ()) -> list[str]:
    """In what comparisons differ that a pool may accept, one text a feature: ``disease: SSc in SENSCIS, RA in INBUILD``. Features
    under ``but`` are left out."""
    parts: list[str] = []
    for name in DEPARTURES:
        values: dict[str, list[str]] = {}
        for one in comparisons:
            values.setdefault(_feature(evidence, name, one.features[name]), []).append(result_name(evidence, one.row))
        said = name == "drug class" and parts and parts[-1].startswith("drug:")  # the drugs say it
        if len(values) > 1 and name not in but and not said:
            parts.append(f"{name}: " + ", ".join(f"{value} in {pick.sentence_list(who)}" for value, who in values.items()))
    return parts


def _feature(evidence: Evidence, name: str, value: str) -> str:
    if not value:
        return "none"
    if name in ("drug", "comparator"):
        return " with ".join(words.in_sentence(evidence.row(one, "treatments").name) for one in value.split(", "))
    if name == "cohort kind":
        return {"all": "the whole trial", "disease": "a group by disease", "subgroup": "a subgroup"}.get(value, value)
    return value.replace("not-reported", "not reported")


_ADDRESS = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+){2,}")


def readable(evidence: Evidence, text: str) -> str:
    """What the gate says, with trials and outcomes by their names."""
    named = _ADDRESS.sub(lambda match: _named(evidence, match[0]), text).replace("not-reported", "not reported")
    outcomes = {row.outcome: row.short for row in evidence["outcomes"] if "-" in row.outcome}
    named = re.sub(r"[a-z0-9]+(?:-[a-z0-9]+)+", lambda match: outcomes.get(match[0], match[0]), named)
    return named.replace("pooled-analysis", "pooled analysis")


def _named(evidence: Evidence, address: str) -> str:
    trial, cohort, *_ = address.split(".")
    if trial not in evidence:
        return address
    label = "" if cohort == "all" else f" ({_group(evidence.row(f'{trial}.{cohort}'))})"
    return evidence.row(trial).acronym + label
