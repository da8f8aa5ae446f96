"""What may be pooled: the gate between the dataset and a pooled figure.

A row of ``pools.csv`` declares one pool. Its first comparison is the model; every other one has to be like it:

- the same outcome, unit and measure, at a time not more than six weeks apart. Nothing else is ever let in;
- the same disease, drug, drug class, comparator, background policy, estimand, kind of time, analysis set and cohort kind. A
  difference in one of these is a departure. It is let in if the pool names it under ``accepted_departures``, and is then printed beside the result;
- randomised: a row of a trial of kind rct, of its whole population or of a group known at its start, and of what came after it;
- of other patients than the rest of the pool.

`judge` answers for one pool. A comparison that the gate refuses refuses the pool: `Judged.pool` and `Judged.pool_counts` then raise.
A row may also declare that comparisons are shown apart (``decision`` apart): then nothing pools them, and what stands between them is said.
A row that is new in the dataset joins when it is like the model in everything. When it departs only in what the pool accepts, and is on a
disease that the pool has already, it is a candidate and waits for an editor.

How a comparison is addressed: a printed contrast by its row of ``contrasts``. Patients with an event are two rows of ``arm_results``;
their comparison has the address that the two share, which is theirs without the arm: ``senscis.all.diarrhoea.w52``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..evidence import Evidence, Problem, Row, row_id
from ..measures import NOT_BY_CHANCE, RATIOS

#: What may differ if a pool accepts it: the name in ``accepted_departures``.
DEPARTURES = ("disease", "drug", "drug class", "comparator", "background policy", "estimand", "time kind", "analysis set", "cohort kind")
#: What may never differ.
FIXED = ("outcome", "unit", "measure")
#: Weeks that two comparisons may lie apart.
HORIZON = 6

#: Tests whose p-value says nothing about the standard error of the estimate beside it.
_NOT_OF_THE_ESTIMATE = ("rank", "Fisher", "log-rank", "chi-squared")

#: In ``decision``: these comparisons are not pooled. Without it they are.
APART = "apart"

#: How a refusal goes on that an editor could accept.
UNACCEPTED = "; the pool does not accept a departure"

_TABLE = "pools"


class PoolRefusedError(ValueError):
    """The gate does not let these comparisons be pooled; the message gives every reason."""


@dataclass(frozen=True)
class Arm:
    """Patients with an event in one arm."""

    events: int
    n: int
    derived: bool  #: whether the count follows from the percentage, being the only one that rounds to it


@dataclass(frozen=True)
class Comparison:
    """One comparison of two arms that might be pooled: a printed contrast, or two counts of patients."""

    address: str
    row: Row  #: the contrast, or the result of the first arm
    features: dict[str, str]  #: by the names of `DEPARTURES` and `FIXED`
    weeks: float | None
    n: int | None  #: patients in both arms; None where not read
    arms: tuple[Row, ...] = ()  #: the two results, intervention first; none for a printed contrast

    @property
    def trial_id(self) -> str:
        return self.row.trial_id

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows whose figures it holds: the contrast, or the results of both arms."""
        return self.arms or (self.row,)

    @cached_property
    def counts(self) -> tuple[Arm, Arm] | None:
        """Patients with the event, intervention first; None for a contrast, and where a count cannot be told."""
        found = [patients_with_event(row) for row in self.arms]
        return tuple(found) if found and None not in found else None

    @property
    def origin(self) -> str | None:
        """Where the standard error comes from: interval, p, counts, counts from percentages; None where there is none."""
        if self.arms:
            if self.counts is None:
                return None
            return "counts from percentages" if any(arm.derived for arm in self.counts) else "counts"
        row = self.row
        if row.estimate is None:
            return None
        if _usable_interval(row):
            return "interval"
        exact = row.p_value is not None and row.p_relation == "=" and 0 < row.p_value < 1
        return "p" if exact and row.estimate and row.p_method not in _NOT_OF_THE_ESTIMATE else None

    def effect(self) -> tuple[float, float]:
        """Estimate and standard error of a printed contrast, ratios as logs; see `origin`."""
        from . import effects  # late: the gate itself computes nothing

        row, ratio = self.row, self.row.measure in RATIOS
        estimate = math.log(row.estimate) if ratio else float(row.estimate)
        if self.origin == "interval":
            scale = "log" if ratio else "linear"
            return estimate, float(effects.standard_error_from_interval(row.ci_low, row.ci_high, level=row.ci_level / 100, scale=scale))
        return estimate, float(effects.standard_error_from_p(estimate, row.p_value))


