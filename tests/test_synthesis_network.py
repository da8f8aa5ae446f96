"""Ring 3: a network gives what R gives, keeps its laws, and refuses what is no network."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from ctdild.synthesis import effects, network, pairwise

COLUMNS = list(network.COLUMNS)


def table(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def contrasts_of(name: str) -> pd.DataFrame:
    rows = reference.load(name)["inputs"]["contrasts"]
    return table(*((row["study"], row["treat1"], row["treat2"], row["TE"], row["seTE"]) for row in rows))


# --- what R computed -----------------------------------------------------------------------------------------------------------------


def square(treatments, cell, diagonal) -> dict:
    """A matrix of the references: row treatment minus column treatment."""
    values = [[diagonal if a == b else cell(a, b) for b in treatments] for a in treatments]
    return {"rownames": list(treatments), "colnames": list(treatments), "values": values}


def matrices(fit: network.Network) -> dict:
    league = fit.league().set_index(["treatment_a", "treatment_b"])
    columns = {"TE": "estimate", "seTE": "standard_error", "lower": "ci_low", "upper": "ci_high"}
    found = {key: square(fit.treatments, lambda a, b, c=column: league.loc[(a, b), c], 0) for key, column in columns.items()}
    found["pval"] = square(
        fit.treatments, lambda a, b: float(effects.p_value(*league.loc[(a, b), ["estimate", "standard_error"]])), math.nan
    )
    return found


def split_matrices(fit: network.Network, evidence: str) -> dict:
    split = {(row.treatment_a, row.treatment_b): row for row in fit.split().itertuples()}

    def cell(a, b, column):
        if (a, b) in split:
            return getattr(split[a, b], column)
        return (1 if column.endswith("error") else -1) * getattr(split[b, a], column)

    return {
        "TE": square(fit.treatments, lambda a, b: cell(a, b, evidence), math.nan),
        "seTE": square(fit.treatments, lambda a, b: cell(a, b, f"{evidence}_standard_error"), math.nan),
    }


def netsplit(fit: network.Network) -> dict:
    """The three tables of netsplit, which turn a comparison with the reference A round."""
    found = {"direct": [], "indirect": [], "difference": []}
    for row in fit.split().itertuples():
        sign = -1 if row.treatment_a == "A" else 1
        name = f"{row.treatment_b}:A" if sign < 0 else f"{row.treatment_a}:{row.treatment_b}"
        for part, rows in found.items():
            estimate, error = sign * getattr(row, part), getattr(row, f"{part}_standard_error")
            low, high = effects.interval(estimate, error)
            p = row.p_value if part == "difference" else float(effects.p_value(estimate, error))
            rows.append({"comparison": name, "TE": estimate, "seTE": error, "lower": low, "upper": high, "p": p})
    return found


def summary(contrasts: pd.DataFrame) -> dict:
    """What both references hold. R calls the model with tau² from moments `random`."""
    common, random = network.fit(contrasts, method="common"), network.fit(contrasts, method="DL")
    found = {
        "k": random.k,
        "n_treat": len(random.treatments),
        "designs": len(random.designs()),
        "trts": list(random.treatments),
        "tau2": random.tau2,
        "I2": random.i2,
        "Q_total": random.q_total,
        "Q_total_df": random.q_total_df,
        "Q_total_pval": random.q_total_p,
        "Q_heterogeneity": random.q_within,
        "Q_heterogeneity_df": random.q_within_df,
        "Q_heterogeneity_pval": random.q_within_p,
        "Q_inconsistency": random.q_between,
        "Q_inconsistency_df": random.q_between_df,
        "Q_inconsistency_pval": random.q_between_p,
        "pscore": {},
    }
    for name, fit in {"common": common, "random": random}.items():
        found[name] = matrices(fit)
        found[f"direct_{name}"], found[f"indirect_{name}"] = split_matrices(fit, "direct"), split_matrices(fit, "indirect")
        found[f"prop_direct_{name}"] = {f"{row.treatment_a}:{row.treatment_b}": row.proportion_direct for row in fit.split().itertuples()}
        found["pscore"][name] = dict(fit.p_scores("higher"))
    return found


def one_network() -> dict:
    contrasts = contrasts_of("network")
    common, random, reml = (network.fit(contrasts, method=method) for method in ("common", "DL", "REML"))
    found = summary(contrasts)
    prediction = random.prediction().set_index(["treatment_a", "treatment_b"])
    found["prediction"] = {
        key: square(random.treatments, lambda a, b, c=column: prediction.loc[(a, b), c], 0)
        for key, column in {"lower": "pi_low", "upper": "pi_high"}.items()
    }
    parts = {"Total": "total", "Within designs": "within", "Between designs": "between"}
    found["decomp_design"] = {
        "Q_decomp": [
            {"source": source, **{key: getattr(random, f"q_{part}{end}") for key, end in {"Q": "", "df": "_df", "pval": "_p"}.items()}}
            for source, part in parts.items()
        ],
        "Q_het_design": [
            {"design": row.design, "Q": row.q, "df": row.df, "pval": row.p_value}
            for row in sorted(random.designs().itertuples(), key=lambda row: (len(row.design), row.design))
        ],
    }
    found["netsplit"] = {"common": netsplit(common), "random": netsplit(random)}
    found["REML_full_covariance"] = {"tau2": reml.tau2} | {k: v for k, v in matrices(reml).items() if k != "pval"}
    return found


def star() -> dict:
    contrasts = contrasts_of("star_network")
    versus_a = {row.treatment_a: (row.estimate, row.standard_error) for row in contrasts.itertuples()}
    found = summary(contrasts)
    found["bucher"] = []
    for a, b in combinations(versus_a, 2):
        indirect = network.bucher(*versus_a[a], *versus_a[b])
        numbers = dict(zip(("TE", "seTE", "lower", "upper", "pval"), indirect, strict=True))
        found["bucher"].append({"comparison": f"{a}:{b}", **numbers})
    return found


COMPUTED = {"network": one_network, "star_network": star}


@pytest.mark.parametrize("name", reference.walked_by(__file__))
def test_every_number_is_that_of_r(name):
    # R's optimiser stops at 1e-7 of tau²: see the note on REML in validation/network.json.
    reference.compare(name, COMPUTED[name](), {"REML_full_covariance/*": 1e-6})


# --- a second judge ------------------------------------------------------------------------------------------------------------------


def basic_contrasts() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """y, design, covariance and heterogeneity of the R network, as whole matrices straight from its arms."""
    arms = reference.load("network")["inputs"]["arms"]
    treatments = sorted({arm["treatment"] for arm in arms})
    y, design, study, variance = [], [], [], []
    for name in dict.fromkeys(arm["study"] for arm in arms):
        first, *others = [arm for arm in arms if arm["study"] == name]
        for other in others:
            y.append(other["mean"] - first["mean"])
            design.append([(t == other["treatment"]) - (t == first["treatment"]) for t in treatments[1:]])
            study.append(name)
            variance.append((first["variance"], other["variance"]))
    same = np.array([[a == b for b in study] for a in study])
    shared = np.array([first for first, _ in variance])
    covariance = np.where(same, shared[:, None], 0.0) + np.diag([other for _, other in variance])
    return np.array(y), np.array(design, dtype=float), covariance, np.where(same, 0.5, 0.0) + np.eye(len(y)) / 2


def test_generalised_least_squares_from_the_arms_agrees():
    """From means and variances of arms, with the whole covariance matrix, and the restricted likelihood maximised blindly."""
    y, design, covariance, heterogeneity = basic_contrasts()

    def solve(tau2):
        inverse = np.linalg.inv(covariance + tau2 * heterogeneity)
        information = design.T @ inverse @ design
        effect = np.linalg.solve(information, design.T @ inverse @ y)
        residual = y - design @ effect
        minus = -np.linalg.slogdet(inverse)[1] + np.linalg.slogdet(information)[1] + residual @ inverse @ residual
        return effect, np.linalg.inv(information), minus

    tau2 = minimize_scalar(lambda t: solve(t)[2], bounds=(0, 20), method="bounded", options={"xatol": 1e-10}).x
    effect, variance, _ = solve(tau2)
    fit = network.fit(contrasts_of("network"), method="REML")
    against_a = fit.league().query("treatment_b == 'A'")
    assert fit.tau2 == pytest.approx(tau2, rel=1e-6)
    assert list(against_a["estimate"]) == pytest.approx(list(effect), rel=1e-6)
    assert list(against_a["standard_error"]) == pytest.approx(list(np.sqrt(np.diag(variance))), rel=1e-6)


@pytest.mark.parametrize("y, error", reference.TWO_MAXIMA.values(), ids=reference.TWO_MAXIMA)
def test_reml_of_a_network_is_the_highest_of_several_maxima(y, error):
    fit = network.fit(table(*((f"S{i}", "A", "B", *pair) for i, pair in enumerate(zip(y, error, strict=True)))), method="REML")
    assert fit.tau2 == pytest.approx(pairwise.pool(y, error).tau2, rel=1e-9)


# --- laws ----------------------------------------------------------------------------------------------------------------------------

ESTIMATES = st.one_of(st.floats(-3, 3), st.floats(-20, 20)).map(lambda x: round(x, 2))
VARIANCES = st.floats(0.1, 9).map(lambda x: round(x, 2))
FITTED = st.sampled_from(network.METHODS)


@st.composite
def networks(draw) -> pd.DataFrame:
    """Connected networks of two- and three-arm trials, made from arms, so that the contrasts of a trial agree."""
    treatments = list("ABCDE")[: draw(st.integers(2, 5))]
    trials = [[treatments[draw(st.integers(0, i - 1))], treatments[i]] for i in range(1, len(treatments))]
    trials += draw(st.lists(st.lists(st.sampled_from(treatments), min_size=2, max_size=3, unique=True), max_size=4))
    rows = []
    for i, arms in enumerate(trials):
        arm = {t: (draw(ESTIMATES), draw(VARIANCES)) for t in arms}
        rows += [
            (f"S{i}", a, b, arm[a][0] - arm[b][0], math.sqrt(arm[a][1] + arm[b][1])) for a, b in combinations(arms, 2)
        ]  # fmt: skip
    return table(*rows)


def league(fit: network.Network) -> pd.DataFrame:
    return fit.league().set_index(["treatment_a", "treatment_b"]).sort_index()


def assert_equal(one: pd.DataFrame, other: pd.DataFrame, tolerance: float = 1e-6) -> None:
    assert list(one.index) == list(other.index)
    assert np.allclose(one.to_numpy(dtype=float), other.to_numpy(dtype=float), rtol=tolerance, atol=tolerance, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ESTIMATES, VARIANCES), min_size=2, max_size=8), FITTED)
def test_two_treatments_are_a_pairwise_pool(studies, method):
    y, error = np.array([x for x, _ in studies]), np.sqrt([v for _, v in studies])
    fit = network.fit(table(*((i, "drug", "control", *pair) for i, pair in enumerate(zip(y, error, strict=True)))), method=method)
    pool = pairwise.pool(y, error, method=method)
    row = league(fit).loc[("drug", "control")]
    shown = [row["estimate"], row["standard_error"], row["ci_low"], row["ci_high"], fit.tau2, fit.q_total, fit.q_within, fit.q_between]
    expected = [pool.estimate, pool.standard_error, pool.ci_low, pool.ci_high, pool.tau2, pool.q, pool.q, 0]
    assert shown == pytest.approx(expected, rel=1e-7, abs=1e-9)
    if method != "common" and pool.k > 2:
        prediction = fit.prediction().set_index(["treatment_a", "treatment_b"]).loc[("drug", "control")]
        assert [prediction["pi_low"], prediction["pi_high"]] == pytest.approx(list(pool.prediction("V")), rel=1e-6, abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(ESTIMATES, VARIANCES, ESTIMATES, VARIANCES, FITTED)
def test_a_star_is_bucher(ab, v_ab, cb, v_cb, method):
    fit = network.fit(table(("S1", "a", "b", ab, v_ab**0.5), ("S2", "c", "b", cb, v_cb**0.5)), method=method)
    assert tuple(league(fit).loc[("a", "c")]) == pytest.approx(network.bucher(ab, v_ab**0.5, cb, v_cb**0.5)[:4], rel=1e-9, abs=1e-9)
    assert math.isnan(fit.tau2) == (method != "common")


@settings(max_examples=60, deadline=None)
@given(networks(), FITTED, st.randoms(use_true_random=False))
def test_order_of_rows_and_side_of_arms_do_not_matter(contrasts, method, random):
    rows = [(s, b, a, -y, se) if random.random() < 0.5 else (s, a, b, y, se) for s, a, b, y, se in contrasts.itertuples(index=False)]
    random.shuffle(rows)
    assert_equal(league(network.fit(contrasts, method=method)), league(network.fit(table(*rows), method=method)))


@settings(max_examples=60, deadline=None)
@given(networks(), FITTED)
def test_names_of_treatments_do_not_matter(contrasts, method):
    """Which treatment comes first decides what is computed against what, and nothing else."""
    turned = dict(zip("ABCDE", "EDCBA", strict=True))
    renamed = contrasts.replace({"treatment_a": turned, "treatment_b": turned})
    back = network.fit(renamed, method=method).league().replace({"treatment_a": turned, "treatment_b": turned})
    assert_equal(league(network.fit(contrasts, method=method)), back.set_index(["treatment_a", "treatment_b"]).sort_index())


@settings(max_examples=60, deadline=None)
@given(networks(), FITTED, st.integers(-30, 30))
def test_unit_does_not_matter(contrasts, method, exponent):
    factor = 2.0**exponent
    scaled = contrasts.assign(estimate=contrasts["estimate"] * factor, standard_error=contrasts["standard_error"] * factor)
    one, other = network.fit(contrasts, method=method), network.fit(scaled, method=method)
    assert_equal(league(one), league(other) / factor, 1e-9)
    assert other.tau2 == pytest.approx(one.tau2 * factor**2, rel=1e-9, nan_ok=True)
    assert [other.q_total, other.q_within, other.q_between] == pytest.approx([one.q_total, one.q_within, one.q_between], rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(networks(), FITTED)
def test_a_league_contradicts_itself_nowhere(contrasts, method):
    fit = network.fit(contrasts, method=method)
    rows = league(fit)
    for a, b, c in combinations(fit.treatments, 3):
        assert rows.loc[(a, b), "estimate"] + rows.loc[(b, c), "estimate"] == pytest.approx(rows.loc[(a, c), "estimate"], abs=1e-8)
    for a, b in combinations(fit.treatments, 2):
        assert rows.loc[(a, b), "ci_low"] == pytest.approx(-rows.loc[(b, a), "ci_high"], abs=1e-9)
    scores = fit.p_scores("higher")
    assert scores.mean() == pytest.approx(0.5)
    assert list(fit.p_scores("lower")) == pytest.approx(list(1 - scores))


@settings(max_examples=60, deadline=None)
@given(networks(), FITTED)
def test_a_split_adds_up(contrasts, method):
    """Direct and indirect evidence, each with its own weight, are the network's estimate."""
    fit = network.fit(contrasts, method=method)
    rows = league(fit)
    for row in fit.split().itertuples():
        if row.k and not math.isnan(row.indirect):
            whole = row.proportion_direct * row.direct + (1 - row.proportion_direct) * row.indirect
            assert whole == pytest.approx(rows.loc[(row.treatment_a, row.treatment_b), "estimate"], abs=1e-6)
        assert 0 <= row.proportion_direct <= 1
        assert row.k or math.isnan(row.direct)


