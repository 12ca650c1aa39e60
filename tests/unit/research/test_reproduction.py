"""The paper's numbers beside ours: nothing is invented, every difference is named."""

import math
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.io.images import write_image
from autonuclei.io.tables import read_table
from autonuclei.settings import Settings
from research.reproduction import noise
from research.reproduction.__main__ import (
    describe_run,
    make_settings,
    write_project,
    write_remarks,
    write_rows,
)
from research.reproduction.durations import STEPS
from research.reproduction.numbers import (
    DEFINITIONS,
    METRICS,
    Published,
    compare_numbers,
    compare_published_masks,
    describe_difference,
    find_closest,
    measure_run,
    read_published,
    read_rendering,
)
from research.reproduction.page import draw_f1, draw_published_counts, show_number, write_page

NAN = float("nan")


def make_arguments(data: Path, **more: object) -> Namespace:
    given = {"data": data, "epochs": 2, "steps": 5, "train": 4, "movie": 2, "bbbc": None}
    given["runs"] = ["preset", "default"]
    return Namespace(**given | more)


def save_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Published data in small: the layout, without pixels that mean anything."""
    folder = tmp_path / "data"
    for number in ("01", "21", "31", "41", "51", "61", "71"):
        save_image(folder / f"frames/frame{number}.png")
    for number in range(1, 4):
        save_image(folder / f"clip/t{number:02d}.png")
    save_image(folder / "ground_truth/frame01.tif")
    return folder


def test_every_published_number_has_a_source_and_no_other_has() -> None:
    published = read_published()
    keys = [number.key for number in published]
    assert len(set(keys)) == len(keys)
    for number in published:
        assert math.isnan(number.value) == (number.source == ""), number.key
    assert set(DEFINITIONS) <= set(keys)
    manual = [number.value for number in published if number.key.startswith("n_manual_")]
    assert sum(manual) == next(n.value for n in published if n.key == "n_manual")


def test_rendering_parts_touching_nuclei_by_colour(tmp_path: Path) -> None:
    picture = np.zeros((6, 9, 3), np.uint8)
    picture[1:3, 1:3] = (255, 0, 0)
    picture[3, 3] = (255, 0, 0)  # touches at a corner: the same nucleus
    picture[1:3, 3:5] = (0, 255, 0)
    picture[4:6, 6:9] = (0, 255, 0)
    Image.fromarray(picture).save(tmp_path / "a.png")
    labels = read_rendering(tmp_path / "a.png")
    assert len(np.unique(labels)) == 4
    assert labels[1, 1] == labels[3, 3] != labels[1, 3] != labels[5, 8]
    assert np.bincount(labels.ravel())[1:].tolist() in ([5, 4, 6], [4, 6, 5])


def test_published_masks_are_compared(tmp_path: Path) -> None:
    manual = np.zeros((20, 20), np.uint16)
    manual[2:8, 2:8], manual[12:18, 2:8], manual[2:8, 12:18] = 1, 2, 3
    found = np.zeros((20, 20, 3), np.uint8)
    found[2:8, 2:8], found[12:18, 5:8] = (9, 0, 0), (0, 9, 0)
    for index in range(1, 6):
        for name, image in (("manual", manual), ("automated", found)):
            path = tmp_path / f"training_masks_{name}/frame{index}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(image).save(path)
    numbers = compare_published_masks(tmp_path)
    assert (numbers["n_manual"], numbers["n_automatic"], numbers["n_manual_3"]) == (15, 10, 3)
    assert numbers["annotation_f1"] == pytest.approx(2 * 54 / (108 + 54))
    assert numbers["annotation_f1_touched"] == pytest.approx(2 * 54 / (72 + 54))
    # One pair covers each other, of the other half is missing (IoU 0.5, which is enough).
    assert numbers["annotation_iou"] == pytest.approx(0.75)
    assert numbers["annotation_iou_true"] == pytest.approx(0.5)
    figure = draw_published_counts(numbers)
    assert [bar.get_height() for bar in figure.axes[0].patches] == [3] * 5 + [2] * 5


def save_table(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(" ", ""))


def test_numbers_of_a_run(tmp_path: Path) -> None:
    results = tmp_path / "results"
    head = f"stage,sample,frame,iou,n_true,{','.join(METRICS)}\n"
    save_table(
        results / "paper/evaluation/metrics.csv",
        head
        + "annotation,test,0,0.5,791,0.7,,,,,,\n"
        + "segmentation,test,0,0.5,791,0.9,0.95,0.85,0.8,0.88,0.92,0.93\n"
        + "segmentation,test,0,0.9,791,0.3,,,,,,\n",
    )
    save_table(
        results / "paper/figures/counts.csv",
        "sample,frame,objects,accepted\ntrain,0,30,20\ntrain,1,40,30\ntest,0,9,9\n",
    )
    for frame, seconds in (("0000", 0.5), ("0001", 1), ("0002", 9)):
        for step in STEPS:
            path = tmp_path / f"logs/paper/annotation/train/{frame}/{step}.tsv"
            save_table(path, f"s\th:m:s\n{seconds}\t0:00:01\n")
    save_table(results / "paper/training/loss.csv", "epoch,val_loss\n1,0.5\n2,0.4\n3,0.6\n")
    tracking = results / "paper/tracking/movie"
    save_table(tracking / "lineages.csv", "track,daughters\n1,0\n2,2\n3,0\n")
    save_table(
        tracking / "motility/frames.csv",
        "frame,n_nuclei,n_mitoses,nuclei_per_mm2\n0,10,,1000\n1,12,1,1200\n",
    )
    save_table(tracking / "motility/steps.csv", "speed_um_per_min\n0.1\n0.3\n0.2\n")
    numbers = measure_run(results)
    expected = {
        "test_f1_50": 0.9,
        "test_f1_90": 0.3,
        "test_precision": 0.95,
        "test_iou": 0.8,
        "test_mean_iou_matched": 0.88,
        "n_test_nuclei": 791,
        "own_annotation_f1_50": 0.7,
        "n_training_images": 2,
        "own_accepted": 50,
        "automatic_s": 9,
        "automatic_ms_per_nucleus": 180,
        "n_movie": 22,
        "n_tracks": 3,
        "n_mitoses": 1,
        "median_speed": 0.2,
        "density": 1100,
    }
    assert {key: numbers[key] for key in expected} == pytest.approx(expected)
    # What was not run is absent, not zero; without the second network there is no noise.
    assert not {"loss_with_noise", "loss_without_noise", "bbbc_iou"} & set(numbers)
    save_table(results / "paper/training/as_is/loss.csv", "epoch,val_loss\n1,0.8\n2,0.7\n")
    losses = measure_run(results)
    assert (losses["loss_with_noise"], losses["loss_without_noise"]) == (0.4, 0.7)
    axes = draw_f1({"as published": numbers}, published=0.982).axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[0.5, 0.9], [0.9, 0.3]]
    assert axes.lines[-1].get_xydata().tolist() == [[0.5, 0.982]]


def number(value: float, unit: str = "") -> Published:
    return Published("test_iou", "Table 2", "mean IoU", value, unit, "somewhere")


@pytest.mark.parametrize(
    ("value", "difference", "says"),
    [
        (NAN, NAN, "The paper's number is not available here. Why."),
        (0.9, NAN, "Not reproduced. Why."),
        (0.9, 0.0004, "Same. Why."),
        (0.9, 0.0126, "Ours is 0.0126 higher. Why."),
        (300, -12.0, "Ours is 12 s lower. Why."),
        (300, 1234.5, "Ours is 1,234 s higher. Why."),
    ],
)
def test_differences_are_said_in_words(value: float, difference: float, says: str) -> None:
    unit = "s" if value == 300 else ""
    assert describe_difference(number(value, unit), difference, "Why.") == says


def test_closest_definition_is_named() -> None:
    ours = {"test_mean_iou_true": 0.80, "test_mean_iou_matched": 0.87}
    assert find_closest("test_iou", 0.861, ours) == ("mean IoU of matched nuclei", 0.87)
    assert find_closest("test_iou", 0.82, ours) == ("mean IoU of all true nuclei", 0.80)
    assert find_closest("n_movie", 0.82, ours)[0] == ""
    assert find_closest("test_iou", NAN, ours)[0] == ""


def test_table_and_page(tmp_path: Path) -> None:
    columns = {"masks": {"test_iou": NAN}, "as published": {"test_iou": 0.8}}
    rows = compare_numbers(
        [number(0.861), number(NAN)], columns, {"test_iou": "Shorter <training>."}
    )
    assert rows[0]["difference"] == pytest.approx(-0.061)
    assert rows[0]["compared"] == "as published"
    assert math.isnan(rows[1]["difference"])
    write_rows(tmp_path / "numbers.csv", rows)
    first, second = (tmp_path / "numbers.csv").read_text().splitlines()[1:]
    assert ",0.861,,0.8," in first
    assert ",,,0.8,," in second  # no number of the paper, so no difference
    save_image(tmp_path / "figure4a.png")
    save_image(tmp_path / "preset/results/paper/figures/comparison.png")
    write_page(tmp_path, rows, list(columns), {"preset": "as published"}, about=["Quick & short."])
    page = (tmp_path / "paper.html").read_text()
    assert "Ours is 0.061 lower. Shorter &lt;training&gt;." in page
    assert page.count('<img src="data:image/png;base64,') == 2
    assert "http" not in page.replace("https://doi.org/10.1371/journal.pone.0250093", "")
    ElementTree.fromstring(page.partition("\n")[2])  # every tag is closed


@pytest.mark.parametrize(
    ("value", "says"),
    [(NAN, "\N{EN DASH}"), (6409.0, "6,409"), (0.98213, "0.982"), (46.83, "46.83"), (3, "3")],
)
def test_numbers_of_the_page(value: float, says: str) -> None:
    assert show_number(value) == says


def test_project_of_a_run(tmp_path: Path, data: Path) -> None:
    arguments = make_arguments(data)
    settings = make_settings("preset", arguments)
    assert settings["train"] | {"epochs": 2, "steps_per_epoch": 5} == settings["train"]
    assert settings["annotate"]["rejected"] == "noise"
    assert "annotate" not in make_settings("default", arguments)
    folder = tmp_path / "run"
    write_project(folder, arguments, settings)
    sheet = (folder / "config/samples.tsv").read_text().splitlines()
    assert [line.split("\t")[1] for line in sheet] == ["sample", "train", "test", "movie"]
    assert {line.count("\t") for line in sheet} == {7}
    images = {path.relative_to(folder / "images").as_posix() for path in folder.rglob("*.png")}
    assert images == {
        *(f"train/frame{number}.png" for number in (21, 31, 41, 51)),
        "test/frame01.png",
        "movie/t01.png",
        "movie/t02.png",
    }
    assert yaml.safe_load((folder / "config/config.yaml").read_text()) == settings
    write_project(folder, make_arguments(data, movie=0), settings)
    assert "movie" not in (folder / "config/samples.tsv").read_text()


def test_bbbc038_joins_as_an_experiment_of_its_own(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "bbbc038"
    subset = {"a": "training/frame1.png", "b": "test/frame1.png", "c": ""}
    for name in subset:
        save_image(folder / f"images/{name}.png")
        save_image(folder / f"masks/{name}.tif")
    lines = ["id,paper_subset", *(f"{name},{place}" for name, place in subset.items())]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    write_project(tmp_path / "run", make_arguments(data, bbbc=folder), {})
    sheet = (tmp_path / "run/config/samples.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in sheet[-2:]] == [
        ["bbbc038", "train"],
        ["bbbc038", "test"],
    ]
    linked = {
        path.parent.name: (path.name, path.resolve().name)
        for path in (tmp_path / "run/images").glob("bbbc038*/*")
    }
    assert linked == {
        "bbbc038_training": ("frame1.png", "a.png"),
        "bbbc038_test": ("frame1.png", "b.png"),
        "bbbc038_truth": ("frame1.tif", "b.tif"),
    }


def test_missing_data_are_named(tmp_path: Path, data: Path) -> None:
    (data / "frames/frame31.png").unlink()
    with pytest.raises(InputError, match=r"frames: has no frame 31"):
        write_project(tmp_path / "run", make_arguments(data), {})
    with pytest.raises(InputError, match=r"frame01.tif: is missing"):
        (data / "ground_truth/frame01.tif").unlink()
        write_project(tmp_path / "run", make_arguments(data, train=1), {})


def test_length_of_the_training_is_told(data: Path) -> None:
    short = describe_run(make_arguments(data))
    assert short[0] == "as published: 10 steps of training; the paper: 25,600."
    assert "was asked for" in short[2]
    assert "learned from 4 frames" in short[3]
    whole = describe_run(make_arguments(data, epochs=None, steps=None))
    assert whole[0] == "as published: 25,600 steps of training; the paper: 25,600."
    assert whole[1].startswith("our default: ")
    assert not any("was asked for" in sentence for sentence in whole)
    keys = {number.key for number in read_published()}
    assert set(write_remarks(make_arguments(data))) <= keys


def test_numbers_on_other_data_are_not_compared() -> None:
    published = [Published("n_movie", "Fig 7", "nuclei", 100_000, "", "somewhere")]
    (row,) = compare_numbers(published, {"as published": {"n_movie": 5.0}}, {})
    assert math.isnan(row["difference"])
    assert row["remark"] == "Not compared."


def test_second_network_learns_from_images_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = tmp_path / "paper"
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    objects, nuclei, empty = np.zeros((3, 8, 8), np.int32)
    objects[1:3, 1:3], objects[5:7, 5:7] = 1, 2
    nuclei[5:7, 5:7] = 2  # the first one was rejected
    for frame, accepted in (("0000", nuclei), ("0001", empty)):
        folder = paper / "annotation/train" / frame
        for name, page in (("image", image), ("objects", objects), ("labels", accepted)):
            write_image(folder / f"{name}.tif", page)
    save_table(paper / "training/loss.csv", "epoch,loss,val_loss\n1,0.9,0.8\n2,0.7,0.4\n")
    losses = pd.DataFrame({"epoch": [1, 2], "loss": [0.9, 0.6], "val_loss": [0.7, 0.25]})
    given: dict[str, Any] = {}

    def train(pairs: Any, folder: Path, **others: Any) -> pd.DataFrame:
        given.update(others, pairs=pairs, folder=folder)
        return losses

    monkeypatch.setattr(noise, "train_model", train)
    monkeypatch.setattr(noise, "choose_device", lambda device, threads: "none")
    settings = replace(Settings(), seed=7)
    noise.train_without_noise(paper, settings, threads=1)
    ((seen, labels),) = given["pairs"]  # an image without a nucleus takes no part
    np.testing.assert_array_equal(seen, image)
    np.testing.assert_array_equal(labels, nuclei > 0)  # numbered anew, nothing is ignored
    assert (given["settings"], given["seed"]) == (settings.train, 7)
    pd.testing.assert_frame_equal(read_table(paper / "training/as_is/loss.csv"), losses)
    figure = (paper / "figures/loss_comparison.svg").read_text()
    assert "painted over with noise (lowest validation loss 0.4)" in figure
    assert "rejected objects as background (lowest validation loss 0.25)" in figure
