"""Parts of stored images against whole ones that are normalised and resized at once."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autonuclei.annotate.preprocessing import normalize_image, rescale_image, rescale_labels
from autonuclei.train.pairs import prepare_pair
from autonuclei.train.stored import StoredImage, shrink_labels

WHOLE = (slice(None), slice(None))


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    scale=st.sampled_from([1.0, 0.125, 0.3, 0.77, 1.3, 4.0]),
    data=st.data(),
)
@settings(max_examples=80, deadline=None)
def test_a_part_is_what_the_whole_would_have_there(
    height: int, width: int, scale: float, data: Any
) -> None:
    rng = np.random.default_rng(height * 100 + width)
    image = rng.integers(0, 4000, (height, width)).astype(np.uint16)
    labels = rng.integers(-1, 9, (height, width)).astype(np.int32)
    whole, whole_labels = normalize_image(image), labels
    if scale != 1:
        whole, whole_labels = rescale_image(whole, scale), rescale_labels(labels, scale)
    own_image, own_labels = prepare_pair(image, labels, scale=scale)
    assert own_image.shape == own_labels.shape == whole.shape
    assert own_image.size == whole.size
    place = []
    for size in whole.shape:
        start = data.draw(st.integers(0, size - 1))
        place.append(slice(start, data.draw(st.integers(start + 1, size))))
    rows, columns = place
    part = own_image[rows, columns]
    assert part.dtype == np.float32
    np.testing.assert_allclose(part, whole[rows, columns], rtol=0, atol=2e-6)
    np.testing.assert_array_equal(own_labels[rows, columns], whole_labels[rows, columns])
    # A part that was cut off first, and a part of that.
    cut = own_image.cut(rows, columns)
    assert cut.shape == part.shape
    np.testing.assert_array_equal(cut[WHOLE], part)
    np.testing.assert_allclose(cut[-1:, -1:], part[-1:, -1:], rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("largest", "kept"), [(3, np.int16), (32_767, np.int16), (32_768, np.int32), (-1, np.int16)]
)
def test_labels_take_two_bytes_where_their_numbers_allow_it(largest: int, kept: type) -> None:
    labels = np.full((3, 4), -1, np.int32)
    labels[1, 2] = largest
    assert shrink_labels(labels).dtype == kept
    np.testing.assert_array_equal(shrink_labels(labels), labels)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_a_patch_of_a_large_image_costs_no_more_than_itself(scale: float) -> None:
    image = StoredImage(np.arange(2000 * 2000, dtype=np.uint16).reshape(2000, 2000), scale)
    tracemalloc.start()
    image[300:364, 500:564]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 64 x 64 float32 are 16 kB; normalised as a whole the image would take 16 MB.
    assert peak < 1_000_000
