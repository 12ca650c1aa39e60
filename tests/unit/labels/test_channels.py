"""All channels in nuclei and rings: exact small cases, NumPy nucleus by nucleus, odd images."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autonuclei.labels.channel_names import CHANNEL_COLUMNS, name_channels
from autonuclei.labels.channels import FEWEST_PX, measure_channels
from autonuclei.labels.measurement import measure_objects
from autonuclei.labels.rings import find_rings, measure_distance2

Array = npt.NDArray[Any]

FIRST = [
    "frame", "label", "ring_area_px", "ring_touches_border", "background_is_local",
]  # fmt: skip


def draw_crowd(seed: int = 0, n: int = 40) -> Array:
    """Nuclei of which many touch or are cut by the border; numbers have gaps."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((150, 300))
    labels = np.zeros((150, 300), np.uint16)
    for number in rng.permutation(np.arange(1, n + 1)):
        y, x, radius = rng.uniform(0, 150), rng.uniform(0, 200), rng.uniform(4, 9)
        labels[np.hypot(rows - y, columns - x) <= radius] = 3 * number
    return labels


def describe(values: Array) -> dict[str, float]:
    """The statistics as NumPy has them."""
    values = values.astype(np.float64)
    p05, median, p95 = np.percentile(values, [5, 50, 95])
    return {
        "mean": values.mean(), "median": median, "total": values.sum(), "std": values.std(),
        "p05": p05, "p95": p95,
    }  # fmt: skip


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_numbers_are_those_of_numpy(kind: type) -> None:
    labels = draw_crowd()
    plane = np.random.default_rng(1).gamma(3, 12, labels.shape).astype(kind)
    table = measure_channels(labels, {"a": plane}, frame=4, subtract_background=False)
    assert list(table) == [*FIRST, *(f"a_{name}" for name in CHANNEL_COLUMNS)]
    assert table["label"].tolist() == np.unique(labels)[1:].tolist()
    assert set(table["frame"]) == {4}
    distance2 = measure_distance2(labels)
    rings = find_rings(labels, distance2, gap_px=2, ring_px=5)
    border = np.ones(labels.shape, np.bool_)
    border[1:-1, 1:-1] = False
    for row in table.to_dict("records"):
        nucleus, ring = labels == row["label"], rings == row["label"]
        for name, value in describe(plane[nucleus]).items():
            assert row[f"a_{name}"] == pytest.approx(value, rel=1e-6)
        assert row["a_raw_mean"] == row["a_mean"]
        assert row["ring_area_px"] == ring.sum()
        assert row["ring_touches_border"] == (ring & border).any()
        core = nucleus & (distance2 > 4)
        if core.sum() < FEWEST_PX:
            assert np.isnan(row["a_core_mean"])
        else:
            assert row["a_core_mean"] == pytest.approx(plane[core].mean(dtype=float), rel=1e-6)
        if ring.sum() < FEWEST_PX:
            assert all(np.isnan(row[f"a_{n}"]) for n in CHANNEL_COLUMNS if n.startswith("ring"))
            continue
        for name, value in describe(plane[ring]).items():
            assert row[f"a_ring_{name}"] == pytest.approx(value, rel=1e-6)
        ratio = row["a_core_mean"] / row["a_ring_mean"]
        assert row["a_ring_ratio"] == pytest.approx(ratio, rel=1e-6, nan_ok=True)
    small = table["ring_area_px"] < FEWEST_PX
    assert small.any()
    assert not small.all()


def test_agrees_with_the_table_of_objects() -> None:
    labels = draw_crowd()
    plane = np.random.default_rng(2).poisson(200, labels.shape).astype(np.uint16)
    table = measure_channels(labels, {"a": plane})
    objects = measure_objects(labels, plane)
    np.testing.assert_allclose(table["a_raw_mean"], objects["mean_intensity"])
    np.testing.assert_allclose(table["a_std"], objects["std_intensity"])
    np.testing.assert_allclose(table["a_total"], table["a_mean"] * objects["area_px"])