@dataclass(frozen=True)
class Judged:
    """What the gate says about one pool."""

    pool_id: str
    declared: Row
    members: tuple[Comparison, ...]  #: the declared comparisons that exist, the model first, and those that joined
    joined: tuple[str, ...]  #: addresses that are not declared and are like the model in everything
    departures: tuple[str, ...]  #: every accepted departure, as a sentence to print
    refusals: tuple[tuple[str, str], ...]  #: address and reason
    candidates: tuple[tuple[str, str], ...]  #: address and departures of what awaits an editor

    @property
    def apart(self) -> bool:
        """Whether an editor decided that these comparisons are shown apart."""
        return self.declared.decision == APART

    @property
    def open(self) -> bool:
        """Whether these may be pooled; one study is open too, and is itself."""
        return not self.refusals and not self.apart

    @property
    def drawn(self) -> bool:
        """Whether there is a pooled figure to show: an open pool of two studies or more."""
        return self.open and len(self.members) > 1

    def require_open(self) -> None:
        """Raise `PoolRefusedError`, with every reason, where the pool may not be drawn."""
        if self.apart:
            raise PoolRefusedError(f"{self.pool_id} is shown apart: {self.declared.reason}")
        if self.refusals:
            raise PoolRefusedError(
                f"{self.pool_id} cannot be pooled: " + "; ".join(f"{address}: {reason}" for address, reason in self.refusals)
            )

    def _through(self, counts: bool) -> None:
        self.require_open()
        if counts != bool(self.members[0].arms):
            raise PoolRefusedError(f"{self.pool_id} holds {'counts' if not counts else 'printed contrasts'}: ask for the other pool")

    def pool(self, **settings):
        """The printed contrasts, pooled: `pairwise.pool` with these settings. Raises `PoolRefusedError`."""
        self._through(counts=False)
        return pool(self.members, **settings)

    def pool_counts(self, measure: str = "RR", **settings):
        """The patients with an event, pooled: `pairwise.mantel_haenszel`, or with ``"Peto"`` `pairwise.peto`. Raises `PoolRefusedError`."""
        self._through(counts=True)
        return pool_counts(self.members, measure, **settings)


def pool(members: Iterable[Comparison], **settings):
    """Printed contrasts by `pairwise.pool`. It asks no gate: `Judged.pool` does."""
    from . import pairwise

    estimates, errors = zip(*(member.effect() for member in members), strict=True)
    return pairwise.pool(estimates, errors, **settings)


def pool_counts(members: Iterable[Comparison], measure: str = "RR", **settings):
    """Patients with an event by `pairwise.mantel_haenszel`, or with ``"Peto"`` `pairwise.peto`. It asks no gate: `Judged.pool_counts` does."""
    from . import pairwise

    columns = count_columns(members)
    return pairwise.peto(*columns, **settings) if measure == "Peto" else pairwise.mantel_haenszel(*columns, measure, **settings)


def count_columns(members: Iterable[Comparison]) -> tuple[tuple[int, ...], ...]:
    """Events and patients of the first arms, events and patients of the second ones."""
    return tuple(zip(*((a.events, a.n, b.events, b.n) for a, b in (member.counts for member in members)), strict=True))


def judge(evidence: Evidence, pool_id: str) -> Judged:
    """What the gate says about a pool of ``pools.csv``. Raises `KeyError` for an unknown one."""
    declared = evidence.row(pool_id)
    if declared.table != _TABLE:
        raise KeyError(f"{pool_id!r} is a row of {declared.table}, not a pool")
    return _judge(evidence, declared, {comparison.address: comparison for comparison in comparisons(evidence)})


def _judge(evidence: Evidence, declared: Row, found: Mapping[str, Comparison]) -> Judged:
    accepted = set(declared.accepted_departures or ())
    refusals: list[tuple[str, str]] = []
    members: list[Comparison] = []
    for address in declared.contrast_ids:
        comparison = found.get(address)
        if comparison is None and declared.decision == APART and rows_of(evidence, address):
            continue  # shown, though nothing could pool it
        if comparison is None:
            refusals.append((address, _absent(evidence, address)))
            continue
        model = members[0] if members else comparison
        reasons = _barred(evidence, comparison, model, members)
        reasons += [f"{text}{UNACCEPTED} in {name}" for name, text in _departures(model, comparison) if name not in accepted]
        refusals += [(address, reason) for reason in reasons]
        members.append(comparison)
    declared_members = tuple(members)
    joined, candidates = [], []
    for comparison in found.values() if members and declared.decision != APART else ():
        if comparison.address in declared.contrast_ids or unfit(evidence, comparison) or _never(members[0], comparison):
            continue
        if any(share_patients(evidence, member, comparison) for member in members):
            continue
        departures = _departures(members[0], comparison)
        if not departures:
            joined.append(comparison.address)
            members.append(comparison)
        elif {name for name, _ in departures} <= accepted and _diseases([comparison]) & _diseases(declared_members):
            candidates.append((comparison.address, "; ".join(text for _, text in departures)))
    # What joined may since have taken the patients of a candidate.
    candidates = [c for c in candidates if not any(share_patients(evidence, member, found[c[0]]) for member in members)]
    departures = [text for member in declared_members[1:] for _, text in _departures(declared_members[0], member)]
    return Judged(declared.pool_id, declared, tuple(members), tuple(joined), tuple(departures), tuple(refusals), tuple(candidates))


