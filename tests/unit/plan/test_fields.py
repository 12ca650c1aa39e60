"""Which blocks of large frames the annotation takes, without Snakemake."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np

from autonuclei.plan.fields import MOST_BLOCKS, choose_fields, list_field_blocks, list_fields
from autonuclei.plan.plan import CRITERION_FRAMES, Plan
from autonuclei.plan.resources import Requests
from autonuclei.plan.samples import Frame, Sample
from autonuclei.settings import read_settings

BLOCK_PX = 200


def make_frame(index: int, height: int = 1000, width: int = 700) -> Frame:
    return Frame(index, f"{index}.tif", 0, f"image{index}", height, width, pixel_size_um=0.5)


def make_sample(name: str, *frames: Frame, **more: Any) -> Sample:
    return Sample(experiment="e", name=name, kind="stills", frames=frames, **more)


def make_plan(*samples: Sample, **settings: Any) -> Plan:
    return Plan(read_settings({"preprocess": {"block_px": BLOCK_PX}} | settings), samples)


def wildcards(**more: str) -> SimpleNamespace:
    return SimpleNamespace(**{"experiment": "e", "sample": "a"} | more)


def names(places: list[tuple[Sample, Frame]]) -> list[str]:
    return [field.field for _, field in places]


def test_fields_of_a_large_frame_cover_it_once() -> None:
    frame = make_frame(3)
    fields = list_fields(frame, BLOCK_PX)
    assert len(fields) == 10 * 7
    covered = np.zeros(frame.shape, int)
    for number, field in enumerate(fields):
        assert field.field == f"0003_{number:02d}"
        row, end_row, column, end_column = field.window or (0, 0, 0, 0)
        assert field.shape == (end_row - row, end_column - column)
        covered[row:end_row, column:end_column] += 1
    assert (covered == 1).all()


def test_field_of_a_crop_is_counted_from_the_corner_of_the_file() -> None:
    whole = make_frame(0)
    crop = dataclasses.replace(whole, window=(50, 1050, 20, 720))
    for one, other in zip(list_fields(whole, BLOCK_PX), list_fields(crop, BLOCK_PX), strict=True):
        assert np.subtract(other.window or (), one.window or ()).tolist() == [50, 50, 20, 20]


def test_small_frames_are_their_own_field() -> None:
    frame = make_frame(3, 300, 200)  # 1.5 blocks
    assert list_fields(frame, BLOCK_PX) == [frame]
    assert frame.field == "0003"
    places = [(make_sample("a", frame), frame)] * 2
    assert choose_fields(places, BLOCK_PX, most=1) == places


def test_blocks_are_spread_over_frames_and_their_area() -> None:
    frames = [make_frame(index) for index in range(12)]
    sample = make_sample("a", *frames)
    chosen = choose_fields([(sample, frame) for frame in frames], BLOCK_PX, most=24)
    assert [field.index for _, field in chosen] == sorted([*range(12)] * 2)
    assert len({field.block for _, field in chosen}) >= 22  # of 70, hardly any is taken twice
    middle = np.array([field.window for _, field in chosen]).reshape(24, 2, 2).mean(axis=2)
    for rows in (middle[:, 0] < 500, middle[:, 0] > 500):
        for columns in (middle[:, 1] < 350, middle[:, 1] > 350):
            assert (rows & columns).sum() >= 4  # in each quarter
    many = [make_frame(index) for index in range(40)]
    assert len(choose_fields([(sample, frame) for frame in many], BLOCK_PX, most=24)) == 40
    one = choose_fields([(sample, frames[0])], BLOCK_PX, most=24)
    assert names(one) == sorted(set(names(one))) and len(one) == 24
    assert len(choose_fields([(sample, frames[0])], BLOCK_PX, most=1000)) == 70


def test_plan_of_a_mosaic() -> None:
    frames = [make_frame(0), make_frame(1, 300, 200), make_frame(2)]
    truth = {0: make_frame(0), 2: make_frame(2)}
    plan = make_plan(make_sample("a", *frames, train=(0, 1), truth=truth))
    learned = plan.list_training("e")
    assert len(learned) == MOST_BLOCKS + 1
    assert plan.list_checked("e") == learned
    # The other frame with a ground truth is annotated in blocks too.
    annotated = plan.list_annotated("e")
    assert [field.index for _, field in annotated] == [0] * 24 + [1] + [2] * 24
    # None of those learned from tells which network is best.
    criterion = plan.list_criterion("e")
    assert len(criterion) == CRITERION_FRAMES
    assert not {*names(criterion)} & {*names(learned)}
    places = learned[7][1]
    job = wildcards(frame=places.field)
    assert plan.get_frame(job) == places
    assert plan.describe_plane(job)["window"] == places.window
    assert Requests(plan).frame_mb(0, 1e6)(job, 1) < Requests(plan).frame_mb(0, 1e6)(
        wildcards(frame="0000"), 1
    )


def test_what_scripts_are_told_of_blocks() -> None:
    frames = [make_frame(0), make_frame(1, 300, 200)]
    plan = make_plan(make_sample("a", *frames, train=(0, 1), truth={0: make_frame(0)}))
    fields = [field for _, field in plan.list_training("e")]
    blocks = list_field_blocks(frames[0], BLOCK_PX)
    told = plan.describe_fields(wildcards())
    assert told[-1] == {"sample": "a"}
    first = fields[0].block or 0
    assert told[0] == {
        "sample": "a",
        "block": first,
        "block_y_px": blocks[first].row,
        "block_x_px": blocks[first].column,
    }
    assert plan.describe_annotated(wildcards())[0] == (0, tuple(blocks[first]))
    assert plan.describe_annotated(wildcards())[-1] == (1, (0, 300, 0, 200))
    cases = plan.list_cases(wildcards())
    assert [case["stage"] for case in cases] == ["annotation"] * MOST_BLOCKS + ["segmentation"]
    assert cases[0]["plane"]["window"] == fields[0].window
    assert cases[-1]["plane"]["window"] is None
    # Counts of an image are of all of it.
    assert plan.describe_counted(wildcards())[0]["annotated"] == [1]
    assert plan.describe_judged(wildcards())[0]["training"] == [0, 1]
    (sample,) = plan.describe_samples(wildcards())
    assert sample["training_frames"] == [0, 1]
    assert sample["training_blocks"][0] == [0, first, list(blocks[first])]
    assert plan.describe_inputs(wildcards())[0]["said"] == [
        "learned from 24 of the 70 blocks of 1 large image"
    ]
    assert plan.describe_shown(wildcards())["name"] == f"a, frame 0, block {fields[12].block}"


def test_rounds_on_blocks() -> None:
    frame = make_frame(0)
    plan = make_plan(
        make_sample("a", frame, train=(0,)),
        self_training={"rounds": 1},
        predict={"megapixels_per_job": 0.05},  # five blocks
    )
    fields = [field for _, field in plan.list_checked("e")]
    stretches = plan.list_stretches(plan.list_samples("e")[0], checked=True)
    assert [field for stretch in stretches for field in stretch] == fields
    job = wildcards(round="1", first=stretches[1][0].field, last=stretches[1][-1].field)
    planes = plan.describe_checked_stretch(job)
    assert {place: plane["window"] for place, plane in planes.items()} == {
        place: field.window for place, field in enumerate(stretches[1])
    }
    assert plan.may_be_dark(job)  # the corner of a mosaic
    third = stretches[1][2]
    assert plan.find_checked(wildcards(frame=third.field)) == (stretches[1], 2)
    # A finished network looks at whole images.
    assert plan.list_stretches(plan.list_samples("e")[0]) == [[frame]]
