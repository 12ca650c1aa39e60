"""The indicators of quality and their limits."""

import re

import pytest

from autonuclei.annotate.selection import NOT_CONVEX, TOO_LARGE, TOO_SMALL
from autonuclei.evaluate.indicators import (
    AGREEMENT,
    ANNOTATION,
    EMPTY,
    FAILED,
    GOOD,
    IMAGE,
    INDICATORS,
    INFORMATION,
    LOOK,
    MOVIE,
    NETWORK,
    PIXEL_SIZE,
    REASONS,
    UNDEFINED,
    UNSUITABLE,
    Indicator,
)
from autonuclei.evaluate.quality import ANNOTATION_COLUMNS, SAMPLE_COLUMNS
from autonuclei.settings import build_schema
from conftest import ROOT

NAN = float("nan")


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


def test_limits_are_read_with_their_side() -> None:
    by_name = {indicator.name: indicator for indicator in INDICATORS}
    contrast, light = by_name["contrast"], by_name["illumination"]
    assert (contrast.look, contrast.unsuitable, contrast.low_is_bad) == (3.0, 1.5, True)
    assert (light.look, light.unsuitable, light.low_is_bad) == (0.25, 0.5, False)
    assert by_name["flicker"].look is None
    assert (EMPTY.judge(0.0), EMPTY.judge(0.1), FAILED.judge(0.6)) == (GOOD, LOOK, UNSUITABLE)


def test_indicators_are_whole() -> None:
    sections = build_schema()["properties"]
    names = [indicator.name for indicator in INDICATORS]
    assert len(set(names)) == len(names)
    for indicator in INDICATORS:
        has_limit = indicator.look is not None or indicator.unsuitable is not None
        assert bool(indicator.remedy) or not has_limit, f"{indicator.name} has no remedy"
        if indicator.of_images:
            assert indicator.name in (*SAMPLE_COLUMNS, *ANNOTATION_COLUMNS)
        assert indicator.about in (ANNOTATION, AGREEMENT, NETWORK, IMAGE, MOVIE, PIXEL_SIZE)
        if indicator.look is not None and indicator.unsuitable is not None:
            low, high = sorted((indicator.unsuitable, indicator.look))
            assert indicator.look == (high if indicator.low_is_bad else low)
        assert bool(indicator.bad) == (
            (indicator.of_images and indicator.look is not None) or indicator.alone
        ), indicator.name
    assert set(REASONS) == {TOO_LARGE, TOO_SMALL, NOT_CONVEX}
    # A remedy that names a key of the configuration names one that exists.
    for text in (*(i.remedy for i in INDICATORS), *REASONS.values()):
        for word in text.replace(";", " ").replace(",", " ").replace(")", " ").split():
            section, _, key = word.strip("(.:").partition(".")
            if section in sections and key:
                assert key in sections[section]["properties"], word


def test_the_documentation_gives_these_limits() -> None:
    text = (ROOT / "docs/quality.md").read_text()
    row = re.compile(r"^\| `(\w+)` \|[^|]*\| ([<>]) ([\d.]+) \|(?: [<>] ([\d.]+))? \|", re.M)
    told = {
        name: (sign == "<", float(look), float(unsuitable) if unsuitable else None)
        for name, sign, look, unsuitable in row.findall(text)
    }
    assert told == {
        indicator.name: (indicator.low_is_bad, indicator.look, indicator.unsuitable)
        for indicator in INDICATORS
        if indicator.look is not None and indicator not in (FAILED, EMPTY)
    }
