"""The annotation of the image that StarDist ships, against recorded results."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from autonuclei.annotate.pipeline import Annotation, annotate_image, annotate_images
from autonuclei.annotate.selection import ACCEPTED, TOO_LARGE, TOO_SMALL
from autonuclei.settings import read_settings

PRESET = Path(__file__).parents[3] / "config" / "presets" / "englbrecht2021.yaml"
# Another processor may round a pixel on a threshold to its other side.
PIXELS = 1e-3

RECORDED: dict[str, dict[str, Any]] = {
    "default": {
        "foreground_px": 56556,
        "n_objects": 118,
        "n_accepted": 105,
        "area_px": 60572,
        "accepted_px": 54892,
        "low": 135.0,
        "median": 540.0,
        "high": 2160.0,
        # Label, row, column and area of accepted nuclei.
        "nuclei": [
            (1, 4.065, 201.793, 217),
            (24, 96.842, 177.774, 570),
            (46, 206.791, 229.102, 488),
            (68, 284.787, 7.931, 291),
            (90, 397.486, 87.283, 508),
            (114, 497.313, 409.930, 630),
        ],
        "solidity": 0.8815,
    },
    "preset": {
        "foreground_px": 49070,
        "n_objects": 101,
        "n_accepted": 59,
        "area_px": 49070,
        "accepted_px": 22328,
        "low": 196.0,
        "median": 392.0,
        "high": 588.0,
        "nuclei": [
            (5, 13.718, 266.612, 273),
            (31, 149.947, 199.382, 304),
            (64, 329.741, 263.079, 367),
        ],
        "solidity": 0.0,
    },
}


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    from stardist.data import test_image_nuclei_2d

    return test_image_nuclei_2d()


@pytest.fixture(scope="module", params=list(RECORDED))
def recorded(request: pytest.FixtureRequest, image: np.ndarray) -> tuple[Annotation, Any]:
    if request.param == "default":
        return annotate_image(image), RECORDED["default"]
    preset = read_settings(yaml.safe_load(PRESET.read_text()))
    found = annotate_image(image, preset.annotate, preprocess=preset.preprocess)
    return found, RECORDED["preset"]


def test_objects_are_those_of_before(recorded: tuple[Annotation, Any]) -> None:
    found, expected = recorded
    assert found.foreground.sum() == pytest.approx(expected["foreground_px"], rel=PIXELS)
    assert found.objects.max() == len(found.table) == expected["n_objects"]
    assert found.table["area_px"].sum() == pytest.approx(expected["area_px"], rel=PIXELS)
    assert (found.objects > 0).sum() == found.table["area_px"].sum()
    for name in ("low", "median", "high"):
        limit = getattr(found.accepted_range, name)
        assert limit == pytest.approx(expected[name], abs=3 * expected[name] / expected["median"])
    assert found.accepted_range.solidity == pytest.approx(expected["solidity"], abs=0.002)


def test_nuclei_are_those_of_before(recorded: tuple[Annotation, Any]) -> None:
    found, expected = recorded
    accepted = found.table[found.table["verdict"] == ACCEPTED].set_index("label")
    assert len(accepted) == expected["n_accepted"]
    assert accepted["area_px"].sum() == pytest.approx(expected["accepted_px"], rel=PIXELS)
    assert set(np.unique(found.nuclei)) == {0, *accepted.index}
    for label, row, column, area in expected["nuclei"]:
        nucleus = accepted.loc[label]
        assert (nucleus["y_px"], nucleus["x_px"]) == pytest.approx((row, column), abs=0.1)
        assert nucleus["area_px"] == pytest.approx(area, abs=3)
        assert (found.nuclei == label).sum() == nucleus["area_px"]


def test_images_of_an_experiment_are_judged_together(image: np.ndarray) -> None:
    """A field with few large objects takes the range of all."""
    settings = read_settings(yaml.safe_load(PRESET.read_text())).annotate
    parts = [image[:256], image[256:]]
    together = annotate_images(parts, settings)
    alone = annotate_image(parts[0], settings)
    (common,) = {each.accepted_range for each in together}
    assert common.n_objects == sum(len(each.table) for each in together)
    assert common != alone.accepted_range
    given = annotate_image(parts[0], settings, accepted_range=common)
    np.testing.assert_array_equal(given.nuclei, together[0].nuclei)
    assert set(given.table["verdict"]) == {ACCEPTED, TOO_SMALL, TOO_LARGE}
