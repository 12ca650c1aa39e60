import numpy as np
import pandas as pd
import pytest

from autonuclei.errors import InputError
from autonuclei.measure.conditions import (
    average_replicates,
    average_samples,
    compare_conditions,
    estimate_mean,
    gather_samples,
    locate_well,
    tabulate_wells,
)


def draw_experiment(
    random,
    *,
    n_replicates=3,
    n_samples=2,
    n_nuclei=30,
    effects=(0.0, 0.0),
    spread=1.0,
    values=("area",),
):
    """Nuclei in samples in replicates: most of the variance is between replicates."""
    keys = [
        (f"drug {condition}", f"day {replicate}", f"{condition}{replicate}{sample}")
        for condition in range(len(effects))
        for replicate in range(n_replicates)
        for sample in range(n_samples)
    ]
    shape = (len(effects), n_replicates, n_samples, n_nuclei, len(values))
    levels = 100 + np.reshape(effects, (-1, 1, 1, 1, 1)) + random.normal(size=shape)
    levels += spread * random.normal(size=(*shape[:2], 1, 1, len(values)))
    levels += 0.2 * random.normal(size=(*shape[:3], 1, len(values)))
    names = pd.DataFrame(keys, columns=["condition", "replicate", "sample"])
    names = names.loc[names.index.repeat(n_nuclei)].reset_index(drop=True)
    names[list(values)] = levels.reshape(-1, len(values))
    return names


def compare(nuclei, values=("area",), **options):
    samples = average_samples(nuclei, values)
    return compare_conditions(average_replicates(samples, values), values, **options)


def test_sheet_columns_stand_in_front_and_are_text():
    tables = {
        "b": pd.DataFrame({"track": [1, 2], "speed": [0.5, 1.0], "well": "old"}),
        "a": pd.DataFrame({"track": [1], "speed": [2.0]}),
        "none": pd.DataFrame({"track": [], "speed": []}),
    }
    columns = {"b": {"well": "1E3", "condition": "drug"}, "a": {"well": "", "condition": "ctrl"}}
    joined = gather_samples(tables, columns)
    assert list(joined) == ["condition", "well", "sample", "track", "speed"]
    assert joined["well"].tolist() == ["1E3", "1E3", ""]
    assert joined["sample"].tolist() == ["b", "b", "a"]
    assert joined["track"].dtype == np.int64
    assert list(gather_samples({}, {})) == ["sample"]
    without = gather_samples({"x": pd.DataFrame({"track": [3]})}, {})
    assert without.to_dict("list") == {"sample": ["x"], "track": [3]}


def test_every_sample_counts_the_same_within_its_replicate():
    nuclei = pd.DataFrame(
        {
            "condition": "c",
            "replicate": "1",
            "sample": ["a"] * 3 + ["b"],
            "area": [1.0, 2.0, np.nan, 10.0],
        }
    )
    samples = average_samples(nuclei, ["area"])
    assert samples["n_rows"].tolist() == [3, 1]
    assert samples["area"].tolist() == [1.5, 10.0]
    replicates = average_replicates(samples, ["area"])
    assert replicates.to_dict("records") == [
        {
            "condition": "c",
            "replicate": "1",
            "replicate_is": "replicate",
            "n_samples": 2,
            "area": 5.75,
        }
    ]


def test_sites_of_a_well_are_no_replicates():
    samples = pd.DataFrame(
        {
            "condition": ["c", "c", "c", ""],
            "plate": "P1",
            "well": ["A1", "A1", "A2", "A3"],
            "sample": list("wxyz"),
            "area": [1.0, 3.0, 5.0, 7.0],
        }
    )
    replicates = average_replicates(samples, ["area"])
    assert replicates["replicate"].tolist() == ["P1 A1", "P1 A2"]
    assert replicates["replicate_is"].tolist() == ["well", "well"]
    assert replicates["area"].tolist() == [2.0, 5.0]
    alone = average_replicates(samples.drop(columns=["plate", "well"]), ["area"])
    assert alone["replicate"].tolist() == ["w", "x", "y"]
    assert set(alone["replicate_is"]) == {"sample"}


def test_a_worked_example():
    # Welch: scipy.stats.ttest_ind; Hedges' g and its interval: R, effsize and MBESS formulas.
    from scipy.stats import nct, ttest_ind

    control, own = np.array([1.0, 2.0, 3.0]), np.array([4.0, 6.0, 7.0, 9.0])
    replicates = pd.DataFrame(
        {"condition": ["k"] * 3 + ["d"] * 4, "area": np.concatenate([control, own])}
    )
    row = compare_conditions(replicates, ["area"]).iloc[0]
    expected = ttest_ind(own, control, equal_var=False)
    interval = expected.confidence_interval()
    assert row["control"] == "k"
    assert row["difference"] == pytest.approx(4.5)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(tuple(interval))
    assert row["p_value"] == pytest.approx(expected.pvalue)
    pooled = np.sqrt((2 * control.var(ddof=1) + 3 * own.var(ddof=1)) / 5)
    assert row["hedges_g"] == pytest.approx(4.5 / pooled * (1 - 3 / 19))
    scale = np.sqrt(1 / 3 + 1 / 4)
    for end, share in (("g_low", 0.975), ("g_high", 0.025)):
        assert nct.cdf(4.5 / pooled / scale, 5, row[end] / scale) == pytest.approx(share, abs=1e-4)
    turned = compare_conditions(replicates, ["area"], control="d").iloc[0]
    assert turned["difference"] == -row["difference"]
    assert turned["hedges_g"] == pytest.approx(-row["hedges_g"])