def test_background_is_taken_off_in_nucleus_and_ring() -> None:
    labels = np.zeros((200, 200), np.uint16)
    labels[90:110, 90:110] = 7
    plane = np.full(labels.shape, 100, np.uint16)
    plane[80:120, 80:120] = 150
    plane[90:110, 90:110] = 300
    row = measure_channels(labels, {"GFP": plane}, ring_px=5, gap_px=2).iloc[0]
    assert row["GFP_background"] == 100
    assert row["GFP_raw_mean"] == 300
    assert row["GFP_mean"] == row["GFP_median"] == row["GFP_p05"] == row["GFP_p95"] == 200
    assert row["GFP_total"] == 200 * 400
    assert row["GFP_ring_mean"] == row["GFP_ring_median"] == 50
    assert row["GFP_ring_total"] == 50 * row["ring_area_px"]
    assert row["GFP_std"] == row["GFP_ring_std"] == 0
    assert row["GFP_ring_ratio"] == 4
    assert row["background_is_local"]
    assert not row["ring_touches_border"]
    raw = measure_channels(labels, {"GFP": plane}, subtract_background=False).iloc[0]
    assert raw["GFP_background"] == 0
    assert raw["GFP_mean"] == 300
    assert raw["GFP_ring_ratio"] == 2


def test_ring_that_is_no_brighter_than_the_background_has_no_ratio() -> None:
    rng = np.random.default_rng(3)
    labels = np.zeros((300, 300), np.uint16)
    for number, (y, x) in enumerate(np.ndindex(5, 5), start=1):
        labels[60 * y + 20 : 60 * y + 36, 60 * x + 20 : 60 * x + 36] = number
    plane = rng.normal(100, 10, labels.shape) + 50 * (labels > 0)
    table = measure_channels(labels, {"a": plane})
    assert table["a_ring_ratio"].isna().sum() >= 24
    glowing = plane + 25 * (measure_distance2(labels) < 100)
    ratio = measure_channels(labels, {"a": glowing})["a_ring_ratio"]
    np.testing.assert_allclose(ratio, 3, atol=0.7)
    assert ratio.mean() == pytest.approx(3, abs=0.15)


def test_without_free_pixels_only_what_needs_no_background_is_known() -> None:
    labels = np.zeros((40, 40), np.uint16)
    labels[5:35, 5:35] = 1
    table = measure_channels(labels, {"a": np.full(labels.shape, 9, np.uint8)})
    row = table.iloc[0]
    assert row["a_raw_mean"] == 9
    assert row["a_std"] == 0
    for name in ("mean", "median", "total", "ring_mean", "ring_ratio", "background"):
        assert np.isnan(row[f"a_{name}"])
    assert not row["background_is_local"]


@pytest.mark.parametrize(
    ("plane", "share"),
    [
        (np.array([[255, 255, 255, 254]], np.uint8), 0.75),
        (np.array([[4095, 4095, 7, 4094]], np.uint16), 0.5),
        (np.array([[4095, 65535, 7, 4094]], np.uint16), 0.25),
        (np.array([[4000, 4000, 7, 9]], np.uint16), 0),  # no end of a scale
        (np.array([[255, 255, 1, 1]], np.float32), 0),
    ],
)
def test_saturated_pixels(plane: Array, share: float) -> None:
    table = measure_channels(np.ones((1, 4), np.uint8), {"a": plane})
    assert table["a_saturated"].tolist() == [share]


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_broken_pixels_are_nan_where_they_are_and_nowhere_else(broken: float) -> None:
    labels = draw_crowd()
    plane = np.random.default_rng(4).gamma(9, 12, labels.shape).astype(np.float32)
    nucleus = int(labels.max())
    damaged = np.where(labels == nucleus, broken, plane)
    damaged[:, 250] = broken  # in the background
    before = measure_channels(labels, {"a": plane}).set_index("label")
    after = measure_channels(labels, {"a": damaged}).set_index("label")
    assert (
        after.loc[nucleus, ["a_mean", "a_std", "a_p05", "a_raw_mean", "a_ring_ratio"]].isna().all()
    )
    others = before.index != nucleus
    for name in (n for n in CHANNEL_COLUMNS if not n.endswith("total")):
        one, two = (table.loc[others, f"a_{name}"].astype(float) for table in (after, before))
        np.testing.assert_allclose(one, two, rtol=0.02, atol=0.2)


