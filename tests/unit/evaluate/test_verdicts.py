"""What the figures of quality are taken to mean."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from autonuclei.annotate.selection import AcceptedRange
from autonuclei.evaluate.quality import ANNOTATION_COLUMNS, SAMPLE_COLUMNS
from autonuclei.evaluate.verdicts import (
    EMPTY,
    FAILED,
    GOOD,
    INDICATORS,
    INFORMATION,
    LOOK,
    ORDER,
    REASONS,
    UNDEFINED,
    UNSUITABLE,
    Indicator,
    add_verdicts,
    describe_missing,
    judge_experiment,
    judge_images,
    list_findings,
    list_rejections,
    summarize_images,
)
from autonuclei.report.quality_figures import plot_areas, plot_calibration, plot_indicators
from autonuclei.report.style import save_figure
from conftest import ROOT

NAN = float("nan")
OBJECTS = {
    "sample": np.array(["a"] * 5),
    "frame": np.array([0, 0, 0, 1, 1]),
    "area_px": np.array([100, 110, 400, 105, 10]),
    "verdict": np.array(["accepted", "accepted", "too large", "accepted", "too small"]),
}


def make_image(frame: int, **values: float) -> dict[str, Any]:
    """An image with a good value of each indicator."""
    row: dict[str, Any] = {"sample": "a", "frame": frame} | dict.fromkeys(SAMPLE_COLUMNS, NAN)
    for indicator in INDICATORS:
        if indicator.name in row and indicator.look is not None:
            row[indicator.name] = indicator.look * (1.2 if indicator.low_is_bad else 0.8)
    return row | {"n_nuclei": 50, "n_accepted": 40, "diameter_px": 20.0} | values


def judge(images: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"objects": None, "n_training": 1000, "patch_px": 64.0}
    values = summarize_images(images, **(arguments | changes))
    objects = changes.get("objects")
    findings = list_findings(images, values, objects=objects, missing={"movie": "stills."})
    return judge_experiment("e", findings)


def find(verdict: dict[str, Any], name: str) -> dict[str, Any]:
    (finding,) = [f for f in verdict["findings"] if f["indicator"] == name]
    return finding


@pytest.mark.parametrize(
    ("value", "low_is_bad", "verdict"),
    [
        (0.9, True, GOOD),
        (0.5, True, GOOD),
        (0.4, True, LOOK),
        (0.1, True, UNSUITABLE),
        (NAN, True, UNDEFINED),
        (0.4, False, GOOD),
        (0.6, False, LOOK),
    ],
)
def test_limits(value: float, low_is_bad: bool, verdict: str) -> None:
    unsuitable = 0.2 if low_is_bad else 0.9
    indicator = Indicator("x", "x", "", "", "", 0.5, unsuitable, low_is_bad)
    assert indicator.judge(value) == verdict
    assert Indicator("x", "x", "", "").judge(0.5) == INFORMATION


def test_indicators_are_whole() -> None:
    schema = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
    names = [indicator.name for indicator in INDICATORS]
    assert len(set(names)) == len(names)
    for indicator in (*INDICATORS, FAILED, EMPTY):
        has_limit = indicator.look is not None or indicator.unsuitable is not None
        assert bool(indicator.remedy) or not has_limit, f"{indicator.name} has no remedy"
        if indicator.of_images:
            assert indicator.name in (*SAMPLE_COLUMNS, *ANNOTATION_COLUMNS)
        if indicator.look is not None and indicator.unsuitable is not None:
            assert (indicator.unsuitable < indicator.look) == indicator.low_is_bad
    # A remedy that names a key of the configuration names one that exists.
    for text in (*(i.remedy for i in (*INDICATORS, FAILED, EMPTY)), *REASONS.values()):
        for word in text.replace(";", " ").replace(",", " ").replace(")", " ").split():
            section, _, key = word.strip("(.:").partition(".")
            if section in schema["properties"] and key:
                assert key in schema["properties"][section]["properties"], word


def test_good_experiment() -> None:
    verdict = judge([make_image(0), make_image(1)])
    assert verdict["verdict"] == GOOD
    assert "Nothing speaks against" in verdict["sentence"]
    order = [ORDER.index(finding["verdict"]) for finding in verdict["findings"]]
    assert order == sorted(order)
    json.dumps(verdict, allow_nan=False)


def test_worst_finding_decides_and_names_its_images() -> None:
    images = [make_image(0), make_image(1, contrast=0.1), make_image(2, contrast=0.2)]
    verdict = judge(images)
    contrast = find(verdict, "contrast")
    assert verdict["verdict"] == contrast["verdict"] == UNSUITABLE
    assert contrast["value"] == 0.2  # the median of three
    assert contrast["images"] == [["a", 1], ["a", 2]]
    assert "contrast (0.20" in verdict["sentence"]
    assert contrast["remedy"]
    judge_images(images)
    assert [row["verdict"] for row in images] == [GOOD, UNSUITABLE, UNSUITABLE]
    assert [row["weak"] for row in images] == ["", "Contrast", "Contrast"]


def test_failed_and_empty_images_are_named() -> None:
    nothing = dict.fromkeys(SAMPLE_COLUMNS, NAN)
    images = [make_image(0), make_image(1) | nothing, make_image(2) | nothing | {"n_nuclei": 0}]
    verdict = judge(images)
    assert verdict["verdict"] == LOOK
    assert find(verdict, FAILED.name)["images"] == [["a", 1]]
    assert find(verdict, EMPTY.name)["images"] == [["a", 2]]
    judge_images(images)
    assert [row["verdict"] for row in images] == [GOOD, LOOK, LOOK]


def test_nothing_found_at_all_is_no_crash_and_not_good() -> None:
    nothing = dict.fromkeys(SAMPLE_COLUMNS, NAN)
    verdict = judge([make_image(0) | nothing | {"n_nuclei": 0}], n_training=NAN)
    assert verdict["verdict"] == UNSUITABLE
    contrast = find(verdict, "contrast")
    assert contrast["value"] is None
    assert "Undefined: no image has a nucleus" in contrast["meaning"]
    assert "Undefined: stills." in find(verdict, "flicker")["meaning"]
    json.dumps(verdict, allow_nan=False)


def test_verdicts_of_the_annotation_come_from_its_table() -> None:
    images = [make_image(0), make_image(1), make_image(2, n_accepted=NAN)]
    add_verdicts(images, OBJECTS)
    assert images[0]["share_accepted"] == pytest.approx(2 / 3)
    assert images[0]["rejected: too large"] == pytest.approx(1 / 3)
    assert images[0]["rejected: too small"] == 0
    assert images[1]["rejected: too small"] == 0.5
    assert "share_accepted" not in images[2]  # not annotated
    verdict = judge(images, objects=OBJECTS)
    assert find(verdict, "area_accepted")["value"] == pytest.approx(315 / 725, rel=1e-5)
    assert REASONS["too large"] in find(verdict, "area_accepted")["remedy"]
    assert list(list_rejections(OBJECTS)) == ["too large", "too small"]
    new = OBJECTS | {"verdict": np.where(OBJECTS["verdict"] == "too large", "torn", "accepted")}
    assert "torn" in find(judge(images, objects=new), "area_accepted")["remedy"]


def test_why_something_is_undefined() -> None:
    stills = {"kind": "stills", "masks": False, "training": [0]}
    movie = {"kind": "movie", "masks": False, "training": []}
    assert set(describe_missing([stills], model_given=False)) == {"movie"}
    assert describe_missing([stills, movie], model_given=False) == {}
    assert set(describe_missing([movie], model_given=True)) == {"annotation", "agreement"}
    masks = stills | {"masks": True}
    assert set(describe_missing([masks, movie], model_given=False)) == {"annotation"}


@pytest.mark.parametrize("full", [True, False])
def test_figures(tmp_path: Path, full: bool) -> None:
    accepted = AcceptedRange(low=50, median=100, high=200, n_objects=5)
    images = [make_image(i, contrast=NAN if i == 2 else 10.0) for i in range(4)] if full else []
    rows = [
        {
            "checked_by": source,
            "low": 0.8,
            "high": 0.9,
            "n": 40,
            "confirmed": 30,
            "probability": 0.85,
        }
        for source in ("annotation", "neighbouring frames")
    ]
    drawn = {
        "areas": plot_areas(
            "e",
            objects=pd.DataFrame(OBJECTS) if full else None,
            accepted=accepted if full else None,
            nuclei_px=np.array([90, 100, 120]) if full else np.zeros(0),
            scale=1.0,
        ),
        "indicators": plot_indicators(pd.DataFrame(images), "e"),
        "calibration": plot_calibration(pd.DataFrame(rows)[: 2 * full], "e"),
    }
    for name, figure in drawn.items():
        save_figure(figure, [tmp_path / f"{name}.png", tmp_path / f"{name}.svg"])
    texts = {name: (tmp_path / f"{name}.svg").read_text() for name in drawn}
    assert ("too large: 1" in texts["areas"]) == full
    assert ("no objects" in texts["areas"]) != full
    assert ("Contrast" in texts["indicators"]) == full
    assert ("checked by neighbouring frames (40 nuclei)" in texts["calibration"]) == full
    assert ("nothing to check with" in texts["calibration"]) != full
