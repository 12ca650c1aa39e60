"""What the network is shown, and what it learns nothing from."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autonuclei.annotate.composition import compose_training_pair
from autonuclei.labels.numbers import keep_labels
from shapes import GRID, draw_disks, photograph

Array = npt.NDArray[Any]

OBJECTS = draw_disks((96, 96), GRID, 9)
NUCLEI = keep_labels(OBJECTS, np.array([2, 5, 9]))


def compose(image: Array, nuclei: Array = NUCLEI, seed: int = 0, **options: Any) -> Any:
    return compose_training_pair(image, OBJECTS, nuclei, rng=np.random.default_rng(seed), **options)


def test_rejected_objects_are_ignored() -> None:
    image = photograph(OBJECTS)
    shown, labels = compose(image, rejected="ignore")
    np.testing.assert_array_equal(shown, image)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels == -1, (OBJECTS > 0) & (NUCLEI == 0))
    assert np.unique(labels).tolist() == [-1, 0, 1, 2, 3]
    for new, old in ((1, 2), (2, 5), (3, 9)):
        np.testing.assert_array_equal(labels == new, old == NUCLEI)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_everything_but_nuclei_is_painted_over(dtype: str) -> None:
    image = (photograph(OBJECTS) // 10).astype(dtype)
    shown, labels = compose(image, rejected="noise", noise_grey=(10.0, 50.0))
    assert shown.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(shown[NUCLEI > 0], image[NUCLEI > 0])
    painted = shown[NUCLEI == 0]
    assert painted.min() >= 10
    assert painted.max() <= 50
    assert painted.mean() == pytest.approx(30, abs=1)
    assert labels.min() == 0
    assert labels.max() == 3


def test_noise_stays_in_the_range_of_the_type() -> None:
    image = (photograph(OBJECTS) // 10).astype(np.uint8)
    shown, _ = compose(image, rejected="noise", noise_grey=(250, 400))
    assert shown[NUCLEI == 0].min() >= 250


def test_same_seed_same_noise() -> None:
    image = photograph(OBJECTS)
    first, again, other = (compose(image, rejected="noise", seed=s)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_image_without_a_nucleus() -> None:
    none = np.zeros_like(NUCLEI)
    assert compose(photograph(OBJECTS), none, rejected="noise")[1].max() == 0
    ignored = compose(photograph(OBJECTS), none, rejected="ignore")[1]
    assert set(np.unique(ignored)) == {-1, 0}


def test_nuclei_that_cover_the_whole_image() -> None:
    full = np.repeat([4, 7], 48 * 96).reshape(96, 96)
    labels = compose(photograph(OBJECTS), full, rejected="ignore")[1]
    assert np.unique(labels).tolist() == [1, 2]


@pytest.mark.parametrize("rejected", ["ignore", "noise"])
def test_nothing_is_learned_from_a_black_image(rejected: Any) -> None:
    """It was passed over, and may have masks that were given for it."""
    shown, labels = compose(np.zeros((96, 96), np.uint16), rejected=rejected)
    assert not shown.any()
    assert not labels.any()
