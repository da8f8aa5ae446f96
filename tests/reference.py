"""The numbers from R in `validation/`, walked leaf by leaf, so that none of them can be skipped unseen.

A test file computes a leaf for every leaf of ``expected`` that the synthesis can produce: a dict from path to value.
What it does not compute stands in `NOT_REPRODUCED`, with the reason. `compare` fails for a leaf that is in neither, and for one in both.
"""

from __future__ import annotations

import json
import math
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "validation"

#: Which test file walks which reference.
WALKED_BY = {
    "conversions": "test_synthesis_effects.py",
    "homogeneous": "test_synthesis_pairwise.py",
    "hr": "test_synthesis_pairwise.py",
    "network": "test_synthesis_network.py",
    "pairwise_binary": "test_synthesis_pairwise.py",
    "pairwise_md": "test_synthesis_pairwise.py",
    "rare_events": "test_synthesis_pairwise.py",
    "small_k": "test_synthesis_pairwise.py",
    "star_network": "test_synthesis_network.py",
}

_WORDS = "words of the script, not a result"
_INPUT = "says how the input was made, not what came out"
_NORMAL_PREDICTION = "a prediction interval with a normal quantile is too narrow for the numbers of trials here, and is not offered"
_BELOW_THREE = "below three studies no prediction interval is given, whatever the rule"
_ONE_STUDY = "R falls back to the ordinary interval at k = 1; Knapp-Hartung raises instead"
_NO_VALUE = "the interval is empty, and the zeros are no values"

#: Pattern of file and path (see `fnmatch`), and why no function gives that number.
NOT_REPRODUCED = {
    "*/rule": _WORDS,
    "*/DL_z/pi_metafor_default/?b": _NORMAL_PREDICTION,
    "*/PM_z/pi_metafor_default/?b": _NORMAL_PREDICTION,
    "*/REML_z/pi_metafor_default/?b": _NORMAL_PREDICTION,
    "*/*__S/pi_?b": _NORMAL_PREDICTION,
    "*/se_predict": "inside of the prediction interval, whose limits are compared",
    "*/df_predict": "inside of the prediction interval, whose limits are compared",
    "*/tau2_ci_Qprofile/[IH]2_?b": "I² and H² follow from tau²; only the interval of tau² is given",
    "*/tau2_ci_Qprofile/ub_is_beyond_search_limit": "the search here has no limit",
    "homogeneous/q_profile_empty/*/tau2_?b": _NO_VALUE,
    "small_k/k3_identical/*/tau2_?b": _NO_VALUE,
    "small_k/k2_*/*_HK*/pi_metafor_default/?b": _BELOW_THREE,
    "small_k/k2_*/*__V/pi_?b": _BELOW_THREE,
    "small_k/k2_*/HK__HK/pi_?b": _BELOW_THREE,
    "small_k/k1/*_HK/*": _ONE_STUDY,
    "small_k/k1/*_HK_adhoc/*": _ONE_STUDY,
    "*/double_zero_tables_dropped": _INPUT,
    "*/zero_cells/single_zero_rows": _INPUT,
    "*/study_effects/RD/?i_drop00": "a risk difference keeps tables without events",
    "*/MH/OR/CMH_*": "tests beside the pooled estimate are not offered",
    "*/MH/OR/BreslowDay*": "tests beside the pooled estimate are not offered",
    "*/MH_meta_incr0.5_only0/*": "0.5 before Mantel-Haenszel, as RevMan: nothing is added here in the pooling",
    "*/MH_meta_exact/RD/se": "meta takes the variance of Greenland and Robins; here it is that of Sato, Greenland and Robins, as metafor",
    "*/MH_meta_exact/RD/ci_?b": "meta takes the variance of Greenland and Robins; here it is that of Sato, Greenland and Robins, as metafor",
    "*/Peto/study_?i": "Peto's odds ratio of a single study is not offered; metafor adds 0.5 there",
    "conversions/cases/*/midpoint": "the midpoint of a printed interval is not used",
    "conversions/cases/*/geometric_midpoint": "the midpoint of a printed interval is not used",
    "conversions/cases/*/smd": "scales are not joined by standardised differences, so an odds ratio is not turned into one",
    "conversions/cases/26/result/se": "scales are not joined by standardised differences, so an odds ratio is not turned into one",
    "conversions/cases/*/fisher_p": "Fisher's test is not part of a synthesis",
    "conversions/cases/*/reference": _WORDS,
    "conversions/cases/*/args/*": _INPUT,
    "*/m_pairwise": _INPUT,
    "*/reference": "no treatment is a reference: the league holds every pair",
    "*/method.tau": _WORDS,
    "*/tau": "the square root of tau2",
    "*/I2_?b": "no interval for I² of a network",
    "*/pscore/small_values": _WORDS,
    "*/league_text/*": "the numbers of the league, as text",
    "network/prediction/seTE/*": "inside of the prediction interval, whose limits are compared",
    "network/prediction/df": "inside of the prediction interval, whose limits are compared",
    "network/prediction/method": _WORDS,
    "network/decomp_design/Q_inc_random/*": "the model with random inconsistency is not offered",
    "network/per_comparison/*": "netmeta's own way to the weights of trials with several arms",
    "network/REML_full_covariance/logLik": "a likelihood has no meaning but in comparison with another",
    "network/REML_netmeta_contrast_level_NOT_A_TARGET/*": "wrong in netmeta: it depends on the reference treatment",
}


