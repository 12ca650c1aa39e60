"""`preprocess.crop`: which part of images and label images is read, and what is told of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml

from autonuclei.errors import InputError
from autonuclei.export.ctc import write_ctc
from autonuclei.io.images import PlaneReader, read_file_header, read_plane
from autonuclei.io.label_images import read_label_image
from autonuclei.plan.fields import list_fields
from autonuclei.plan.inputs import describe_input, list_remarks
from autonuclei.plan.plan import Plan
from autonuclei.plan.samples import Sample, read_samples
from autonuclei.segment.planes import read_frame
from autonuclei.settings import read_settings
from conftest import ROOT

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/samples.schema.yaml").read_text())
CROP = (10, 40, 20, 60)
SHAPE = (64, 80)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(path: str, *shape: int) -> np.ndarray:
    image = (np.arange(np.prod(shape)) % 60000 + 1).reshape(shape).astype(np.uint16)
    tifffile.imwrite(path, image, photometric="minisblack")
    return image


def read(crop: tuple[int, int, int, int] | None = CROP, **row: str) -> Sample:
    filled = {"experiment": "e", "sample": "s", "images": "a.tif", "kind": "movie"} | row
    text = "\n".join("\t".join(line) for line in (filled.keys(), filled.values()))
    Path("sheet.tsv").write_text(text + "\n")
    (sample,) = read_samples("sheet.tsv", schema=SCHEMA, read_header=read_file_header, crop=crop)
    return sample


def test_the_part_is_read_and_no_more() -> None:
    movie = save("a.tif", 3, *SHAPE)
    sample = read()
    frame = sample.frames[1]
    assert (frame.shape, frame.window) == ((30, 40), CROP)
    assert sample.megapixels == pytest.approx(3 * 30 * 40 / 1e6)
    plane = sample.describe_plane(frame)
    np.testing.assert_array_equal(read_plane(**plane), movie[1, 10:40, 20:60])
    (channel,) = sample.channels
    assert sample.describe_channel(frame, channel) == plane
    # A movie whose file was replaced by one of another size is refused all the same.
    save("a.tif", 3, 70, 80)
    with pytest.raises(InputError, match=r"is 80 x 70 pixels, but most frames .* are 80 x 64"):
        read_plane(**plane | {"stamp": None})


def test_stills_are_cut_as_far_as_they_go() -> None:
    save("a1.tif", *SHAPE)
    save("a2.tif", 30, 70)
    save("a3.tif", 64, 55)
    sample = read(images="a*.tif", kind="stills")
    windows = [CROP, (10, 30, 20, 60), (10, 40, 20, 55)]
    assert [frame.window for frame in sample.frames] == windows
    assert [frame.shape for frame in sample.frames] == [(30, 40), (20, 40), (30, 35)]
    # One that is as large as the part is read whole.
    (frame,) = read((0, 100, 0, 100)).frames if save("a.tif", *SHAPE).any() else ()
    assert (frame.window, frame.shape) == (None, SHAPE)


@pytest.mark.parametrize(
    ("crop", "said"),
    [
        (
            (64, 90, 0, 50),
            r"preprocess.crop: \[64, 90, 0, 50\] lies outside of a.tif, .* 80 x 64",
        ),
        ((0, 64, 70, 90), "leaves less than 16 px of a side of a.tif, 80 x 64 pixels"),
    ],
)
def test_a_part_that_is_none(crop: tuple[int, int, int, int], said: str) -> None:
    save("a.tif", 2, *SHAPE)
    with pytest.raises(InputError, match=said) as told:
        read(crop)
    assert str(told.value).startswith("sheet.tsv: 1 problem(s)")


@pytest.mark.parametrize("column", ["ground_truth", "masks", "labels", "corrected"])
def test_label_images_of_the_image_or_of_its_part(column: str) -> None:
    save("a.tif", *SHAPE)
    whole = np.zeros(SHAPE, np.uint16)
    whole[12:20, 22:30], whole[30:45, 50:70], whole[0:5, 0:5] = 1, 2, 3
    for labels in (whole, whole[10:40, 20:60]):
        tifffile.imwrite("labels.tif", labels)
        sample = read(kind="stills", **{column: "labels.tif"}, train="all")
        found = {
            "ground_truth": sample.truth, "masks": sample.masks, "labels": sample.labels,
            "corrected": sample.corrected_labels,
        }  # fmt: skip
        label = found[column][0]
        assert label.shape == (30, 40)
        taken = read_label_image(label.path, label.page, label.window)
        np.testing.assert_array_equal(taken, whole[10:40, 20:60])
    tifffile.imwrite("labels.tif", whole[:30])
    with pytest.raises(InputError) as told:
        read(kind="stills", **{column: "labels.tif"}, train="all")
    assert (
        f"{column}: labels.tif: is 80 x 30 pixels, but its image a.tif is 80 x 64, or 40 x 30 of "
        "preprocess.crop. Give the label image of this very image."
    ) in str(told.value)


def test_blocks_of_the_part() -> None:
    """The truth and the masks of a block, whether they show the whole image or its part."""
    save("a.tif", 700, 800)
    whole = np.arange(1, 1 + 350 * 400).reshape(350, 400).repeat(2, 0).repeat(2, 1)
    whole = whole.astype(np.int32)
    crop = (50, 650, 100, 700)
    settings = read_settings({"preprocess": {"block_px": 256, "crop": list(crop)}})
    for labels in (whole, whole[50:650, 100:700]):
        tifffile.imwrite("labels.tif", labels)
        sample = read(crop, kind="stills", train="all", masks="labels.tif")
        plan = Plan(settings, [sample])
        for field in list_fields(sample.frames[0], 256):
            row, end_row, column, end_column = field.window or pytest.fail()
            job: Any = SimpleNamespace(experiment="e", sample="s", frame=field.field)
            part = read_label_image("labels.tif", 0, plan.get_mask_window(job))
            np.testing.assert_array_equal(part, whole[row:end_row, column:end_column])
    sample = read(crop, kind="stills", train="all", ground_truth="labels.tif")
    cases = Plan(settings, [sample]).list_cases(SimpleNamespace(experiment="e"))
    windows = [case["truth_window"] for case in cases]
    assert windows[-1] is None  # the file shows the part, of which all is compared
    for case in cases[:-1]:
        row, end_row, column, end_column = case["plane"]["window"]
        assert case["truth_window"] == (row - 50, end_row - 50, column - 100, end_column - 100)


def test_where_the_part_begins_is_told() -> None:
    movie = save("a.tif", 2, *SHAPE)
    sample = read()
    row = sample.describe_input()
    assert (row["crop_y_px"], row["crop_x_px"], row["sizes"]) == (10, 20, [(40, 30)])
    assert describe_input(row)["Size (px)"] == "40 x 30"
    assert list_remarks([row]) == [
        "s: of each image only rows 10 to 40 and columns 20 to 60 are used (preprocess.crop); "
        "results count from their first pixel"
    ]
    with PlaneReader() as reader:
        image, told = read_frame(reader, 1, sample.describe_plane(sample.frames[1]))
    np.testing.assert_array_equal(image, movie[1, 10:40, 20:60])
    assert (told["crop_y_px"], told["crop_x_px"]) == (10, 20)
    assert (told["minimum"], told["maximum"]) == (image.min(), image.max())
    assert list_remarks([read(None).describe_input()]) == []


def save_tracks(n_frames: int, *shape: int) -> None:
    labels = np.zeros((n_frames, *shape), np.uint16)
    labels[:, 2:9, 2:9] = 1
    rows = {"frame": range(n_frames), "label": 1, "track": 1, "parent": 0}
    write_ctc("true", pd.DataFrame(rows), labels=labels, n_frames=n_frames)


def test_true_tracks_are_those_of_the_part_or_of_all() -> None:
    save("a.tif", 3, *SHAPE)
    save_tracks(3, *SHAPE)
    assert read(ground_truth_tracks="true").truth_tracks_window == CROP
    assert read(None, ground_truth_tracks="true").truth_tracks_window is None
    save_tracks(3, 30, 40)
    assert read(ground_truth_tracks="true").truth_tracks_window is None


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((2, *SHAPE), "true has masks of 2 frames, but this movie has 3. Give the truth of this"),
        ((3, 64, 70), "true/mask000.tif: is 70 x 64 pixels, but 40 x 30 of each frame are used"),
    ],
)
def test_true_tracks_of_another_movie(size: tuple[int, int, int], said: str) -> None:
    """Refused before anything is computed."""
    save("a.tif", 3, *SHAPE)
    save_tracks(*size)
    with pytest.raises(InputError, match=said):
        read(ground_truth_tracks="true")
