"""Clumps of touching nuclei are cut at their notches; single nuclei stay whole."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonuclei.annotate.clumps import cut_clumps, trace_outline
from autonuclei.labels.shapes import measure_ellipticity, measure_polygon
from shapes import draw_disks

SINGLE = [(20.0, 20.0 + 40 * i) for i in range(4)]


def draw_ellipse(
    shape: tuple[int, int], centre: tuple[float, float], axes: tuple[float, float], angle: float
) -> npt.NDArray[np.bool_]:
    rows, columns = np.indices(shape) - np.reshape(centre, (2, 1, 1))
    along = rows * np.cos(angle) + columns * np.sin(angle)
    across = columns * np.cos(angle) - rows * np.sin(angle)
    return np.asarray((along / axes[0]) ** 2 + (across / axes[1]) ** 2 <= 1)


def draw_clump(*centres: tuple[float, float]) -> tuple[npt.NDArray[np.int32], int]:
    """Four single disks, and overlapping disks as one object; the number of that object."""
    labels = draw_disks((120, 180), SINGLE, 12)
    labels[draw_disks(labels.shape, centres, 12) > 0] = 5
    return labels, 5


@pytest.mark.parametrize("distance", [16, 19, 22])
@pytest.mark.parametrize("angle", np.radians([0, 30, 45, 77, 90]))
def test_two_overlapping_disks_are_cut_in_two(distance: float, angle: float) -> None:
    offset = distance / 2 * np.array([np.sin(angle), np.cos(angle)])
    centres = [(80 - offset[0], 90 - offset[1]), (80 + offset[0], 90 + offset[1])]
    labels, clump = draw_clump(*centres)
    cut, origin = cut_clumps(labels)
    assert cut.max() == 6
    assert origin.tolist() == [0, 1, 2, 3, 4, 5, 5]
    assert np.array_equal(origin[cut], labels)
    rows, columns = np.indices(labels.shape)
    first, second = ((rows - y) ** 2 + (columns - x) ** 2 for y, x in centres)
    for nearer, (y, x) in zip((first < second, second < first), centres, strict=True):
        piece = cut == cut[round(y), round(x)]
        half = (labels == clump) & nearer
        assert (piece & half).sum() >= 0.97 * half.sum()


def test_a_chain_of_three_is_cut_in_three() -> None:
    labels, _ = draw_clump((80, 60), (80, 80), (88, 98))
    cut, origin = cut_clumps(labels)
    assert cut.max() == 7
    assert len({cut[80, 58], cut[80, 80], cut[90, 100]}) == 3
    assert origin.tolist()[5:] == [5, 5, 5]


@settings(deadline=None, max_examples=60)
@given(
    long=st.floats(10, 40),
    flat=st.floats(0.35, 1),
    angle=st.floats(0, np.pi),
    row=st.floats(0, 1),
)
def test_one_ellipse_stays_whole(long: float, flat: float, angle: float, row: float) -> None:
    """However large it is next to others, and however long."""
    labels = draw_disks((120, 180), SINGLE, 6)
    labels[draw_ellipse(labels.shape, (75 + row, 90 - row), (long, long * flat), angle)] = 5
    labels = np.where(np.isin(labels, range(6)), labels, 0)
    cut, _ = cut_clumps(labels)
    assert np.array_equal(cut, labels)


def test_a_ring_and_a_speck_stay_whole() -> None:
    labels = draw_disks((120, 180), SINGLE, 12)
    labels[draw_disks(labels.shape, [(80, 60)], 30) > 0] = 5
    labels[draw_disks(labels.shape, [(80, 60)], 12) > 0] = 0
    labels[80, 150] = 6
    assert np.array_equal(cut_clumps(labels)[0], labels)


def test_small_appendages_are_no_nuclei() -> None:
    labels, _ = draw_clump((80, 90))
    labels[76:84, 100:110] = 5
    assert cut_clumps(labels)[0].max() == 5


def test_nothing_to_cut() -> None:
    cut, origin = cut_clumps(np.zeros((20, 30), np.uint16))
    assert cut.dtype == np.int32
    assert not cut.any()
    assert origin.tolist() == [0]
    full = np.ones((20, 30), np.int32)
    assert np.array_equal(cut_clumps(full)[0], full)


def test_mirrored_images_are_cut_alike() -> None:
    labels, _ = draw_clump((80, 60), (80, 80), (88, 98))
    mirrored = cut_clumps(labels[:, ::-1])[0][:, ::-1]
    cut = cut_clumps(labels)[0]
    for piece in np.unique(cut[cut > 0]):
        inside = cut == piece
        assert np.bincount(mirrored[inside]).max() >= 0.98 * inside.sum()


def test_moments_along_the_outline_are_those_of_the_pixels() -> None:
    labels, _ = draw_clump((80, 60), (80, 80), (88, 98))
    _, expected = measure_ellipticity(labels)
    for label in range(1, 6):
        found = measure_polygon(trace_outline(labels == label))
        assert found == pytest.approx(expected[label], abs=0.01)


def test_points_of_an_outline_are_evenly_spaced() -> None:
    outline = trace_outline(draw_disks((60, 60), [(30, 30)], 20) > 0)
    steps = [np.hypot(*(b - a)) for a, b in pairwise(outline)]
    assert np.ptp(steps) < 0.25 * np.mean(steps)