# --- edges ---------------------------------------------------------------------------------------------------------------------------


def test_a_trial_of_three_arms_alone_is_itself():
    arms = {"A": (1.0, 0.5), "B": (2.5, 0.7), "C": (4.0, 0.9)}
    rows = [("S", a, b, arms[a][0] - arms[b][0], math.sqrt(arms[a][1] + arms[b][1])) for a, b in combinations(arms, 2)]
    fit = network.fit(table(*rows), method="DL")
    assert math.isnan(fit.tau2)
    for _, a, b, estimate, error in rows:
        assert list(league(fit).loc[(a, b), ["estimate", "standard_error"]]) == pytest.approx([estimate, error])
    assert fit.split()["indirect"].isna().all()


def test_three_arms_do_not_count_as_three_trials():
    """Taken for three trials, the same patients would be counted twice."""
    one = network.fit(table(("S", "A", "B", 1, 1), ("S", "A", "C", 2, 1), ("S", "B", "C", 1, 1)))
    three = network.fit(table(("S1", "A", "B", 1, 1), ("S2", "A", "C", 2, 1), ("S3", "B", "C", 1, 1)))
    assert league(one).loc[("A", "B"), "standard_error"] == pytest.approx(1)
    assert league(three).loc[("A", "B"), "standard_error"] == pytest.approx(math.sqrt(2 / 3))


