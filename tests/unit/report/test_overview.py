"""What the end of a run says."""

from pathlib import Path

import pandas as pd

from autonuclei.io.tables import write_table
from autonuclei.report.overview import describe_results, tabulate_unfinished

MISSING = [
    "e/segmentation/s/labels.tif",
    "e/segmentation/s/objects.csv",
    "e/tracking/movie/ctc",
    "e/summary.html",
]


def test_what_is_missing_is_named_by_sample() -> None:
    table = tabulate_unfinished(MISSING)
    assert table["sample"].tolist() == ["s", "s", "movie", ""]
    assert table["file"].tolist() == MISSING
    assert tabulate_unfinished([]).empty


def test_an_unfinished_run_is_not_called_finished(tmp_path: Path) -> None:
    """Nothing is said of half of an experiment: sums of what is there look like results."""
    for name in ("e", "whole"):
        objects = pd.DataFrame({"label": [1, 2]})
        write_table(tmp_path / name / "segmentation/s/objects.csv", objects)
    said = describe_results(tmp_path, ["e", "whole"], MISSING).splitlines()
    assert "Not everything is made." in said
    assert said[-1] == (
        "e: 4 result(s) are missing: 2 of sample s, 1 of sample movie, 1 of all samples together"
    )
    assert [line for line in said if "2 nuclei" in line] == [
        "  2 nuclei in segmentation/s/labels/, objects.csv"
    ]
    said = describe_results(tmp_path, ["e", "whole"], []).splitlines()
    assert said[1] == "Finished."
    assert len([line for line in said if "2 nuclei" in line]) == 2


def test_what_is_undefined_is_called_so(tmp_path: Path) -> None:
    row = {"stage": "segmentation", "iou": 0.5, "f1": None, "mean_iou_true": 0.8125, "n_images": 1}
    write_table(tmp_path / "e/evaluation/summary.csv", pd.DataFrame([row]))
    tracks = pd.DataFrame([{"TRA": 0.5, "LNK": None, "division_f1_1": None}])
    write_table(tmp_path / "e/evaluation/tracks_film.csv", tracks)
    said = describe_results(tmp_path, ["e"], [])
    assert "F1 undefined at IoU 0.5, mean IoU of true nuclei 0.81" in said
    assert "TRA 0.500, LNK undefined, division F1 undefined" in said
