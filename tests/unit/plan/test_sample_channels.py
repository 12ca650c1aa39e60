"""Which channels a sample has, which of them are measured, and where their planes are."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from autonuclei.errors import InputError
from autonuclei.io.formats.base import ImageHeader
from autonuclei.io.images import PlaneReader, read_file_header
from autonuclei.plan.channels import list_channels
from autonuclei.plan.patterns import Match, group_matches
from autonuclei.plan.plan import Plan
from autonuclei.plan.samples import read_samples
from autonuclei.settings import read_settings

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "samples.schema.yaml").read_text())
PLAIN = ImageHeader(32, 40, "uint16")
JOB = SimpleNamespace(experiment="e", sample="s")


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make_plan(row: dict[str, str], **settings: Any) -> Plan:
    cells = {"experiment": "e", "sample": "s", "kind": "movie", "train": "all"} | row
    Path("samples.tsv").write_text("\t".join(cells) + "\n" + "\t".join(cells.values()) + "\n")
    samples = read_samples("samples.tsv", schema=SCHEMA, read_header=read_file_header)
    return Plan(read_settings({"samples": "samples.tsv", **settings}), samples)


def write_stack(path: str, n_frames: int = 2, names: tuple[str, ...] = ("DAPI", "GFP")) -> None:
    stack = np.arange(n_frames * len(names), dtype=np.uint16).reshape(n_frames, len(names), 1, 1)
    stack = np.broadcast_to(stack, (*stack.shape[:2], 32, 40))
    metadata = {"axes": "TCYX", "Channel": {"Name": list(names)}}
    tifffile.imwrite(path, stack, ome=True, metadata=metadata)


def read_values(plan: Plan) -> dict[int, dict[str, int]]:
    """The grey value of each plane that the measurement reads."""
    with PlaneReader() as read:
        return {
            frame: {name: int(read(**plane).max()) for name, plane in planes.items()}
            for frame, planes in plan.describe_channels(JOB).items()
        }


@pytest.mark.parametrize(
    ("images", "chosen", "expected"),
    [
        ([PLAIN], None, [("", None)]),
        ([replace(PLAIN, n_channels=2)], "1", [("", "1"), ("", "2")]),
        (
            [replace(PLAIN, n_channels=2, channel_names=("DAPI", "GFP"))],
            "DAPI",
            [("DAPI", "DAPI"), ("GFP", "GFP")],
        ),
        # The same name twice: only the number tells them apart.
        (
            [replace(PLAIN, n_channels=2, channel_names=("Cy5", "Cy5"))],
            "1",
            [("Cy5", "1"), ("Cy5", "2")],
        ),
        # By name, whatever the order; what one image lacks is left out.
        (
            [
                replace(PLAIN, n_channels=3, channel_names=("DAPI", "GFP", "RFP")),
                replace(PLAIN, n_channels=2, channel_names=("GFP", "DAPI")),
            ],
            "DAPI",
            [("DAPI", "DAPI"), ("GFP", "GFP")],
        ),
        ([replace(PLAIN, is_rgb=True)], "green", [(c, c) for c in ("red", "green", "blue")]),
        ([replace(PLAIN, is_rgb=True)], None, [("", None)]),
    ],
)
def test_channels_of_files(
    images: list[ImageHeader], chosen: str | None, expected: list[tuple[str, str | None]]
) -> None:
    found = list_channels(images, chosen=chosen)
    assert [(channel.name, channel.key) for channel in found] == expected


def test_channels_within_a_file_are_read_from_it() -> None:
    write_stack("a.ome.tif")
    plan = make_plan({"images": "a.ome.tif", "channel": "DAPI"})
    assert read_values(plan) == {0: {"DAPI": 0, "GFP": 1}, 1: {"DAPI": 2, "GFP": 3}}
    assert plan.list_channel_files(JOB) == ["a.ome.tif"]
    made = plan.list_results()
    assert "<results>/e/segmentation/s/channels.csv" in made
    assert "<results>/e/tracking/s/traces" in made


def test_channels_that_are_files_are_found_by_the_values_in_their_names() -> None:
    Path("raw").mkdir()
    for time in range(1, 5):
        for channel in (1, 2, 10):
            if (time, channel) != (3, 10):
                value = np.full((32, 40), 100 * channel + time, np.uint16)
                # As ImageXpress writes: what follows the channel is different in each name.
                name = f"raw/t{time}_w{channel}_{hash((time, channel)) % 977}.tif"
                tifffile.imwrite(name, value)
    plan = make_plan({"images": "raw/t{time}_w{channel}_*.tif", "channel": "2"})
    assert read_values(plan) == {
        t: {f"channel_{c}": 100 * c + t + 1 for c in (1, 2, 10) if (t, c) != (2, 10)}
        for t in range(4)
    }
    assert len(plan.list_channel_files(JOB)) == 11
    assert set(plan.list_channel_files(JOB)) == set(plan.list_raw_files(JOB))
    assert len(plan.list_sample_files(JOB)) == 4


def test_a_channel_that_begins_later_stays_with_its_times() -> None:
    Path("raw").mkdir()
    for name in ("t1_w1", "t2_w1", "t3_w1", "t3_w2"):
        tifffile.imwrite(f"raw/{name}.tif", np.full((32, 40), int(name[1]), np.uint16))
    plan = make_plan({"images": "raw/t{time}_w{channel}.tif", "channel": "1"})
    assert [list(planes) for planes in plan.describe_channels(JOB).values()] == [
        ["channel_1"], ["channel_1"], ["channel_1", "channel_2"],
    ]  # fmt: skip
    assert read_values(plan)[2] == {"channel_1": 3, "channel_2": 3}


def test_slices_that_are_files_are_projected_in_each_channel() -> None:
    Path("raw").mkdir()
    for z in range(3):
        for channel in (1, 2):
            value = np.full((32, 40), 10 * channel + z, np.uint16)
            tifffile.imwrite(f"raw/a_z{z}_w{channel}.tif", value)
    row = {"images": "raw/a_z{z}_w{channel}.tif", "channel": "1", "projection": "max"}
    plan = make_plan({"kind": "stills", **row})
    assert read_values(plan) == {0: {"channel_1": 12, "channel_2": 22}}


def test_stills_whose_names_differ_in_a_star_go_by_the_rest_of_the_name() -> None:
    names = [f"raw/w1_{name}_w{c}.tif" for name in ("x", "y", "z") for c in (1, 2)]
    matches = [Match(name, {"channel": name[-5]}) for name in names if name != "raw/w1_z_w2.tif"]
    (group,) = group_matches(matches, "s", kind="stills", channel="1")
    assert group.partners == {
        "2": {"raw/w1_x_w1.tif": "raw/w1_x_w2.tif", "raw/w1_y_w1.tif": "raw/w1_y_w2.tif"}
    }


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("all", ["DAPI", "GFP_488", "Cy5"]),
        ("none", []),
        (["GFP 488"], ["GFP_488"]),
        ([3, "DAPI"], ["DAPI", "Cy5"]),
    ],
)
def test_the_configuration_chooses(measure: Any, expected: list[str]) -> None:
    write_stack("a.ome.tif", names=("DAPI", "GFP 488", "Cy5"))
    plan = make_plan({"images": "a.ome.tif", "channel": "DAPI"}, channels={"measure": measure})
    assert plan.list_channel_names(JOB) == expected
    is_made = "<results>/e/segmentation/s/channels.csv" in plan.list_results()
    assert is_made == bool(expected)


def test_one_channel_is_measured_only_if_asked_for() -> None:
    tifffile.imwrite("a.tif", np.ones((2, 32, 40), np.uint16))
    assert make_plan({"images": "a.tif"}).list_channel_names(JOB) == []
    plan = make_plan({"images": "a.tif"}, channels={"measure": [1]})
    assert plan.list_channel_names(JOB) == ["channel1"]


def test_what_cannot_be_measured_is_told() -> None:
    write_stack("a.ome.tif")
    row = {"images": "a.ome.tif", "channel": "1", "condition": "drug"}
    with pytest.raises(InputError, match="no image has the channel 'RFP', only DAPI, GFP"):
        make_plan(row, channels={"measure": ["RFP"]})
    with pytest.raises(InputError, match="ring_um: the pixel size of sample 's' is unknown"):
        make_plan(row, channels={"ring_um": 2.5})
    sized = row | {"pixel_size_um": "5"}
    with pytest.raises(InputError, match=r"2\.5 um are less than a pixel"):
        make_plan(sized, channels={"ring_um": 2.5})
    with pytest.raises(InputError, match="'e' has no condition 'control', only drug"):
        make_plan(row, conditions={"control": "control"})
    with pytest.raises(InputError, match=r"channels.measure"):
        make_plan(row, channels={"measure": "GFP"})


def test_width_of_the_ring() -> None:
    write_stack("a.ome.tif")
    row = {"images": "a.ome.tif", "channel": "1", "pixel_size_um": "0.5"}
    assert make_plan(row).get_ring_widths(JOB) == {0: 5, 1: 5}
    assert make_plan(row, channels={"ring_um": 2}).get_ring_widths(JOB) == {0: 4, 1: 4}
