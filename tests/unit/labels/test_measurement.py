"""The object table: exact rectangles, scikit-image's numbers, and the way through a file."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter, label
from scipy.spatial import ConvexHull
from skimage.measure import regionprops_table

from autonuclei.io.tables import concatenate_tables, read_table, write_table
from autonuclei.labels.measurement import OBJECT_COLUMNS, measure_objects
from shapes import draw_disks, photograph

Array = npt.NDArray[Any]


def draw_ellipses() -> Array:
    rows, columns = np.indices((120, 160))
    labels = np.zeros((120, 160), np.int32)
    for number, (y, x, a, b, angle) in enumerate(
        [(30, 30, 14, 8, 0.3), (80, 40, 18, 6, -1.1), (40, 110, 9, 9, 0), (119, 120, 12, 9, 2)]
    ):
        u = (rows - y) * np.cos(angle) + (columns - x) * np.sin(angle)
        v = -(rows - y) * np.sin(angle) + (columns - x) * np.cos(angle)
        labels[(u / a) ** 2 + (v / b) ** 2 <= 1] = 3 * number + 2  # numbers with gaps
    return labels


def test_background_is_unknown_where_objects_cover_all() -> None:
    table = measure_objects(np.ones((3, 4), np.uint8), np.ones((3, 4), np.uint8))
    assert np.isnan(table["background_intensity"]).all()


def test_rectangle_is_measured_exactly() -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[4:8, 10:20] = 5
    image = np.full((20, 30), 7, np.uint16)
    image[0, :5] = 900  # a bright speck is not the background
    image[4:8, 10:15] = 100
    image[4:8, 15:20] = 300
    table = measure_objects(
        labels, image, frame=7, pixel_size_um=0.5, probability=[0.1, 0.2, 0.3, 0.4, 0.75]
    )
    assert tuple(table) == OBJECT_COLUMNS
    row = {name: column.tolist() for name, column in table.items()}
    assert row["frame"] == [7]
    assert row["label"] == [5]
    assert row["y_px"] == [5.5]
    assert row["x_px"] == [14.5]
    assert row["area_px"] == [40]
    assert row["mean_intensity"] == [200]
    assert row["std_intensity"] == [100]
    assert row["max_intensity"] == [300]
    assert row["background_intensity"] == [7]
    assert row["perimeter_px"] == [2 * (3 + 9)]  # through the centres of the border pixels
    assert row["solidity"] == [1]
    # A rectangle of sides a and b has the moments a^2 / 12 and b^2 / 12.
    assert row["major_axis_px"] == pytest.approx([4 * 10 / np.sqrt(12)])
    assert row["minor_axis_px"] == pytest.approx([4 * 4 / np.sqrt(12)])
    assert row["eccentricity"] == pytest.approx([np.sqrt(1 - 16 / 100)])
    assert abs(row["orientation_rad"][0]) == pytest.approx(np.pi / 2)
    assert row["touches_border"] == [False]
    assert row["probability"] == [0.75]
    assert row["y_um"] == [2.75]
    assert row["x_um"] == [7.25]
    assert row["area_um2"] == [10]


def test_unknown_is_nan() -> None:
    labels = draw_disks((40, 40), [(20, 20)], 5)
    table = measure_objects(labels, photograph(labels))
    for name in ("y_um", "x_um", "area_um2", "probability"):
        assert np.isnan(table[name]).all()


@pytest.mark.parametrize("corner", [(0, 5), (5, 0), (16, 5), (5, 26)])
def test_touching_the_border(corner: tuple[int, int]) -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[corner[0] : corner[0] + 4, corner[1] : corner[1] + 4] = 1
    labels[8:12, 12:16] = 2
    table = measure_objects(labels, labels)
    assert table["touches_border"].tolist() == [True, False]


def test_same_numbers_as_scikit_image() -> None:
    labels = draw_ellipses()
    image = photograph(labels)
    table = measure_objects(labels, image)
    names = {
        "label": "label",
        "centroid-0": "y_px",
        "centroid-1": "x_px",
        "area": "area_px",
        "intensity_mean": "mean_intensity",
        "intensity_max": "max_intensity",
        "intensity_std": "std_intensity",
        "perimeter": "perimeter_px",
    }
    axes = {"axis_major_length": "major_axis_px", "axis_minor_length": "minor_axis_px"}
    properties = [*{name.split("-")[0] for name in names}, *axes, "orientation", "solidity"]
    expected = regionprops_table(labels, image, properties=properties)
    for theirs, ours in names.items():
        np.testing.assert_allclose(table[ours], expected[theirs], rtol=1e-6, err_msg=ours)
    for theirs, ours in axes.items():  # a pixel is a point to scikit-image, a square to us
        np.testing.assert_allclose(table[ours] ** 2, expected[theirs] ** 2 + 16 / 12, rtol=1e-6)
    ratio = table["minor_axis_px"] / table["major_axis_px"]
    np.testing.assert_allclose(table["eccentricity"] ** 2, 1 - ratio**2, atol=1e-6)
    for i in (0, 1, 3):  # a circle has no orientation
        turn = table["orientation_rad"][i] - expected["orientation"][i]
        assert np.sin(turn) == pytest.approx(0, abs=1e-6)
    # scikit-image counts the pixels of the hull; the hull of the corners is a bit larger.
    np.testing.assert_allclose(table["solidity"], expected["solidity"], atol=0.04)


@given(
    labels=hnp.arrays(
        np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 4)
    )
)
@settings(max_examples=100, deadline=None)
def test_any_label_image_can_be_measured(labels: Array) -> None:
    image = np.arange(labels.size, dtype=np.float64).reshape(labels.shape)
    table = measure_objects(labels, image)
    numbers = np.unique(labels[labels > 0])
    np.testing.assert_array_equal(table["label"], numbers)
    for i, number in enumerate(numbers):
        inside = labels == number
        assert table["area_px"][i] == inside.sum()
        assert table["mean_intensity"][i] == pytest.approx(image[inside].mean())
        assert table["std_intensity"][i] == pytest.approx(image[inside].std())
        assert table["max_intensity"][i] == image[inside].max()
        y, x = np.nonzero(inside)
        assert table["y_px"][i] == pytest.approx(y.mean())
        # A pixel is a square, with moments of its own.
        axes = table["major_axis_px"][i] ** 2 + table["minor_axis_px"][i] ** 2
        assert axes == pytest.approx(16 * (y.var() + x.var() + 1 / 6))
        assert 0 < table["solidity"][i] <= 1
        assert 0 <= table["eccentricity"][i] < 1
    for name in OBJECT_COLUMNS:
        assert len(table[name]) == len(numbers)


def test_labels_and_image_of_different_sizes() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        measure_objects(np.zeros((4, 5), np.int32), np.zeros((5, 4)))


def test_empty_frames_do_not_change_the_columns(tmp_path: Path) -> None:
    """A frame without an object writes a table without a row, whose types are not known."""
    labels = draw_disks((40, 40), [(20, 20), (3, 3)], 5)
    tables = []
    for frame, mask in enumerate((np.zeros_like(labels), labels, np.zeros_like(labels))):
        write_table(tmp_path / "a.csv", measure_objects(mask, photograph(mask), frame=frame))
        tables.append(read_table(tmp_path / "a.csv"))
    together = concatenate_tables(tables)
    write_table(tmp_path / "all.csv", together)
    whole = read_table(tmp_path / "all.csv")
    assert whole["touches_border"].dtype == bool
    assert whole["touches_border"].tolist() == [False, True]
    assert whole["frame"].tolist() == [1, 1]
    assert len(concatenate_tables([tables[0], tables[2]])) == 0


def test_a_label_without_a_probability_is_refused() -> None:
    labels = np.full((4, 4), 3, np.int32)
    with pytest.raises(ValueError, match="label 3 has no probability"):
        measure_objects(labels, labels, probability=[0.5, 0.5])


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_measures_in_strips_are_those_of_the_whole(
    dtype: type[np.generic], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strips of three rows, whose borders go through all nuclei."""
    rng = np.random.default_rng(3)
    labels = draw_blobs(rng)
    image = rng.normal(500, 100, labels.shape).astype(dtype)
    whole = measure_objects(labels, image, pixel_size_um=0.5)
    monkeypatch.setattr("autonuclei.labels.strips.STRIP_PX", 3 * labels.shape[1])
    monkeypatch.setattr("autonuclei.labels.strips.FEWEST_ROWS", 1)
    strips = measure_objects(labels, image, pixel_size_um=0.5)
    pd.testing.assert_frame_equal(strips, whole, check_exact=True)


def draw_blobs(rng: np.random.Generator) -> Array:
    """Some twenty round shapes with dents, one of them in two pieces; numbers have gaps."""
    smooth = gaussian_filter(rng.normal(size=(90, 70)), 4)
    labels = 3 * label(smooth > 0.3 * smooth.std())[0]
    labels[labels == 6] = 3
    return np.asarray(labels, np.int32)


def test_hulls_are_those_of_qhull() -> None:
    labels = draw_blobs(np.random.default_rng(5))
    table = measure_objects(labels, labels)
    for number, area, solidity in table[["label", "area_px", "solidity"]].to_numpy():
        rows, columns = np.nonzero(labels == number)
        corners = [(rows + dy, columns + dx) for dy in (0, 1) for dx in (0, 1)]
        hull = ConvexHull(np.concatenate([np.column_stack(corner) for corner in corners]))
        assert area / solidity == pytest.approx(hull.volume)
