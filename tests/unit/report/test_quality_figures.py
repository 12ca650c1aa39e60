"""Figures of quality say in words what they show, or that there is nothing to show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autonuclei.annotate.selection import AcceptedRange
from autonuclei.report.quality_figures import plot_areas, plot_calibration, plot_indicators
from autonuclei.report.style import save_figure

OBJECTS = pd.DataFrame(
    {
        "area_px": [100, 110, 400, 105, 10],
        "verdict": ["accepted", "accepted", "too large", "accepted", "too small"],
    }
)


@pytest.mark.parametrize("full", [True, False])
def test_figures(tmp_path: Path, full: bool) -> None:
    accepted = AcceptedRange(low=50, median=100, high=200, n_objects=5)
    images = pd.DataFrame({"sample": "a", "contrast": [10.0, 9.0, np.nan, 8.0]})
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
            objects=OBJECTS if full else None,
            accepted=accepted if full else None,
            nuclei_px=np.array([90, 100, 120]) if full else np.zeros(0),
            scale=1.0,
        ),
        "indicators": plot_indicators(images[: 4 * full], "e"),
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