def test_two_trials_with_the_same_three_arms_differ_within_their_design_only():
    """Q is the same as that of the two vectors of contrasts, d'(V1 + V2)⁻¹d, with a degree of freedom for each contrast."""
    arms = [{"A": (0.0, 0.5), "B": (2.0, 0.7), "C": (4.0, 0.9)}, {"A": (0.0, 0.3), "B": (-1.0, 0.4), "C": (3.0, 1.1)}]
    rows = [
        (f"S{i}", a, b, of[a][0] - of[b][0], math.sqrt(of[a][1] + of[b][1])) for i, of in enumerate(arms) for a, b in combinations(of, 2)
    ]  # fmt: skip
    fit = network.fit(table(*rows), method="DL")
    apart = np.array([3.0, 1.0])  # B - A and C - A, first trial minus second
    q = apart @ np.linalg.inv(np.array([[0.7 + 0.5 + 0.4 + 0.3, 0.8], [0.8, 0.9 + 0.5 + 1.1 + 0.3]])) @ apart
    assert [fit.q_total, fit.q_within, fit.q_between] == pytest.approx([q, q, 0])
    assert [fit.q_total_df, fit.q_within_df, fit.q_between_df] == [2, 2, 0]


@pytest.mark.parametrize("method", ["DL", "REML"])
def test_a_network_that_agrees_better_than_chance_has_no_heterogeneity(method):
    rows = table(
        *((f"S{i}", *arms, y, 1.0) for i, (arms, y) in enumerate([("AB", 1.0), ("AB", 1.1), ("BC", 0.5), ("AC", 1.4), ("AC", 1.6)]))
    )
    random, common = network.fit(rows, method=method), network.fit(rows, method="common")
    assert random.q_total < random.q_total_df
    assert (random.tau2, random.i2) == (0, 0)
    assert_equal(league(random), league(common), 1e-12)


