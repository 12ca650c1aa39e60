"""What a user corrects takes the place of our results, and all behind it is made again."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from conftest import Run, run_snakemake


def add_column(folder: Path, **paths: str) -> None:
    """Name corrections of samples in the sheet."""
    sheet = folder / "config" / "samples.tsv"
    head, *rows = sheet.read_text().splitlines()
    place = head.split("\t").index("sample")
    rows = [f"{row}\t{paths.get(row.split(chr(9))[place], '')}" for row in rows]
    sheet.write_text("\n".join([f"{head}\tcorrected", *rows]) + "\n")


def delete_spot(path: Path, spot: str) -> None:
    """Delete a spot with its links, as TrackMate does."""
    text = path.read_text()
    text, n = re.subn(rf'\s*<Spot ID="{spot}" .*?</Spot>', "", text)
    assert n == 1
    text, n = re.subn(rf'\s*<Edge [^>]*SPOT_(SOURCE|TARGET)_ID="{spot}"[^>]*/>', "", text)
    assert n >= 1
    path.write_text(text)


@pytest.fixture(scope="module")
def corrected(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A finished run whose movie was corrected in TrackMate, and a still by hand."""
    folder = Path(shutil.copytree(finished, tmp_path_factory.mktemp("corrected") / "copy"))
    results = folder / "results" / "tiny"
    (folder / "edited").mkdir()
    shutil.copy(results / "tracking/film/trackmate/film.xml", folder / "edited")
    tracks = pd.read_csv(results / "tracking/film/tracks.csv")
    delete_spot(folder / "edited/film.xml", str(tracks.index[tracks["frame"] == 1][0]))
    still = tifffile.imread(results / "segmentation/fields/labels/field0.tif")
    still[still == 2] = 0
    tifffile.imwrite(folder / "edited/field0.tif", still)
    add_column(folder, film="edited/film.xml", fields="edited/*.tif")
    planned = run_snakemake(folder, "-n")
    # Ours are there; neither network nor masks are made anew.
    assert not {"predict_stretch", "train_model", "preprocess_image"} & planned.jobs.keys()
    run = run_snakemake(folder)
    assert run.code == 0, run.all
    return folder, run


def test_a_nucleus_deleted_in_trackmate_is_gone(
    finished: Path, corrected: tuple[Path, Run]
) -> None:
    before, after = (f / "results/tiny" for f in (finished, corrected[0]))
    ours = tifffile.imread(before / "segmentation/film/labels.tif")
    kept = tifffile.imread(after / "segmentation/film/before/labels.tif")
    np.testing.assert_array_equal(kept, ours)
    first = pd.read_csv(before / "tracking/film/tracks.csv")
    deleted = first[first["frame"] == 1].iloc[0]
    expected = ours.copy()
    expected[1][expected[1] == deleted["label"]] = 0
    now = tifffile.imread(after / "segmentation/film/labels.tif")
    np.testing.assert_array_equal(now, expected)
    tracks = pd.read_csv(after / "tracking/film/tracks.csv")
    assert len(tracks) == len(first) - 1
    both = tracks.merge(first, on=["frame", "label"], suffixes=("", "_before"))
    assert len(both) == len(tracks)
    assert both["probability"].equals(both["probability_before"])
    table = pd.read_csv(after / "segmentation/film/corrections.csv").set_index("what")
    assert table.loc["nuclei", "removed"] == 1
    assert table.loc["nuclei", "share_changed"] == pytest.approx(1 / len(first))
    assert table.loc["links", ["added", "edited"]].tolist() == [0, 0]
    assert table.loc["links", "removed"] >= 1
    numbers = pd.read_csv(after / "segmentation/film/corrected_numbers.csv").set_index("quantity")
    assert numbers.loc["nuclei", ["before", "after"]].tolist() == [len(first), len(tracks)]


def test_an_edited_still_takes_the_place_of_ours(
    finished: Path, corrected: tuple[Path, Run]
) -> None:
    before, after = (f / "results/tiny/segmentation/fields" for f in (finished, corrected[0]))
    # The pixels of a nucleus that was deleted count as background.
    first, now = (
        pd.read_csv(folder / "objects.csv").drop(columns="background_intensity")
        for folder in (before, after)
    )
    is_deleted = (first["frame"] == 0) & (first["label"] == 2)
    assert is_deleted.sum() == 1
    pd.testing.assert_frame_equal(now, first[~is_deleted].reset_index(drop=True), check_dtype=False)
    for name in ("field1.tif", "field2.tif"):
        ours, kept = (tifffile.imread(folder / "labels" / name) for folder in (before, after))
        np.testing.assert_array_equal(ours, kept)
    table = pd.read_csv(after / "corrections.csv")
    assert table["what"].tolist() == ["nuclei"]
    assert table["removed"].tolist() == [1]


def test_the_page_says_what_was_corrected(corrected: tuple[Path, Run]) -> None:
    folder, run = corrected
    page = (folder / "results/tiny/summary.html").read_text()
    assert "What was corrected by hand" in page
    assert "The masks of fields, film were corrected by hand." in page
    assert "corrected by hand" in run.all
    again = run_snakemake(folder, "-n")
    assert "Nothing to be done" in again.all
