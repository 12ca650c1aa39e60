"""What the blocks of a large image share is what the whole image says."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage as ndi

from autonuclei.annotate.filtering import estimate_noise
from autonuclei.annotate.foreground import is_empty
from autonuclei.annotate.preprocessing import find_percentiles, preprocess_image
from autonuclei.io import lazy_planes
from autonuclei.segment import image_numbers
from autonuclei.segment.image_numbers import measure_image
from autonuclei.settings import PreprocessSettings, list_steps

SMOOTH = ndi.gaussian_filter(np.random.default_rng(0).random((777, 130)), 2) * 4000
STEPS = list_steps(PreprocessSettings())
STEPS.pop("crop", None)


@pytest.fixture(autouse=True)
def cut_thin_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy_planes, "_BAND_PX", 2**14)


@pytest.mark.parametrize(
    "image",
    [
        SMOOTH.astype(np.uint16),
        (SMOOTH / 20).astype(np.uint8),
        np.clip(SMOOTH - 2100, 0, None).astype(np.uint16),  # most pixels are 0
        (9000 - SMOOTH).astype(np.float32) - 8000,
        SMOOTH,
        SMOOTH.astype(np.int32) - 900,
        np.random.default_rng(1).integers(100, 103, (300, 99)).astype(np.uint16),
    ],
)
@pytest.mark.parametrize("steps", [{}, {"values": "8bit", "scale": 0.5}])
def test_numbers_are_those_of_the_whole_image(image: Any, steps: dict[str, Any]) -> None:
    found = measure_image(image, STEPS | steps)
    assert (found.minimum, found.maximum) == (image.min(), image.max())
    assert found.noise == pytest.approx(estimate_noise(image), rel=1e-6)
    assert found.is_empty == is_empty(image)
    prepared = preprocess_image(image, **STEPS | steps)
    dark, bright = find_percentiles(prepared, (1.0, 99.8))
    assert found.dark == pytest.approx(dark, rel=1e-5)
    assert found.bright == pytest.approx(bright if bright > dark else prepared.max(), rel=1e-5)


@given(
    values=hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(-1e6, 1e6, width=32)),
    percent=st.floats(0, 100),
)
def test_percentiles_of_parts(values: Any, percent: float) -> None:
    (found,) = image_numbers.find_percentiles(lambda: iter(np.array_split(values, 3)), (percent,))
    expected = np.percentile(values.astype(float), percent)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