def test_without_degrees_of_freedom_nothing_is_predicted():
    star = contrasts_of("star_network")
    for method in network.METHODS:
        fit = network.fit(star, method=method)
        assert fit.prediction()["pi_low"].isna().all()
        assert math.isnan(fit.q_total_p)
        assert fit.q_between == 0


def test_common_effect_predicts_nothing():
    assert network.fit(contrasts_of("network"), method="common").prediction()["pi_high"].isna().all()


def test_rounding_of_a_report_is_no_contradiction():
    """A row that misses by less than a hundredth of its standard error is spread over the arms, whatever their order."""
    rows = [("S", "A", "B", 1.0, 1.0), ("S", "A", "C", 2.0, 1.0), ("S", "B", "C", 1.01, 1.0)]
    fit = network.fit(table(*rows))
    assert league(fit).loc[("A", "B"), "estimate"] == pytest.approx(1.0 - 0.01 / 3)


THREE = [("S1", "A", "B", 1.0, 1.0), ("S1", "A", "C", 2.0, 1.0), ("S1", "B", "C", 1.0, 1.0)]
REFUSED = {
    "nothing": ([], "no study"),
    "nan": ([("S1", "A", "B", math.nan, 1.0)], "study S1: estimate is nan"),
    "infinite": ([("S1", "A", "B", math.inf, 1.0)], "study S1: estimate is inf"),
    "text": ([("S1", "A", "B", "much", 1.0)], "study S1: estimate is much"),
    "zero error": ([("S1", "A", "B", 1.0, 0.0)], "study S1: standard_error is 0"),
    "negative error": ([("S1", "A", "B", 1.0, 1.0), ("S2", "A", "B", 1.0, -1.0)], "study S2: standard_error is -1"),
    "missing error": ([("S1", "A", "B", 1.0, None)], "study S1: standard_error is"),
    "no treatment": ([("S1", "A", None, 1.0, 1.0)], "row 1: treatment_b is empty"),
    "no study": ([("", "A", "B", 1.0, 1.0)], "row 1: study is empty"),
    "itself": ([("S1", "A", "A", 1.0, 1.0)], "study S1: A is compared with itself"),
    "twice": ([("S1", "A", "B", 1.0, 1.0), ("S1", "B", "A", -1.0, 1.0)], "study S1: A against B is there 2 times"),
    "incomplete": (THREE[:2], "study S1: has 3 arms and lacks B against C"),
    "contradiction": ([*THREE[:2], ("S1", "B", "C", 2.0, 1.0)], "study S1: its contrasts contradict"),
    "sign": ([*THREE[:2], ("S1", "B", "C", -1.0, 1.0)], "study S1: its contrasts contradict"),
    "errors": ([*THREE[:2], ("S1", "B", "C", 1.0, 3.0)], "study S1: its standard errors contradict"),
    "parts": ([("S1", "A", "B", 1.0, 1.0), ("S2", "C", "D", 1.0, 1.0)], r"2 parts .*A, B \(study S1\); C, D \(study S2\)"),
    "too far apart": ([("S1", "A", "B", 1.0, 1e-9), ("S2", "C", "B", 1.0, 1e9)], "too far apart"),
}


@pytest.mark.parametrize("method", network.METHODS)
@pytest.mark.parametrize("rows, message", REFUSED.values(), ids=REFUSED)
def test_what_is_no_network_is_refused(rows, message, method):
    with pytest.raises(ValueError, match=message):
        network.fit(table(*rows), method=method)


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(ValueError, match=r"(?s)study S1: .*study S3: "):
        network.fit(table(("S1", "A", "B", 1.0, 0.0), ("S2", "A", "B", 1.0, 1.0), ("S3", "A", "B", math.nan, 1.0)))


def test_other_unusable_calls_are_refused():
    rows = table(("S1", "A", "B", 1.0, 1.0))
    for call in (
        lambda: network.fit(rows, method="PM"),
        lambda: network.fit(rows, level=95),
        lambda: network.fit(rows.drop(columns="study")),
        lambda: network.fit(rows).p_scores("more"),
        lambda: network.bucher(1, 0, 1, 1),
        lambda: network.bucher(math.nan, 1, 1, 1),
    ):
        with pytest.raises(ValueError, match=r"expected|lack"):
            call()