def problems(evidence: Evidence) -> Iterator[Problem]:
    """Findings on ``pools.csv``: an ERROR for each refused comparison, an INFO for each that joined or awaits an editor."""
    found = {comparison.address: comparison for comparison in comparisons(evidence)} if evidence[_TABLE] else {}
    for declared in evidence[_TABLE]:
        judged = _judge(evidence, declared, found)

        def problem(severity: str, rule: str, value: str, message: str, repair: str, row: Row = declared) -> Problem:
            path = evidence.schema[_TABLE].path
            return Problem(severity, rule, path, row.line, "contrast_ids", value, message, repair, None, row.pool_id)

        for address, reason in _unknown(evidence, judged) if judged.apart else judged.refusals:
            repair = (
                "take it out of the pool; or, where an editor decided so, name the departure in accepted_departures and say why in reason"
            )
            yield problem("ERROR", "pool", address, f"{address} cannot be in pool {declared.pool_id}: {reason}", repair)
        for address in judged.joined:
            message = f"{address} is like the others of pool {declared.pool_id} and is pooled with them"
            yield problem("INFO", "pool-joined", address, message, "declare it too, once an editor has seen it")
        for address, departures in judged.candidates:
            message = f"{address} is a candidate for pool {declared.pool_id}, awaiting an editor: {departures}"
            yield problem("INFO", "pool-candidate", address, message, "add it to contrast_ids, or leave it")


def rows_of(evidence: Evidence, address: str) -> tuple[Row, ...]:
    """The rows that an address of a pool names: a contrast, a statement, or the results of the arms that share it. None for another."""
    if address in evidence and evidence.row(address).table in ("contrasts", "statements"):
        return (evidence.row(address),) if not evidence.row(address).withheld else ()
    return tuple(row for row in evidence.shown("arm_results") if row.preferred and row.id.removesuffix(f".{row.arm}") == address)


def _unknown(evidence: Evidence, judged: Judged) -> list[tuple[str, str]]:
    """What stands between comparisons that are shown apart is no fault; an address that names none is."""
    return [(address, _absent(evidence, address)) for address in judged.declared.contrast_ids if not rows_of(evidence, address)]


def _barred(evidence: Evidence, comparison: Comparison, model: Comparison, members: Iterable[Comparison]) -> list[str]:
    """What no editor can accept: it is unfit for any pool, differs in what may never differ, or holds the patients of a member."""
    shared = [f"shares patients with {member.address}" for member in members if share_patients(evidence, member, comparison)]
    return [*unfit(evidence, comparison), *_never(model, comparison), *shared]


def incomparable(evidence: Evidence, one: Comparison, others: Iterable[Comparison]) -> list[str]:
    """Why a comparison cannot be set against others through a comparator that all share; empty where it can."""
    others = list(others)
    reasons = _barred(evidence, one, others[0], others)
    if one.features["comparator"] != others[0].features["comparator"]:
        reasons.append(f"the comparator is {one.features['comparator']}, that of {others[0].address} is {others[0].features['comparator']}")
    return reasons


def left_out(evidence: Evidence, pool_id: str) -> list[tuple[Comparison, str]]:
    """The other comparisons of a pool's drugs on its outcome, each with what keeps it out of the pool. Candidates are not among them."""
    judged = judge(evidence, pool_id)
    if not judged.members:
        return []
    model, accepted = judged.members[0], set(judged.declared.accepted_departures or ())
    drugs = {drug for member in judged.members for drug in member.features["drug"].split(", ")}
    within = {*(member.address for member in judged.members), *(address for address, _ in judged.candidates)}
    kept_out = []
    for comparison in comparisons(evidence):
        if comparison.address in within or comparison.features["outcome"] != model.features["outcome"]:
            continue
        if not drugs & set(comparison.features["drug"].split(", ")):
            continue
        reasons = _barred(evidence, comparison, model, judged.members)
        reasons += [text for name, text in _departures(model, comparison) if name not in accepted]
        # Whose patients are in the pool already needs no second reason.
        if shared := [member.address for member in judged.members if share_patients(evidence, member, comparison)]:
            reasons = [f"shares patients with {', '.join(shared)}"]
        kept_out.append(
            (comparison, "; ".join(reasons) or "it is on a disease that no study of the pool is on: an editor has to declare it")
        )
    return kept_out


