"""Quality of a drawn movie of three frames, against recorded results."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from autonuclei.evaluate.calibration import pool_calibration
from autonuclei.evaluate.movies import MOVIE_COLUMNS
from autonuclei.evaluate.quality import SAMPLE_COLUMNS, Annotated, Page, measure_sample
from autonuclei.evaluate.verdicts import judge_experiment
from shapes import GRID, draw_disks, photograph

NAN = float("nan")
RADII = (8, 9, 10, 11, 12, 13, 9, 17, 16)  # the last two touch
# By frame: shift (px), blur and noise of the image, and the nucleus that is missed.
FRAMES = ((0, 0.5, 20, 0), (3, 1.5, 30, 4), (5, 5.0, 600, 7))
DECISIONS = ["accepted", "too small", *["accepted"] * 3, "not convex", *["accepted"] * 3]

IMAGES = {
    "n_nuclei": (9, 8, 8),
    "diameter_px": (21.9092, 21.9672, 22.8201),
    "diameter_in_image": (0.210665, 0.211223, 0.219424),
    "large_area_ratio": (2.16817, 2.18364, 2.02347),
    "light": (1484.46, 1270.12, 896.983),
    "contrast": (61.5654, 29.5500, 1.49584),
    "brightness_spread": (0.270858, 0.281491, 0.443935),
    "edge_width_px": (2.72271, 3.96489, 4.77783),
    "sharpness": (4.02342, 2.77021, 2.38812),
    "unclear_outline": (0, 0.00401606, 0.178431),
    "saturated_share": (0.000246124, 0.000271297, 0.000262467),
    "illumination": (0.127851, 0.0789568, 0.272463),
    "covered_share": (0.355157, 0.322203, 0.333042),
    "touching_share": (0.444444, 0.5, 0.5),
    "shared_outline": (0.0296804, 0.0331633, 0.0325),
    "repeats": (NAN, NAN, NAN),
    "n_accepted": (7, NAN, NAN),
    "agreement_f1": (1, NAN, NAN),
    "agreement_iou": (0.944348, NAN, NAN),
    "accepted_found": (1, NAN, NAN),
    "outside_annotation": (0, NAN, NAN),
    "drift_px": (NAN, 4.24264, 2.82843),
    "neighbour_share": (0.888889, 0.9375, 0.875),
    "neighbour_iou": (1, 1, 1),
    "flicker": (NAN, 0.111111, NAN),
    "resemblance": (NAN, 0.925221, 0.837676),
    "shift_px": (NAN, 4.24264, 2.82843),
    "movement_px": (NAN, 0, 0),
    **dict.fromkeys(MOVIE_COLUMNS, (NAN, NAN, NAN)),  # too short to tell what is usual
    "probability": (0.75, 0.75, 0.75),
}
CALIBRATION = [
    ("annotation", 0.5, 0.6, 1, 1, 0.55),
    ("annotation", 0.6, 0.7, 2, 2, 0.625),
    ("annotation", 0.7, 0.8, 2, 2, 0.725),
    ("annotation", 0.8, 0.9, 2, 2, 0.825),
    ("annotation", 0.9, 1.0, 2, 2, 0.925),
    ("neighbouring frames", 0.5, 0.6, 3, 3, 0.55),
    ("neighbouring frames", 0.6, 0.7, 6, 6, 0.625),
    ("neighbouring frames", 0.7, 0.8, 6, 3, 0.725),
    ("neighbouring frames", 0.8, 0.9, 6, 5, 0.825),
    ("neighbouring frames", 0.9, 1.0, 6, 6, 0.925),
]
VERDICTS = {
    "n_training": (7, "unsuitable"),
    "annotated_area_ratio": (2.16817, "look"),
    "contrast": (29.5500, "look"),  # for one of the three frames
    "diameter_in_image": (0.211223, "look"),
    "failed_images": (0, "good"),
    "empty_images": (0, "good"),
    "unlikely_size": (0, "good"),
    "area_accepted": (0.812532, "good"),
    "specks": (1 / 9, "good"),
    "nucleus_in_patch": (0.343237, "good"),
    "agreement_f1": (1, "good"),
    "sharpness": (2.77021, "good"),
    "saturated_share": (0.000262467, "good"),
    "illumination": (0.127851, "good"),
    "brightness_spread": (0.281491, "good"),
    "touching_share": (0.5, "good"),
    "resemblance": (0.881449, "good"),
    "accepted_found": (1, "information"),
    "agreement_iou": (0.944348, "information"),
    "outside_annotation": (0, "information"),
    "probability": (0.75, "information"),
    "unclear_outline": (0.00401606, "information"),
    "covered_share": (0.333042, "information"),
    "shared_outline": (0.0325, "information"),
    "diameter_px": (21.9672, "information"),
    "neighbour_share": (0.888889, "information"),
    "neighbour_iou": (1, "information"),
    "flicker": (0.111111, "information"),
    **dict.fromkeys(("repeats", *MOVIE_COLUMNS), (None, "undefined")),
}


def draw_nuclei(shift: int) -> np.ndarray:
    labels = np.zeros((104, 110), np.int32)
    for number, ((y, x), radius) in enumerate(zip(GRID, RADII, strict=True), start=1):
        labels[draw_disks(labels.shape, [(y + shift, x + shift)], radius) > 0] = number
    return labels


def draw_frames() -> Iterator[Page]:
    for frame, (shift, blur, noise, missed) in enumerate(FRAMES):
        labels = draw_nuclei(shift)
        bright = gaussian_filter(1000.0 * (labels > 0) + 100 * labels, blur)
        slope = np.linspace(0, 300, labels.shape[1])
        image = bright + slope + photograph(0 * labels, background=3000, noise=noise, seed=frame)
        yield Page(frame, np.round(image).astype(np.uint16), np.where(labels == missed, 0, labels))


@pytest.fixture(scope="module")
def objects() -> np.ndarray:
    labels = draw_nuclei(0)
    labels[:12] = 0
    return labels


@pytest.fixture(scope="module")
def measured(objects: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    accepted = np.where(np.isin(objects, (2, 6)), 0, objects)
    nuclei = pd.DataFrame(
        [(frame, label, 0.5 + 0.05 * label) for frame in range(3) for label in range(1, 10)],
        columns=["frame", "label", "probability"],
    )
    return measure_sample(
        draw_frames(),
        nuclei,
        is_movie=True,
        read_annotation=lambda frame: [Annotated(objects, accepted)] if frame == 0 else [],
    )


def test_images_are_measured_as_before(measured: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    images, _ = measured
    assert tuple(IMAGES) == SAMPLE_COLUMNS
    for name, values in IMAGES.items():
        np.testing.assert_allclose(images[name], values, rtol=1e-4, err_msg=name)


def test_calibration_is_as_before(measured: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    pooled = pool_calibration(measured[1])
    rows: list[Any] = list(pooled.itertuples(index=False, name=None))
    assert [row[:5] for row in rows] == [row[:5] for row in CALIBRATION]
    assert [row[5] for row in rows] == pytest.approx([row[5] for row in CALIBRATION])


def test_verdict_is_as_before(
    measured: tuple[pd.DataFrame, pd.DataFrame], objects: np.ndarray
) -> None:
    table = pd.DataFrame(
        {
            "sample": "s",
            "frame": 0,
            "area_px": np.bincount(objects.ravel())[1:],
            "verdict": DECISIONS,
        }
    )
    images, verdict = judge_experiment(
        "e",
        measured[0].assign(sample="s"),
        objects=table,
        samples=[
            {"sample": "s", "kind": "movie", "training": [0]}
            | dict.fromkeys(("masks", "labels", "corrected"), False)
        ],
        sizes={"s": []},
        patch_px=64,
        diameter_px=(18, 32),
    )
    assert verdict["verdict"] == "unsuitable"
    assert verdict["sentence"] == (
        "These images do not suit the method as it was set: nuclei to learn from (7 nuclei); "
        "1 of 3 frames with too little contrast: 2."
    )
    findings = verdict["findings"]
    assert [finding["indicator"] for finding in findings] == list(VERDICTS)
    for finding in findings:
        value, name = VERDICTS[finding["indicator"]]
        assert finding["value"] == (value if value is None else pytest.approx(value, rel=1e-4))
        assert finding["verdict"] == name
    named = {f["indicator"]: f["images"] for f in findings if f["images"]}
    assert named == {
        "annotated_area_ratio": [["s", 0]],
        "contrast": [["s", 2]],
        "illumination": [["s", 2]],
    }
    assert images["verdict"].tolist() == ["look", "good", "unsuitable"]
    assert images["quality"].tolist() == ["good", "good", "unsuitable"]
    assert images["weak"].tolist() == [
        "Largest annotated objects",
        "",
        "Contrast; Uneven background",
    ]
    shares = ["rejected: not convex", "rejected: too small", "share_accepted", "area_accepted"]
    assert images.loc[0, shares].tolist() == pytest.approx([1 / 9, 1 / 9, 7 / 9, 0.812532])
