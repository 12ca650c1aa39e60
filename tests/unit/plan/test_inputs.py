"""What was read, in words that a user can check at a glance."""

import subprocess
import sys
from typing import Any

import pytest

from autonuclei.plan.inputs import (
    describe_input,
    format_inputs,
    list_remarks,
    tabulate_inputs,
)


def make_row(**values: Any) -> dict[str, Any]:
    """A movie of six time points and two channels."""
    row: dict[str, Any] = {
        "sample": "film",
        "kind": "movie",
        "n_files": 1,
        "first_file": "data/film.tif",
        "last_file": "data/film.tif",
        "n_frames": 6,
        "missing_frames": 0,
        "labels_given": False,
        "corrected": "",
        "position": None,
        "position_name": "",
        "channel": "2",
        "channel_number": 2,
        "n_channels": 2,
        "channel_names": ["BF", "H2B"],
        "projection": None,
        "n_slices": 1,
        "width": 640,
        "height": 512,
        "sizes": [(640, 512)],
        "dtype": "uint16",
        "pixel_size_um": 0.325,
        "pixel_sizes_um": [0.325],
        "pixel_size_source": "OME-XML PhysicalSizeX",
        "frame_interval_min": 10.0,
        "frame_interval_source": "sample sheet",
        "left_out": [],
        "said": [],
        "pairing": [],
        "notes": [],
    }
    assert values.keys() <= row.keys()
    return row | values


def test_twelve_planes_are_six_time_points_and_two_channels() -> None:
    assert describe_input(make_row()) == {
        "Sample": "film",
        "Read as": "12 planes = 6 time points x 2 channels",
        "Channel": "2 of 2 (H2B)",
        "Z slices": "",
        "Position": "",
        "Size (px)": "640 x 512",
        "Type": "uint16",
        "Pixel size (µm)": "0.325 (OME-XML PhysicalSizeX)",
        "Interval (min)": "10 (sample sheet)",
        "Masks": "",
        "Files": "film.tif",
    }


@pytest.mark.parametrize(
    ("values", "column", "said"),
    [
        ({"n_channels": 1, "channel_names": []}, "Read as", "6 time points"),
        ({"n_slices": 5}, "Read as", "60 planes = 6 time points x 5 z slices x 2 channels"),
        ({"n_slices": 5, "projection": "max"}, "Z slices", "max of 5"),
        ({"n_slices": 6, "projection": "time"}, "Z slices", "are time points"),
        (
            {"n_slices": 6, "projection": "time"},
            "Read as",
            "12 planes = 6 time points x 2 channels",
        ),
        (
            {"missing_frames": 1, "n_channels": None},
            "Read as",
            "6 time points, 1 time point missing",
        ),
        ({"kind": "stills", "n_frames": 1, "n_channels": 1}, "Read as", "1 image"),
        ({"channel": "H2B"}, "Channel", "2 of 2 (H2B)"),
        ({"channel_names": []}, "Channel", "2 of 2"),
        ({"channel": "green", "n_channels": 1, "channel_names": []}, "Channel", "green"),
        ({"channel": None, "n_channels": 1, "channel_names": ["DAPI"]}, "Channel", "DAPI"),
        ({"position": "3", "position_name": "A1"}, "Position", "3 (A1)"),
        ({"position": "A1", "position_name": "A1"}, "Position", "A1"),
        ({"position_name": "A1"}, "Position", ""),
        ({"sizes": [(64, 64), (80, 64), (90, 90)]}, "Size (px)", "64 x 64 to 90 x 90"),
        ({"pixel_sizes_um": [], "pixel_size_um": None}, "Pixel size (µm)", "unknown"),
        (
            {"pixel_sizes_um": [0.325, 0.65], "pixel_size_um": None},
            "Pixel size (µm)",
            "0.325 to 0.65 (OME-XML PhysicalSizeX)",
        ),
        ({"pixel_size_um": None, "pixel_size_source": ""}, "Pixel size (µm)", "0.325 or unknown"),
        ({"frame_interval_min": None}, "Interval (min)", "unknown"),
        ({"kind": "stills"}, "Interval (min)", ""),
        ({"n_files": 6, "last_file": "data/t5.tif"}, "Files", "6: film.tif to t5.tif"),
    ],
)
def test_what_is_said(values: dict[str, Any], column: str, said: str) -> None:
    assert describe_input(make_row(**values))[column] == said


def test_a_text_table_without_empty_columns() -> None:
    still = make_row(sample="wells", kind="stills", frame_interval_min=None, left_out=["thumb.tif"])
    lines = format_inputs([make_row(notes=["is told elsewhere"]), still]).splitlines()
    assert lines[0].startswith("sample  read as ")
    assert "pixel size (um)" in lines[0]
    assert "position" not in lines[0]
    for line in lines[1:3]:
        assert line.index("12 planes") == lines[0].index("read as")
    assert lines[3:] == ["wells: left out: thumb.tif"]


def test_of_many_samples_those_that_differ_are_shown() -> None:
    rows = [make_row(sample=f"s{i:03}", last_file=f"{i}.tif", n_files=2) for i in range(400)]
    rows[200] = rows[200] | {"n_frames": 5}
    rows[300] = rows[300] | {"left_out": ["thumb.tif"]}
    lines = format_inputs(rows).splitlines()
    assert len(lines) <= 20
    assert sum("s200" in line for line in lines) == 1
    assert lines[1].startswith("s000")
    assert "... and 388 more samples that were read as the first one" in lines
    assert lines[-1] == "s300: left out: thumb.tif"
    mixed = [make_row(sample=f"s{i:03}", n_frames=i + 1, left_out=["x"]) for i in range(400)]
    lines = format_inputs(mixed).splitlines()
    assert len(lines) <= 20
    assert "... and 390 more samples that differ from it" in lines
    assert lines[-1] == "... and 395 more lines of this kind"


def test_remarks_name_their_sample() -> None:
    row = make_row(left_out=["a.tif: a thumbnail"], pairing=["truth: by name"], notes=["look"])
    row["said"] = ["b.tif: pixel size unknown"]
    assert list_remarks([row]) == [
        "film: left out: a.tif: a thumbnail",
        "film: b.tif: pixel size unknown",
        "film: truth: by name",
        "film: look",
    ]


def test_first_and_last_file_by_name() -> None:
    names = {"n_files": 3, "first_file": "r/TimePoint_1/a.TIF", "last_file": "r/TimePoint_9/a.TIF"}
    assert describe_input(make_row(**names))["Files"] == "3: TimePoint_1/a.TIF to TimePoint_9/a.TIF"
    names["last_file"] = "r/TimePoint_9/b.TIF"
    assert describe_input(make_row(**names))["Files"] == "3: a.TIF to b.TIF"


def test_rows_for_a_file_are_flat() -> None:
    (flat,) = tabulate_inputs([make_row(sizes=[(64, 64), (80, 64)], pixel_sizes_um=[0.3, 6.0])])
    assert list(flat)[:2] == ["sample", "read_as"]
    assert flat["sizes"] == "64 x 64; 80 x 64"
    assert flat["pixel_sizes_um"] == "0.3; 6"
    assert flat["channel_names"] == "BF; H2B"
    assert flat["left_out"] == ""
    assert not any(isinstance(value, list | tuple) for value in flat.values())


def test_the_start_of_a_run_imports_no_pandas_for_it() -> None:
    code = "import sys, autonuclei.plan.inputs; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
