"""The way from the network's outlines to masks; the network itself is left out."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from autonuclei.annotate.preprocessing import scaled_shape
from autonuclei.segment.prediction import (
    count_tiles,
    place_polygons,
    predict_nuclei,
    redraw_nuclei,
    tidy_labels,
)
from autonuclei.settings import PreprocessSettings
from autonuclei.train.networks import Network
from shapes import draw_disks, draw_squares, photograph

Array = npt.NDArray[Any]
NOTHING = {"coord": np.zeros((0, 2, 32)), "prob": np.zeros(0)}


def outline(y: float, x: float, radius: float, rays: int = 64) -> Array:
    angle = np.linspace(0, 2 * np.pi, rays, endpoint=False)
    return np.stack([y + radius * np.sin(angle), x + radius * np.cos(angle)])


def test_outlines_stay_without_scale() -> None:
    outlines = np.stack([outline(10, 20, 5), outline(30, 7, 3)])
    np.testing.assert_allclose(place_polygons(outlines, (40, 60), (40, 60)), outlines)
    assert place_polygons(np.zeros((0, 2, 64)), (40, 60), (40, 60)).shape[0] == 0


def test_outlines_move_back_to_the_raw_image() -> None:
    # The middle of pixel 0 lies at 0 and its border at -0.5, on both grids.
    corners = np.array([[[-0.5, 9.5], [-0.5, 19.5]]])
    placed = place_polygons(corners, (20, 40), (10, 20))
    np.testing.assert_allclose(placed, [[[-0.5, 19.5], [-0.5, 39.5]]])


@pytest.mark.parametrize(
    ("preprocessed", "of_network"), [(0.5, 1.0), (1.0, 1.0), (1.7, 1.0), (1.0, 0.6), (0.8, 2.0)]
)
def test_drawn_nuclei_are_found_where_they_lie(preprocessed: float, of_network: float) -> None:
    """A perfect network on the rescaled image gives the masks of the raw one."""
    shape = (110, 130)
    centres = [(40.0, 60.0), (60.0, 90.0)]
    image = photograph(draw_disks(shape, centres, 9))
    asked = []

    def predict_instances(prepared: Array, **options: Any) -> Any:
        shown = scaled_shape(shape, preprocessed)
        assert prepared.shape == scaled_shape(shown, of_network)
        assert prepared.dtype == np.float32
        asked.append(options["n_tiles"])
        assert options["predict_kwargs"] == {"b": 1}  # nuclei cut by the border are looked for
        scale = preprocessed * of_network
        moved = (np.array(centres) + 0.5) * scale - 0.5
        coord = [outline(y, x, 9 * scale) for y, x in moved]
        return None, {"coord": np.array(coord), "prob": np.array([0.9, 0.7])}

    model = SimpleNamespace(predict_instances=predict_instances)
    labels, probability = predict_nuclei(
        Network(model, of_network),
        image,
        preprocess=PreprocessSettings(scale=preprocessed),
        refine_boundaries=False,
        minimum_sharpness=None,
        cut_clumps=False,
    )
    truth = draw_disks(shape, centres, 9)
    assert labels.shape == shape
    assert labels.dtype == np.int32
    assert sorted(probability) == [0.7, 0.9]
    assert asked == [(1, 1)]
    for number in (1, 2):
        inside = truth == number
        same = labels == labels[tuple(np.array(centres[number - 1], int))]
        assert (inside & same).sum() / (inside | same).sum() > 0.9


def test_no_nucleus_found() -> None:
    def predict_instances(prepared: Array, **options: Any) -> Any:
        return None, NOTHING

    model = SimpleNamespace(predict_instances=predict_instances)
    image = np.random.default_rng(0).integers(0, 99, (32, 48)).astype(np.uint8)
    labels, probability = predict_nuclei(Network(model), image)
    assert labels.shape == (32, 48)
    assert labels.max() == 0
    assert probability.shape == (0,)


@given(rows=st.integers(1, 100_000), columns=st.integers(1, 100_000), limit=st.floats(0.01, 100))
def test_no_tile_is_larger_than_allowed(rows: int, columns: int, limit: float) -> None:
    across, along = count_tiles((rows, columns), limit)
    tile = math.ceil(rows / across) * math.ceil(columns / along)
    assert tile <= limit * 1e6 + rows + columns  # up to one row and column of rounding
    if rows * columns <= limit * 1e6:
        assert (across, along) == (1, 1)


def test_a_nucleus_cut_in_two_keeps_its_larger_half() -> None:
    labels = draw_squares((40, 60), [(5, 5)], 30)
    labels[5:35, 15:17] = 2
    tidy, probability = tidy_labels(labels, np.array([0.6, 0.8, 0.9]))  # 3 is covered wholly
    assert tidy.dtype == np.int32
    assert np.unique(tidy).tolist() == [0, 1, 2]
    first = tidy[10, 30]
    assert (tidy == first).sum() == 18 * 30
    assert (tidy[:, 5:15] == 0).all()
    assert probability[first - 1] == 0.6
    assert probability[tidy[10, 16] - 1] == 0.8


@given(labels=hnp.arrays(np.int32, (9, 10), elements=st.integers(0, 6)))
@settings(max_examples=150, deadline=None)
def test_tidy_labels_are_whole_and_numbered_without_gaps(labels: Array) -> None:
    probability = np.arange(1, 7) / 10
    tidy, kept = tidy_labels(labels, probability)
    numbers = np.unique(tidy[tidy > 0])
    np.testing.assert_array_equal(numbers, np.arange(1, len(kept) + 1))
    assert len(numbers) == len(np.unique(labels[labels > 0]))
    for number in numbers:
        inside = tidy == number
        owner = np.unique(labels[inside])
        assert len(owner) == 1
        assert kept[number - 1] == probability[owner[0] - 1]
        pieces, _ = ndi.label(labels == owner[0])
        assert inside.sum() == np.bincount(pieces.ravel())[1:].max()
        assert ndi.label(inside)[1] == 1


def test_nuclei_are_redrawn_where_the_image_has_their_edge() -> None:
    truth = draw_disks((80, 120), [(40, 30), (40, 85)], 16)
    image = photograph(truth)
    coarse = draw_disks((80, 120), [(41, 31), (39, 85)], 14)
    redrawn = redraw_nuclei(image, coarse)
    assert redrawn.dtype == coarse.dtype
    assert np.mean(redrawn == truth) > 0.995


def test_a_nucleus_without_an_edge_stays_as_predicted() -> None:
    truth = draw_disks((80, 120), [(40, 30), (40, 85)], 16)
    image = photograph(np.where(truth == 1, truth, 0))
    image[truth == 2] = image[0, 0] // 2
    assert np.array_equal(redraw_nuclei(image, truth) == 2, truth == 2)
    assert not redraw_nuclei(image, np.zeros_like(truth)).any()


def test_blurred_light_is_left_out_and_clumps_are_cut() -> None:
    """What the network says of them: one nucleus in the glow, and two nuclei taken for one."""
    shape = (160, 200)
    single = [(30.0, 30.0), (30.0, 80.0), (30.0, 130.0)]
    pair = [(75.0, 50.0), (75.0, 66.0)]
    truth = draw_disks(shape, single + pair, 10)
    image = ndi.gaussian_filter(photograph(truth, noise=5), 1.0).astype(float)
    rows, columns = np.indices(shape)
    image += 2000 * np.exp(-((rows - 120) ** 2 + (columns - 150) ** 2) / (2 * 25**2))
    joined = outline(75, 58, 1)
    joined = np.stack([75 + 10 * (joined[0] - 75), 58 + 18 * (joined[1] - 58)])
    found = [outline(y, x, 10) for y, x in single] + [joined, outline(120, 150, 10)]
    probability = np.array([0.9, 0.8, 0.7, 0.6, 0.5])

    def predict_instances(prepared: Array, **options: Any) -> Any:
        return None, {"coord": np.array(found), "prob": probability}

    model = SimpleNamespace(predict_instances=predict_instances)
    labels, kept = predict_nuclei(Network(model), image, minimum_sharpness=None, cut_clumps=False)
    assert kept.tolist() == probability.tolist()
    assert labels[120, 150] > 0
    labels, kept = predict_nuclei(Network(model), image, minimum_sharpness=0.75, cut_clumps=True)
    assert sorted(kept) == [0.6, 0.6, 0.7, 0.8, 0.9]
    assert labels[120, 150] == 0
    assert labels[75, 48] != labels[75, 68]
    for y, x in pair:
        assert kept[labels[round(y), round(x)] - 1] == 0.6
    empty, kept = predict_nuclei(
        Network(SimpleNamespace(predict_instances=lambda *_, **__: (None, NOTHING))),
        image,
        minimum_sharpness=0.75,
        cut_clumps=True,
    )
    assert not empty.any()
    assert kept.shape == (0,)