# --- what there is to compare ------------------------------------------------------------------------------------------------------


def comparisons(evidence: Evidence) -> tuple[Comparison, ...]:
    """Every comparison of the evidence that is shown and preferred: contrasts, then pairs of counts of patients."""
    if "comparisons" not in evidence.memo:
        evidence.memo["comparisons"] = tuple(_comparisons(evidence))
    return evidence.memo["comparisons"]


def _comparisons(evidence: Evidence) -> Iterator[Comparison]:
    for row in evidence.shown("contrasts"):
        if row.preferred:
            n = None if row.n_a is None or row.n_b is None else row.n_a + row.n_b
            features = _features(evidence, row, row.arm_a, row.arm_b) | {
                "measure": row.measure,
                "unit": row.unit or "",
                "estimand": row.estimand,
            }
            yield Comparison(row.id, row, features, row.weeks, n)
    contrasts = {row.id for row in evidence["contrasts"]}
    pairs: dict[str, list[Row]] = {}
    for row in evidence.shown("arm_results"):
        if row.preferred and row.counts == "patients" and (role := _role(evidence, row)) is not None:
            pairs.setdefault(row.id.removesuffix(f".{row.arm}"), []).insert(0 if role == "intervention" else 1, row)
    for address, rows in pairs.items():
        roles = [_role(evidence, row) for row in rows]
        if address in contrasts or len(rows) != 2 or roles.count("intervention") != 1:
            continue
        first, second = rows
        n = None if first.n is None or second.n is None else first.n + second.n
        features = _features(evidence, first, first.arm, second.arm)
        # The same outcome counted by another unit or in other patients in the two arms is no comparison.
        if (first.analysis_set, first.weeks, first.time_kind) == (second.analysis_set, second.weeks, second.time_kind):
            features |= {"measure": "counts", "unit": "patients", "estimand": "proportion"}
            yield Comparison(address, first, features, first.weeks, n, (first, second))


def _role(evidence: Evidence, row: Row) -> str | None:
    """intervention or comparator; None for both arms together and for what nobody was assigned to."""
    role = evidence.arm(row).role
    return role if role == "intervention" else "comparator" if role in ("placebo", "active comparator") else None


def _features(evidence: Evidence, row: Row, arm_a: str, arm_b: str) -> dict[str, str]:
    class_of = {treatment.treatment: treatment["class"] for treatment in evidence["treatments"]}
    given, against = (evidence.row(row_id("arms", (row.trial_id, arm))).treatment or () for arm in (arm_a, arm_b))
    cohort = evidence.cohort(row)

    def text(items: Iterable[str]) -> str:
        return ", ".join(sorted(set(items)))

    return {
        "outcome": row.outcome,
        "disease": text(cohort.disease or ()),
        "drug": text(given),
        "drug class": text(class_of.get(treatment, "") for treatment in given),
        "comparator": text(against),
        "background policy": evidence.trial(row).background_policy,
        "time kind": row.time_kind,
        "analysis set": row.analysis_set,
        "cohort kind": cohort.kind,
    }


def _usable_interval(row: Row) -> bool:
    """Whether a standard error can be made of the interval; one that is damaged, as checks say, gives none."""
    if None in (row.ci_low, row.ci_high, row.ci_level) or not 0 < row.ci_level < 100:
        return False
    return row.ci_low < row.ci_high and not (row.measure in RATIOS and (row.ci_low <= 0 or row.estimate <= 0))


def patients_with_event(row: Row) -> Arm | None:
    """Patients with the event: as printed, or the one whole number that rounds to the printed percentage."""
    if row.n is None:
        return None
    if row.events is not None:
        if not 0 <= row.events <= row.n or not row.n:
            return None  # no patients: the checks say so
        return Arm(row.events, row.n, False)
    if row.percent is None:
        return None
    slack = row.percent.half_unit + 1e-9
    fitting = [events for events in range(row.n + 1) if abs(100 * events / row.n - row.percent) <= slack]
    return Arm(fitting[0], row.n, True) if len(fitting) == 1 else None


