"""What the figures of quality are taken to mean."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autonuclei.evaluate.indicators import (
    EMPTY,
    FAILED,
    GOOD,
    INDICATORS,
    LOOK,
    REASONS,
    UNDEFINED,
    UNSUITABLE,
)
from autonuclei.evaluate.quality import SAMPLE_COLUMNS
from autonuclei.evaluate.verdicts import ORDER, check_sizes, judge_experiment, list_frames

NAN = float("nan")
OBJECTS = pd.DataFrame(
    {
        "sample": ["a"] * 5,
        "frame": [0, 0, 0, 1, 1],
        "area_px": [100, 110, 400, 105, 10],
        "verdict": ["accepted", "accepted", "too large", "accepted", "too small"],
    }
)
STILLS = {
    "sample": "a", "kind": "stills", "masks": False, "labels": False, "corrected": False,
    "training": [0],
}  # fmt: skip
NOTHING = dict.fromkeys(SAMPLE_COLUMNS, NAN)


def make_image(frame: int, **values: float) -> dict[str, Any]:
    """An image with a good value of each indicator."""
    row: dict[str, Any] = {"sample": "a", "frame": frame} | dict.fromkeys(SAMPLE_COLUMNS, NAN)
    for indicator in INDICATORS:
        if indicator.name in row and indicator.look is not None:
            row[indicator.name] = indicator.look * (1.2 if indicator.low_is_bad else 0.8)
    return row | {"n_nuclei": 50, "n_accepted": 400, "diameter_px": 20.0} | values


def judge(rows: list[dict[str, Any]], **changes: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    arguments: dict[str, Any] = {"objects": None, "samples": [STILLS]}
    images, verdict = judge_experiment("e", pd.DataFrame(rows), **(arguments | changes))
    assert verdict == json.loads(json.dumps(verdict, allow_nan=False))
    order = [ORDER.index(finding["verdict"]) for finding in verdict["findings"]]
    assert order == sorted(order)
    assert len(order) == len(INDICATORS)
    return images, verdict


def find(verdict: dict[str, Any], name: str) -> dict[str, Any]:
    (finding,) = [f for f in verdict["findings"] if f["indicator"] == name]
    return finding


def test_good_experiment() -> None:
    images, verdict = judge([make_image(0), make_image(1)])
    assert verdict["experiment"] == "e"
    assert verdict["verdict"] == GOOD
    assert "Nothing speaks against" in verdict["sentence"]
    assert images["verdict"].tolist() == [GOOD, GOOD]
    assert images["weak"].tolist() == ["", ""]


def test_worst_finding_decides_and_names_its_images() -> None:
    images, verdict = judge(
        [make_image(0), make_image(1, contrast=0.2), make_image(2, contrast=0.1)]
    )
    contrast = find(verdict, "contrast")
    assert verdict["verdict"] == contrast["verdict"] == UNSUITABLE
    assert contrast["value"] == 0.2  # the median of three
    assert contrast["images"] == [["a", 2], ["a", 1]]
    assert "contrast (0.20" in verdict["sentence"]
    assert contrast["remedy"]
    assert images["verdict"].tolist() == [GOOD, UNSUITABLE, UNSUITABLE]
    assert images["weak"].tolist() == ["", "Contrast", "Contrast"]


def test_weak_points_of_an_image_are_listed_and_the_worst_counts() -> None:
    images, _ = judge([make_image(0, contrast=2.0, sharpness=1.0), make_image(1, contrast=2.0)])
    assert images["weak"].tolist() == ["Contrast; Focus", "Contrast"]
    assert images["verdict"].tolist() == [UNSUITABLE, LOOK]


def test_large_values_may_be_the_bad_ones() -> None:
    rows = [make_image(k, illumination=value) for k, value in enumerate((0.3, 0.1, 0.4))]
    assert find(judge(rows)[1], "illumination")["images"] == [["a", 2], ["a", 0]]


MOVIE = STILLS | {"kind": "movie"}


def test_a_bad_minority_is_named_and_asks_for_a_look() -> None:
    """Once the median of eight frames hid that the last three were out of focus."""
    rows = [make_image(k, sharpness=3.5 if k < 5 else 1.2) for k in range(8)]
    images, verdict = judge(rows, samples=[MOVIE])
    assert verdict["verdict"] == LOOK
    assert verdict["sentence"] == (
        "Look before you trust this result: 3 of 8 frames out of focus: 5, 6, 7."
    )
    focus = find(verdict, "sharpness")
    assert (focus["verdict"], focus["value"]) == (LOOK, 3.5)
    assert "The median is good, but 3 of 8 images are not." in focus["meaning"]
    assert focus["remedy"] and len(focus["images"]) == 3
    assert images["quality"].tolist() == [GOOD] * 5 + [UNSUITABLE] * 3
    (sample,) = verdict["samples"]
    assert (sample["verdict"], sample["frames"]) == (LOOK, [5, 6, 7])


def test_a_bad_sample_among_good_ones_is_named() -> None:
    """Once the median over seven samples hid that all images of one were clipped."""
    names = ["a", "b", "c", "sat", "d", "e", "f"]
    bad = {"contrast": 1.0, "saturated_share": 0.9}
    rows = [
        make_image(k) | {"sample": name} | (bad if name == "sat" else {})
        for name in names
        for k in range(3)
    ]
    samples = [STILLS | {"sample": name} for name in names]
    _, verdict = judge(rows, samples=samples)
    assert verdict["verdict"] == LOOK
    assert verdict["sentence"] == (
        "Look before you trust this result: 1 of 7 samples unsuitable: sat (3 of 3 images with "
        "too little contrast and saturated: 0, 1, 2)."
    )
    assert [own["verdict"] for own in verdict["samples"]] == [GOOD] * 3 + [UNSUITABLE] + [GOOD] * 3
    # A sample that only asks for a look does so with three images; a single one may be odd.
    few = [
        row | bad | {"contrast": 2.0, "saturated_share": 0.1} for row in rows if row["frame"] == 0
    ]
    alone = [*few[3:4], *[row for row in rows if row["sample"] != "sat"]]
    assert judge(alone, samples=samples)[1]["verdict"] == GOOD
    three = [
        row | ({"contrast": 2.0, "saturated_share": 0.1} if row["sample"] == "sat" else {})
        for row in rows
    ]
    _, verdict = judge(three, samples=samples)
    assert "1 of 7 samples to look at: sat (in most images: contrast)" in verdict["sentence"]


def test_many_bad_samples_and_frames_are_counted() -> None:
    names = [f"s{k}" for k in range(5)]
    rows = [
        make_image(k, sharpness=1.0 if k % 2 else 3.0) | {"sample": name}
        for name in names
        for k in range(40)
    ]
    _, verdict = judge(rows, samples=[MOVIE | {"sample": name} for name in names])
    assert "5 of 5 samples to look at" in verdict["sentence"]
    assert "1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23 and 8 more" in verdict["sentence"]
    assert "s2" in verdict["sentence"] and "s3" not in verdict["sentence"]
    assert list_frames([3, 4, 5, 9, 10, 11, 12, 1]) == "1, 3, 4, 5, 9-12"


def test_an_image_that_failed_is_not_to_be_used_and_an_empty_one_may_be() -> None:
    rows = [make_image(0), make_image(1) | NOTHING, make_image(2) | NOTHING | {"n_nuclei": 0}]
    images, verdict = judge([*rows, make_image(3), make_image(4)])
    assert images["quality"].tolist() == [GOOD, UNSUITABLE, LOOK, GOOD, GOOD]
    assert verdict["sentence"] == (
        "Look before you trust this result: 2 of 5 images not segmented or without a nucleus: 1, 2."
    )


def test_stills_are_named_by_their_files() -> None:
    rows = [make_image(k) | {"image": f"well_{k}"} for k in range(4)]
    rows[2]["repeats"] = 1.0
    _, verdict = judge(rows)
    assert "1 of 4 images identical to an earlier one: well_2." in verdict["sentence"]


def test_failed_and_empty_images_are_named() -> None:
    images, verdict = judge(
        [make_image(0), make_image(1) | NOTHING, make_image(2) | NOTHING | {"n_nuclei": 0}]
    )
    assert verdict["verdict"] == LOOK
    assert find(verdict, FAILED.name)["images"] == [["a", 1]]
    assert find(verdict, FAILED.name)["value"] == pytest.approx(1 / 3, rel=1e-5)
    assert find(verdict, EMPTY.name)["images"] == [["a", 2]]
    assert images["verdict"].tolist() == [GOOD, LOOK, LOOK]
    assert images["weak"].tolist() == ["", FAILED.title, EMPTY.title]


def test_nothing_found_at_all_is_no_crash_and_not_good() -> None:
    _, verdict = judge([make_image(0) | NOTHING | {"n_nuclei": 0}])
    assert verdict["verdict"] == UNSUITABLE
    contrast = find(verdict, "contrast")
    assert contrast["value"] is None
    assert "Undefined: no image has a nucleus" in contrast["meaning"]
    assert "Undefined: stills have no" in find(verdict, "flicker")["meaning"]
    assert find(verdict, "n_training")["value"] is None  # its image failed


def test_nuclei_to_learn_from_are_those_of_the_training_frames() -> None:
    rows = [make_image(0, n_accepted=30), make_image(1, n_accepted=500)]
    assert find(judge(rows)[1], "n_training")["value"] == 30
    both = [STILLS | {"training": [0, 1]}]
    assert find(judge(rows, samples=both)[1], "n_training")["value"] == 530
    given = judge(rows, model_given=True)[1]
    assert find(given, "n_training")["verdict"] == UNDEFINED


@pytest.mark.parametrize(
    ("diameter_px", "scale", "expected"), [((18, 32), 1, 32), (None, 1, 40), (None, 0.5, 20)]
)
def test_nuclei_are_compared_with_patches_in_pixels_of_the_network(
    diameter_px: Any, scale: float, expected: float
) -> None:
    settings = {"patch_px": 64, "diameter_px": diameter_px, "scale": scale}
    _, verdict = judge([make_image(0, diameter_px=40.0)], **settings)
    assert find(verdict, "nucleus_in_patch")["value"] == expected / 64


def test_decisions_of_the_annotation_come_from_its_table() -> None:
    rows = [make_image(0), make_image(1), make_image(2, n_accepted=NAN), make_image(3)]
    images, verdict = judge(rows, objects=OBJECTS)
    assert images["n_annotated"].tolist()[:2] == [3, 2]
    assert images["share_accepted"][0] == pytest.approx(2 / 3)
    assert images["rejected: too large"][0] == pytest.approx(1 / 3)
    assert images["rejected: too small"][0] == 0
    assert images["rejected: too small"][1] == 0.5
    assert images.loc[2, ["n_annotated", "share_accepted", "rejected: too small"]].isna().all()
    assert images["n_annotated"][3] == 0  # annotated, but nothing was found
    assert np.isnan(images["share_accepted"][3])
    assert find(verdict, "area_accepted")["value"] == pytest.approx(315 / 725, rel=1e-5)
    assert REASONS["too large"] in find(verdict, "area_accepted")["remedy"]
    torn = OBJECTS.replace({"verdict": {"too large": "torn"}})
    assert "torn" in find(judge(rows, objects=torn)[1], "area_accepted")["remedy"]


def test_annotation_without_any_object() -> None:
    images, verdict = judge([make_image(0, n_accepted=0)], objects=OBJECTS[:0])
    assert images["n_annotated"].tolist() == [0]
    assert find(verdict, "area_accepted")["value"] is None


def test_why_something_is_undefined() -> None:
    def list_reasons(*samples: dict[str, Any], model_given: bool = False) -> set[str]:
        _, verdict = judge(
            [make_image(0)], samples=list(samples), model_given=model_given, sizes={"a": []}
        )
        meanings = [finding["meaning"] for finding in verdict["findings"]]
        return {text.partition("Undefined: ")[2] for text in meanings} - {
            "",
            "no image has a nucleus in which to measure it.",
        }

    no_model = "a model was given, so nothing was annotated."
    no_movie = "stills have no neighbouring frames."
    short = "no movie has enough frames, or enough nuclei in them, to say."
    movie = STILLS | {"kind": "movie", "training": []}
    masks = STILLS | {"masks": True}
    assert list_reasons(STILLS) == {no_movie}
    assert list_reasons(STILLS, movie) == {short}
    assert list_reasons(movie, model_given=True) == {no_model, short}
    assert list_reasons(masks, movie) == {"masks were given in the place of the annotation.", short}


def test_given_masks_are_judged_without_a_network() -> None:
    given = STILLS | {"labels": True, "training": []}
    image = make_image(0, agreement_f1=NAN, n_accepted=NAN)
    _, verdict = judge([image], samples=[given], model_given=True)
    assert find(verdict, "nucleus_in_patch")["value"] is None
    assert find(verdict, "n_training")["value"] is None
    for name in ("nucleus_in_patch", "agreement_f1", "probability"):
        assert find(verdict, name)["meaning"].endswith("given, so nothing was predicted.")
    assert find(verdict, "area_accepted")["meaning"].endswith("given, so nothing was annotated.")
    assert find(verdict, "contrast")["verdict"] == GOOD
    assert verdict["sentence"].endswith(
        " All masks were given: this tells of them and of the images, not of a network."
    )


def test_remedies_for_given_masks_are_not_those_for_a_network() -> None:
    given = STILLS | {"labels": True, "training": []}
    images = [make_image(0, brightness_spread=9.0), dict(make_image(1), **NOTHING)]
    _, verdict = judge(images, samples=[given], model_given=True)
    assert find(verdict, "brightness_spread")["remedy"] == "Look at these images with their masks."
    assert find(verdict, FAILED.name)["remedy"] == FAILED.remedy


def test_corrected_masks_are_named() -> None:
    _, verdict = judge([make_image(0)], samples=[STILLS | {"corrected": True}])
    assert verdict["sentence"].endswith(" The masks of a were corrected by hand.")


def test_given_masks_among_others_are_named() -> None:
    others = [STILLS | {"sample": name, "labels": True, "training": []} for name in "bcdef"]
    images = [make_image(0)] + [make_image(0, n_accepted=NAN) | {"sample": s} for s in "bcdef"]
    _, verdict = judge(images, samples=[STILLS, *others])
    assert verdict["sentence"].endswith(" The masks of b, c, d and 2 more were given.")
    assert find(verdict, "n_training")["value"] == 400
    assert find(verdict, "nucleus_in_patch")["value"] > 0
    # Learned from, they count by their nuclei.
    others[0]["training"] = [0]
    _, verdict = judge(images, samples=[STILLS, *others])
    assert find(verdict, "n_training")["value"] == 450


def make_nuclei(*sizes: float, area_px: float = 314.0) -> pd.DataFrame:
    """Three nuclei of 20 px for each pixel size."""
    size = np.repeat(sizes, 3)
    return pd.DataFrame({"area_px": area_px, "area_um2": area_px * size**2})


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0.5, []),
        (1.4, []),
        (0.21, []),
        (1.6, ["pixel size 1.6 µm (from TIFF XResolution) makes nuclei of 32 µm in a"]),
        (20.0, ["pixel size 20 µm (from TIFF XResolution) makes nuclei of 400 µm in a"]),
        (352.78, ["pixel size 352.8 µm (from TIFF XResolution) makes nuclei of 7.1 mm in a"]),
        (3.25, ["pixel size 3.25 µm (from TIFF XResolution) makes nuclei of 65 µm in a"]),
        (0.065, ["pixel size 0.065 µm (from TIFF XResolution) makes nuclei of 1.3 µm in a"]),
    ],
)
def test_a_pixel_size_is_checked_by_the_nuclei_it_makes(size: float, said: list[str]) -> None:
    assert check_sizes({"a": make_nuclei(size)}, {"a": "TIFF XResolution"}) == {"a": said}


def test_pixel_sizes_are_checked_by_sample_and_image() -> None:
    nuclei = {
        "mixed": make_nuclei(0.5, 0.5, 0.5, 100.0),  # one image in four
        "unknown": make_nuclei(NAN),
        "empty": make_nuclei(),
    }
    checked = check_sizes(nuclei, {"mixed": ""})
    assert checked == {"mixed": ["pixel size 100 µm makes nuclei of 2 mm in mixed"]}


def test_samples_are_compared_in_their_nuclei() -> None:
    usual, twice = make_nuclei(*[0.5] * 4), make_nuclei(*[1.0] * 4)
    said = "pixel size 1 µm makes nuclei of 20 µm in c, 10 µm in the others"
    three = {"a": usual, "b": usual, "c": twice}
    assert check_sizes(three, {}) == {"a": [], "b": [], "c": [said]}
    # Of two, either may be wrong.
    [[one], [other]] = check_sizes({"b": usual, "c": twice}, {}).values()
    assert other == said
    assert one == "pixel size 0.5 µm makes nuclei of 10 µm in b, 20 µm in the others"
    # Another magnification, truly told: 20 px of 0.5 um and 40 px of 0.25 um.
    other_lens = make_nuclei(*[0.25] * 4, area_px=4 * 314.0)
    assert check_sizes({"a": usual, "b": other_lens}, {}) == {"a": [], "b": []}
    # Three nuclei tell nothing.
    assert check_sizes({"a": usual, "b": make_nuclei(1.0)}, {}) == {"a": [], "b": []}


def test_an_unlikely_pixel_size_is_named_in_the_verdict() -> None:
    line = "pixel size 352.8 µm (from TIFF XResolution) makes nuclei of 7.1 mm in a"
    _, verdict = judge([make_image(0)], sizes={"a": [line], "b": []})
    assert verdict["verdict"] == LOOK
    assert verdict["sentence"] == (
        "Look before you trust this result: unlikely pixel size (0.50 share of the samples). "
        f"Check the {line}: all lengths in µm rest on it."
    )
    # Worse findings do not hide it.
    worse = judge([make_image(0, contrast=0.1)], sizes={"a": [line]})[1]
    assert worse["verdict"] == UNSUITABLE
    assert worse["sentence"].endswith(f"Check the {line}: all lengths in µm rest on it.")
    finding = find(verdict, "unlikely_size")
    assert finding["value"] == 0.5
    assert line in finding["remedy"]
    many = {name: [f"line of {name}"] for name in "abcdefgh"}
    assert "line of c; 5 more:" in judge([make_image(0)], sizes=many)[1]["sentence"]


def test_pixel_sizes_that_are_likely_or_unknown_say_nothing() -> None:
    assert find(judge([make_image(0)], sizes={"a": []})[1], "unlikely_size")["verdict"] == GOOD
    unknown = find(judge([make_image(0)], sizes={})[1], "unlikely_size")
    assert unknown["verdict"] == UNDEFINED
    assert "no pixel size is known" in unknown["meaning"]
    assert unknown["remedy"] == ""
