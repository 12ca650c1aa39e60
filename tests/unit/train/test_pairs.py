"""Parting, padding and the scale of annotated images."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonuclei.annotate.preprocessing import normalize_image
from autonuclei.train.pairs import Pair, choose_scale, prepare_pair, split_validation
from autonuclei.train.stored import StoredImage, StoredLabels
from shapes import GRID, draw_disks

Array = npt.NDArray[Any]
WHOLE = (slice(None), slice(None))


def make_pairs(n: int, shape: tuple[int, int] = (96, 128)) -> list[Pair]:
    numbers = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    return [
        (StoredImage(numbers + i, normalized=True), StoredLabels(np.full(shape, i, np.int32)))
        for i in range(n)
    ]


@pytest.mark.parametrize(("n", "expected"), [(4, 1), (5, 1), (10, 2), (20, 3), (40, 6)])
def test_whole_images_are_set_aside(n: int, expected: int) -> None:
    train, validation, said = split_validation(
        make_pairs(n), fraction=0.15, patch_px=64, rng=np.random.default_rng(0)
    )
    assert len(validation) == expected
    assert said == f"{expected} of {n} images"
    numbers = sorted(int(labels[WHOLE][0, 0]) for _, labels in train + validation)
    assert numbers == list(range(n))
    for image, labels in train + validation:
        assert image[WHOLE][0, 0] == labels[WHOLE][0, 0]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("shape", [(96, 160), (160, 96)])
def test_fields_are_set_aside_of_few_images(n: int, shape: tuple[int, int]) -> None:
    pairs = make_pairs(n, shape)
    train, validation, said = split_validation(
        pairs, fraction=0.15, patch_px=32, rng=np.random.default_rng(0)
    )
    assert f"a field of 15% of each of {n} images" in said
    for (image, _), (kept, kept_labels), (aside, aside_labels) in zip(
        pairs, train, validation, strict=True
    ):
        assert kept.shape == kept_labels.shape
        assert aside.shape == aside_labels.shape
        assert min(aside.shape) >= 32
        # No pixel is in both, and none is lost.
        together = np.concatenate([part[WHOLE].ravel() for part in (kept, aside)])
        np.testing.assert_array_equal(np.sort(together), np.sort(image[WHOLE].ravel()))


def test_image_that_is_too_small_to_part_serves_for_both() -> None:
    train, validation, said = split_validation(
        make_pairs(1, (64, 64)), fraction=0.15, patch_px=64, rng=np.random.default_rng(0)
    )
    assert train[0][0] is validation[0][0]
    assert "1 too small to part, used for training and validation" in said


def test_same_seed_same_parting() -> None:
    def chosen(seed: int) -> list[int]:
        rng = np.random.default_rng(seed)
        validation = split_validation(make_pairs(30), fraction=0.2, patch_px=64, rng=rng)[1]
        return [int(labels[WHOLE][0, 0]) for _, labels in validation]

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


@given(height=st.integers(1, 80), width=st.integers(1, 80), side=st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_padding_is_ignored(height: int, width: int, side: int) -> None:
    image = np.random.default_rng(0).random((height, width)).astype(np.float32)
    labels = np.ones((height, width), np.int32)
    padded, padded_labels = (plane[WHOLE] for plane in prepare_pair(image, labels, side=side))
    assert padded.shape == padded_labels.shape == (max(height, side), max(width, side))
    assert padded.dtype == np.float32
    np.testing.assert_array_equal(padded[:height, :width], normalize_image(image))
    assert (padded_labels[:height, :width] == 1).all()
    assert (padded_labels == -1).sum() == padded.size - image.size


@pytest.mark.parametrize(("radius", "diameter"), [(3, 12), (6, 12), (8, 16), (10, 20), (14, 20)])
def test_nuclei_are_brought_to_the_size_that_the_network_sees(radius: int, diameter: int) -> None:
    labels = draw_disks((96, 96), GRID[:4], radius)
    labels[:4] = -1
    scale = choose_scale([labels], (12, 20))
    drawn = 2 * np.sqrt((labels == 1).sum() / np.pi)
    assert scale * drawn == pytest.approx(diameter, rel=0.05)
    if 12 <= drawn <= 20:
        assert scale == 1


def test_what_cannot_be_measured_is_not_rescaled() -> None:
    labels = np.full((9, 9), -1, np.int32)
    assert choose_scale([labels], (12, 20)) == 1
    assert choose_scale([np.eye(9, dtype=np.int32)], None) == 1