def test_few_replicates_say_why_there_is_no_p_value():
    random = np.random.default_rng(0)
    two = compare(draw_experiment(random, n_replicates=2)).iloc[0]
    assert np.isnan(two["p_value"])
    assert np.isfinite(two["difference_low"])
    assert two["note"] == "fewer than 3 replicates: no p-value"
    one = compare(draw_experiment(random, n_replicates=1)).iloc[0]
    assert one[["difference_low", "hedges_g", "p_value", "p_holm"]].isna().all()
    assert np.isfinite(one["difference"])
    assert "single replicate" in one["note"]
    equal = pd.DataFrame({"condition": list("kkkddd"), "area": [0.1] * 3 + [0.3] * 3})
    row = compare_conditions(equal, ["area"]).iloc[0]
    assert row["difference"] == pytest.approx(0.2)
    assert np.isnan(row["p_value"])
    assert "equal" in row["note"]
    missing = equal.assign(area=[1, 2, 3, np.nan, np.nan, np.nan])
    assert compare_conditions(missing, ["area"]).iloc[0]["note"] == "no values"


def test_no_conditions_and_a_wrong_control():
    replicates = pd.DataFrame({"condition": list("aab"), "area": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match=r"no sample has the condition 'x'\. Use one of: a, b"):
        compare_conditions(replicates, ["area"], control="x")
    assert len(compare_conditions(replicates.iloc[:0], ["area"])) == 0
    only = compare_conditions(replicates.iloc[:2], ["area"])
    assert len(only) == 0
    assert "p_holm" in only


def test_holm_over_all_comparisons():
    random = np.random.default_rng(3)
    values = ("area", "speed", "level")
    nuclei = draw_experiment(random, effects=(0, 5, 0), values=values)
    table = compare(nuclei, values).sort_values("p_value")
    assert len(table) == 6
    factors = [6, 5, 4, 3, 2, 1]
    expected = np.minimum(1, np.maximum.accumulate(table["p_value"] * factors))
    np.testing.assert_allclose(table["p_holm"], expected)


@pytest.mark.parametrize("n_replicates", [3, 6])
def test_no_difference_is_found_where_there_is_none(n_replicates):
    random = np.random.default_rng(2)
    found = 0
    for _ in range(100):
        nuclei = draw_experiment(
            random, n_replicates=n_replicates, effects=(0, 0, 0), values=("area", "speed")
        )
        found += bool((compare(nuclei, ("area", "speed"))["p_holm"] < 0.05).any())
    assert found <= 5


@pytest.mark.parametrize("n_replicates", [3, 6])
def test_intervals_hold_a_known_effect(n_replicates):
    random = np.random.default_rng(5)
    held = {"difference": 0, "g": 0}
    # Between replicates: their own spread and that of the means of samples and nuclei.
    spread = np.sqrt(1 + 0.2**2 / 2 + 1 / 60)
    for _ in range(100):
        row = compare(draw_experiment(random, n_replicates=n_replicates, effects=(0, 2))).iloc[0]
        held["difference"] += row["difference_low"] <= 2 <= row["difference_high"]
        held["g"] += row["g_low"] <= 2 / spread <= row["g_high"]
    for n in held.values():
        assert n >= 91, held


def test_mean_of_replicates():
    mean, low, high = estimate_mean(np.array([1.0, 2.0, 3.0, np.nan]))
    assert mean == 2
    assert (low, high) == pytest.approx((2 - 4.3027 / np.sqrt(3), 2 + 4.3027 / np.sqrt(3)), 1e-4)
    assert np.isnan(estimate_mean(np.array([np.nan]))).all()
    mean, low, _ = estimate_mean(np.array([4.0]))
    assert mean == 4
    assert np.isnan(low)


@pytest.mark.parametrize(
    ("well", "place"),
    [
        ("B03", (2, 3)),
        ("b3", (2, 3)),
        ("H-12", (8, 12)),
        ("r02c05", (2, 5)),
        ("R2C5", (2, 5)),
        ("R02", (18, 2)),
        ("AF48", (32, 48)),
        ("P24", (16, 24)),
        ("AG01", None),
        ("A00", None),
        ("A49", None),
        ("control", None),
        ("C", None),
        ("12", None),
        ("", None),
    ],
)
def test_where_a_well_is(well, place):
    assert locate_well(well) == place


def test_wells_of_a_plate():
    samples = pd.DataFrame(
        {
            "condition": ["k", "k", "d", "k"],
            "plate": ["P1", "P1", "P1", "P2"],
            "well": ["B03", "B3", "r02c05", "nowhere"],
            "sample": list("abcd"),
            "n": [1.0, 3.0, 5.0, 7.0],
        }
    )
    table = tabulate_wells(samples, ["n"])
    assert table.to_dict("list") == {
        "plate": ["P1", "P1"],
        "well": ["B03", "r02c05"],
        "row": [2, 2],
        "column": [3, 5],
        "condition": ["k", "d"],
        "n_samples": [2, 1],
        "n": [2.0, 5.0],
    }
    assert len(tabulate_wells(samples.iloc[3:], ["n"])) == 0
