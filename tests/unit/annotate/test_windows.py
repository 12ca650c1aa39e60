"""A preprocessed image computed window by window is that computed in one piece."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage as ndi

from autonuclei.annotate.preprocessing import preprocess_image, rescale_image
from autonuclei.annotate.windows import prepare_image, rescale_to
from autonuclei.labels.blocks import list_blocks

RAW = ndi.gaussian_filter(np.random.default_rng(0).random((203, 257)), 2) * 5000


def read_in_windows(image: Any, side: int) -> npt.NDArray[Any]:
    whole = np.zeros(image.shape, image.dtype)
    for block in list_blocks(image.shape, side):
        whole[block.slices] = image[block.slices]
    return whole


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float64])
@pytest.mark.parametrize("values", ["keep", "8bit"])
@pytest.mark.parametrize(("scale", "radius"), [(1, 0), (0.5, 0), (1.7, 7), (0.37, 22), (1, 60)])
def test_windows_have_the_values_of_the_whole(
    dtype: type, values: Any, scale: float, radius: float
) -> None:
    raw = (RAW / 20 if dtype is np.uint8 else RAW).astype(dtype)
    steps: dict[str, Any] = {
        "values": values, "scale": scale, "background_radius_px": radius
    }  # fmt: skip
    whole = preprocess_image(raw, **steps)
    prepared = prepare_image(raw, (raw.min(), raw.max()), **steps)
    assert prepared.shape == whole.shape
    found = read_in_windows(prepared, 64)
    assert found.dtype == whole.dtype
    if whole.dtype.kind == "f":
        np.testing.assert_allclose(found, whole, atol=1e-3)
    else:
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("scale", [0.3, 0.8, 1.0, 2.5])
def test_floats_are_rescaled_alike(scale: float) -> None:
    raw = RAW.astype(np.float32)
    whole = rescale_image(raw, scale)
    found = read_in_windows(rescale_to(raw, whole.shape), 50)
    np.testing.assert_allclose(found, whole, rtol=1e-5)