#: Estimates and standard errors whose restricted likelihood has two maxima.
TWO_MAXIMA = {
    "zero wins": ([0.4, 0.4, 2.1, -0.8], [0.1, 0.1, 0.7, 11.4]),
    "the far one wins although the score at 0 is negative": ([-0.5, -12.8, 0.8, 0.7], [1.4, 2.2, 0.3, 0.2]),
    "both above zero": ([1.0, 1.9, -0.2, 1.6, 0.5, -9.7], [10.0, 0.2, 4.4, 0.2, 4.9, 3.4]),
}


def walked_by(file: str) -> list[str]:
    """The references that a test file walks."""
    return [name for name, walker in WALKED_BY.items() if walker == Path(file).name]


def load(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def leaves(value, path: str = "") -> dict[str, object]:
    """Every number, text or list of numbers under a value, by its path."""
    if isinstance(value, dict):
        return {p: leaf for key, part in value.items() for p, leaf in leaves(part, f"{path}/{key}").items()}
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return {p: leaf for i, part in enumerate(value) for p, leaf in leaves(part, f"{path}/{i}").items()}
    return {path.removeprefix("/"): value}


def excused(name: str, path: str) -> list[str]:
    return [pattern for pattern in NOT_REPRODUCED if fnmatchcase(f"{name}/{path}", pattern)]


def compare(name: str, computed: dict, tolerance: dict[str, float] | None = None, default: float = 1e-8) -> None:
    """Fail unless every leaf of a reference is computed and right, or excused.

    `computed` is nested as ``expected`` is. `tolerance` gives a pattern of paths another than the default: relative to the number,
    and 1e-12 on top, for numbers that are 0.
    """
    expected, got = leaves(load(name)["expected"]), leaves(computed)
    problems = [f"{path}: computed, but R has no such number" for path in got if path not in expected]
    for path, right in expected.items():
        if path in got:
            allowed = next((t for pattern, t in (tolerance or {}).items() if fnmatchcase(path, pattern)), default)
            if excused(name, path):
                problems.append(f"{path}: computed and excused as well: {excused(name, path)}")
            elif not same(got[path], right, allowed):
                problems.append(f"{path}: {got[path]!r}, R says {right!r}")
        elif not excused(name, path):
            problems.append(f"{path}: neither computed nor in NOT_REPRODUCED; R says {right!r}")
    assert not problems, f"{len(problems)} of {len(expected)} numbers of {name}:\n" + "\n".join(problems[:40])


def same(value, right, allowed: float) -> bool:
    """Whether a computed leaf is that of R: texts equal, undefined where R is, numbers within the tolerance."""
    if isinstance(right, list):
        value = list(np.asarray(value, dtype=object).ravel()) if not isinstance(value, (list, tuple)) else list(value)
        return len(value) == len(right) and all(same(a, b, allowed) for a, b in zip(value, right, strict=True))
    if right in ("Inf", "-Inf"):
        return not isinstance(value, str) and value == float(right)
    if isinstance(right, (str, bool)):
        return value == right
    if right is None:
        return value is None or math.isnan(value)
    return abs(value - right) <= allowed * abs(right) + 1e-12
