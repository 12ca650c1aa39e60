"""The figures by which a result is judged without a ground truth: indicators.toml has them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GOOD, LOOK, UNSUITABLE = "good", "look", "unsuitable"
INFORMATION, UNDEFINED = "information", "undefined"
# What an indicator tells of.
ANNOTATION, AGREEMENT, NETWORK = "annotation", "agreement", "network"
IMAGE, MOVIE = "image", "movie"
PIXEL_SIZE = "pixel size"


@dataclass(frozen=True)
class Indicator:
    """One figure and how to read it.

    Attributes
    ----------
    look, unsuitable
        The limits beyond which a value is no longer good; None: there is none.
    low_is_bad
        On which side of the limits.
    of_images
        Whether images are judged by it one by one too.
    alone
        Whether each image that asks for a look is named, not only the unsuitable ones.
    bad
        What is said of such images, after "3 of 8 frames".
    about
        `ANNOTATION`, `AGREEMENT`, `NETWORK`, `IMAGE`, `MOVIE` or `PIXEL_SIZE`.
    """

    name: str
    title: str
    unit: str
    meaning: str
    remedy: str = ""
    look: float | None = None
    unsuitable: float | None = None
    low_is_bad: bool = True
    of_images: bool = False
    alone: bool = False
    bad: str = ""
    about: str = IMAGE

    def judge(self, value: float) -> str:
        """Give the verdict on one value."""
        if value != value:
            return UNDEFINED
        for limit, verdict in ((self.unsuitable, UNSUITABLE), (self.look, LOOK)):
            if limit is not None and (value < limit if self.low_is_bad else value > limit):
                return verdict
        return INFORMATION if self.look is None and self.unsuitable is None else GOOD


def _make_indicator(name: str, entry: Mapping[str, Any]) -> Indicator:
    limits = {key: entry[key].split() for key in ("look", "unsuitable") if key in entry}
    return Indicator(
        name,
        low_is_bad=all(sign == "<" for sign, _ in limits.values()),
        **dict(entry) | {key: float(limit) for key, (_, limit) in limits.items()},
    )


with Path(__file__).with_suffix(".toml").open("rb") as _file:
    _DATA = tomllib.load(_file)

INDICATORS = tuple(_make_indicator(*item) for item in _DATA["indicators"].items())
FAILED, EMPTY, REPEATED, UNLIKELY_SIZE = (
    next(indicator for indicator in INDICATORS if indicator.name == name)
    for name in ("failed_images", "empty_images", "repeats", "unlikely_size")
)
# What it means that most annotated objects were rejected for a reason, and what to do.
REASONS: dict[str, str] = _DATA["reasons"]