# --- the gate ----------------------------------------------------------------------------------------------------------------------


def _absent(evidence: Evidence, address: str) -> str:
    row = evidence.row(address) if address in evidence else None
    if row is not None and row.withheld:
        return "sources disagree on it, it is withheld"
    if row is not None and row.table == "contrasts":
        return "another row of the same quantity is preferred"
    return "there is no such contrast, and no two arms with counts of patients that share this address"


def unfit(evidence: Evidence, comparison: Comparison) -> list[str]:
    """Why a comparison may be in no pool at all."""
    reasons = []
    kind = evidence.trial(comparison.row).kind
    if kind != "rct":
        reasons.append(f"its trial is a {kind}, not a randomised trial")
    if (cohort := comparison.features["cohort kind"]) in NOT_BY_CHANCE:
        reasons.append(f"its cohort is of kind {cohort}: nobody was randomised into it")
    if comparison.row.role == "baseline":
        reasons.append("it compares the arms before any treatment")
    if comparison.features["measure"] == "HR" and comparison.features["time kind"] == "at":
        reasons.append("it is a hazard ratio at a point in time, and the hazards of its trial are not proportional")
    if comparison.origin is None:
        if comparison.arms:
            reasons.append("how many patients had the event cannot be told")
        elif comparison.row.estimate is None:
            reasons.append("no estimate of the difference was read")
        else:
            reasons.append("no interval and no exact p-value of the estimate was read, so there is no standard error")
    return reasons


def _never(model: Comparison, other: Comparison) -> list[str]:
    """In what a comparison differs from the model that no pool may accept."""
    reasons = [
        f"{name} is {other.features[name] or 'empty'}, that of {model.address} is {model.features[name] or 'empty'}"
        for name in FIXED
        if model.features[name] != other.features[name]
    ]
    if None in (model.weeks, other.weeks):
        reasons.append("its week was not read" if other.weeks is None else f"the week of {model.address} was not read")
    elif abs(model.weeks - other.weeks) > HORIZON:
        reasons.append(f"week {other.weeks:g} is more than {HORIZON} weeks from week {model.weeks:g} of {model.address}")
    return reasons


def _diseases(found: Iterable[Comparison]) -> set[str]:
    return {disease for comparison in found for disease in comparison.features["disease"].split(", ")}


def _departures(model: Comparison, other: Comparison) -> list[tuple[str, str]]:
    """In what a comparison differs from the model: name and sentence."""
    return [
        (name, f"{name}: {other.features[name] or 'none'} in {other.address}, {model.features[name] or 'none'} in {model.address}")
        for name in DEPARTURES
        if model.features[name] != other.features[name]
    ]


# --- no patient twice --------------------------------------------------------------------------------------------------------------


def share_patients(evidence: Evidence, one: Comparison, other: Comparison) -> bool:
    """Whether two comparisons may hold the same patients.

    Trials do when one includes the other or both include a third. Two cohorts of a trial do unless they are parts of one partition:
    whether other groups overlap is not known, so they count as overlapping.
    """
    if not _trials_in(evidence, one.trial_id) & _trials_in(evidence, other.trial_id):
        return False
    if one.trial_id != other.trial_id:
        return True
    a, b = evidence.cohort(one.row), evidence.cohort(other.row)
    return not (a.id != b.id and a.partition and (a.partition, a.parent) == (b.partition, b.parent))


def _trials_in(evidence: Evidence, trial_id: str) -> frozenset[str]:
    """The trials whose patients a record holds, through every level; the record itself where it includes none."""
    seen: set[str] = set()
    waiting = [trial_id]
    while waiting:
        seen.add(trial := waiting.pop())
        waiting += [part for part in _parts(evidence, trial) if part not in seen]
    return frozenset(trial for trial in seen if not _parts(evidence, trial)) or frozenset(seen)


def _parts(evidence: Evidence, trial_id: str) -> tuple[str, ...]:
    """The records that one includes; a trial that a scope does not see includes none."""
    return evidence.row(trial_id, "trials").includes or () if trial_id in evidence else ()


def independent(evidence: Evidence, found: Iterable[Comparison]) -> list[Comparison]:
    """Of comparisons those that may stand together: randomised, with a standard error, no patient twice, whole trials before their parts."""
    fit = [comparison for comparison in found if not unfit(evidence, comparison)]
    kept: list[Comparison] = []
    for comparison in sorted(fit, key=lambda c: c.features["cohort kind"] != "all"):
        if not any(share_patients(evidence, other, comparison) for other in kept):
            kept.append(comparison)
    return kept