@pytest.mark.parametrize("rows", [7, 40])
def test_channels_in_strips_are_those_of_the_whole(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = draw_crowd()
    rng = np.random.default_rng(2)
    planes = {
        "a": rng.gamma(3, 12, labels.shape).astype(np.uint8),
        "b": rng.normal(size=(150, 300)),
    }
    whole = measure_channels(labels, planes)
    monkeypatch.setattr("autonuclei.labels.strips.STRIP_PX", rows * 300)
    monkeypatch.setattr("autonuclei.labels.strips.FEWEST_ROWS", 1)
    pd.testing.assert_frame_equal(measure_channels(labels, planes), whole, check_exact=True)
    nothing = measure_channels(np.zeros_like(labels), planes)
    assert len(nothing) == 0 and list(nothing) == list(whole)


def test_empty_image_has_all_columns_and_no_row() -> None:
    empty = np.zeros((30, 40), np.uint16)
    table = measure_channels(empty, {"a": empty, "b": empty.astype(np.float32)})
    one = empty.copy()
    one[5:20, 5:20] = 1
    full = measure_channels(one, {"a": empty, "b": empty.astype(np.float32)})
    assert len(table) == 0
    assert table.dtypes.to_dict() == full.dtypes.to_dict()


def test_nuclei_at_the_border_and_one_that_fills_the_image() -> None:
    labels = np.zeros((100, 100), np.uint16)
    labels[:10, :10] = 1
    labels[40:50, 40:50] = 2
    labels[92:99, 60:70] = 3
    table = measure_channels(labels, {"a": labels}, ring_px=3, gap_px=0)
    assert table["ring_touches_border"].tolist() == [True, False, True]
    assert table["ring_area_px"].tolist()[0] < table["ring_area_px"].tolist()[1]
    full = measure_channels(np.ones((9, 9), np.uint8), {"a": labels[:9, :9]})
    assert full["ring_area_px"].tolist() == [0]
    assert not full["ring_touches_border"].any()


@given(
    hnp.arrays(np.uint16, (12, 14), elements=st.sampled_from([0] * 6 + [1, 2, 5]), fill=st.just(0)),
    st.permutations([1, 2, 5]),
)
@settings(max_examples=40, deadline=None)
def test_numbers_of_labels_play_no_part(labels: Array, order: list[int]) -> None:
    numbers = np.zeros(6, np.int32)
    numbers[[1, 2, 5]] = np.array(order) * 100_000
    plane = np.arange(labels.size, dtype=np.uint16).reshape(labels.shape) ** 2
    with warnings.catch_warnings(action="error"):
        table = measure_channels(labels, {"a": plane}, gap_px=0)
        again = measure_channels(numbers[labels], {"a": plane}, gap_px=0)
    table["label"] = numbers[table["label"]]
    table = table.sort_values("label", ignore_index=True)
    np.testing.assert_allclose(again.astype(float), table.astype(float), rtol=1e-12)


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["DAPI", "GFP"], ["DAPI", "GFP"]),
        (["488", "", None, "ch2"], ["channel_488", "channel2", "channel3", "ch2"]),
        (["Alexa Fluor 488 (p53)", "Hö-3%"], ["Alexa_Fluor_488_p53", "Ho_3"]),
        (["GFP", "gfp", "GFP"], ["GFP", "gfp_2", "GFP_3"]),
        (["蛍光", "β-catenin"], ["channel1", "catenin"]),
        (["GFP", "GFP_ring"], ["GFP", "GFP_ring_2"]),  # GFP_ring_mean would be of both
        ([None, "channel1"], ["channel1", "channel1_2"]),
    ],
)
def test_names_of_channels(names: list[str | None], safe: list[str]) -> None:
    assert name_channels(names) == safe
    assert name_channels(safe) == safe


@given(
    st.lists(st.text(max_size=6) | st.sampled_from(["a", "A", "a_ring", "a_2", "1"]), max_size=6)
)
def test_columns_of_channels_are_unique(names: list[str]) -> None:
    safe = name_channels(names)
    columns = [f"{name}_{column}".lower() for name in safe for column in CHANNEL_COLUMNS]
    assert len(set(columns)) == len(columns)
    assert all(name.isidentifier() and name.isascii() and name[0].isalpha() for name in safe)
    assert name_channels(safe) == safe


def test_wrong_input_is_refused() -> None:
    labels = np.zeros((5, 6), np.uint8)
    with pytest.raises(ValueError, match="differ in shape"):
        measure_channels(labels, {"a": np.zeros((6, 5))})
    with pytest.raises(ValueError, match="are needed"):
        measure_channels(labels, {"a": labels}, ring_px=0)
    with pytest.raises(ValueError, match="are needed"):
        measure_channels(labels, {"a": labels}, gap_px=-1)
