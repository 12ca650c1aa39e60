"""A nucleus that the network passed over in a frame is in all results, unless switched off."""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import yaml

from conftest import run_snakemake

SEGMENTATION = Path("results/tiny/segmentation/film")
TRACKS = "results/tiny/tracking/film/tracks.csv"
LABELS = "results/tiny/tracking/film/track_labels.tif"
# In the middle of the second frame.
PLACE = (1, 49, 48)


def forget_nucleus(folder: Path) -> None:
    """Make the prediction one in which the network passed over a nucleus."""
    path = folder / SEGMENTATION / "stretches/0000-0002.tif"
    with tifffile.TiffFile(path) as tiff:
        pages = [page.asarray() for page in tiff.pages]
    gone = pages[PLACE[0]][PLACE[1:]]
    assert gone > 0
    page = pages[PLACE[0]]
    pages[PLACE[0]] = np.where(page == gone, 0, page - (page > gone))
    with tifffile.TiffWriter(path) as tiff:
        for page in pages:
            tiff.write(page, contiguous=False, metadata=None)
    path = path.with_suffix(".csv")
    table = pd.read_csv(path)
    table = table[(table["frame"] != PLACE[0]) | (table["label"] != table["label"].max())]
    # A file that got shorter is taken for one that was cut short.
    table.assign(changed_by="test").to_csv(path, index=False)


def test_a_nucleus_that_the_network_passed_over_is_in_all_results(finished_copy: Path) -> None:
    forget_nucleus(finished_copy)
    # All of it: what reads these tables must do without the probability of that nucleus.
    run = run_snakemake(finished_copy)
    assert run.code == 0, run.all
    assert "rule predict_stretch" not in run.all
    assert "rule make_summary" in run.all
    labels = tifffile.imread(finished_copy / SEGMENTATION / "labels.tif")
    objects = pd.read_csv(finished_copy / SEGMENTATION / "objects.csv")
    nucleus = labels[PLACE]
    assert nucleus > 0
    found = objects.set_index(["frame", "label"])["found_by"]
    assert found[PLACE[0], nucleus] == "image"
    assert (found.drop((PLACE[0], nucleus)) == "network").all()
    tracks = pd.read_csv(finished_copy / TRACKS).set_index(["frame", "label"])
    assert tracks.index.sort_values().equals(found.index.sort_values())
    assert tracks.loc[(PLACE[0], nucleus), "track"] == tracks.loc[(0, labels[0, 48, 48]), "track"]
    assert tifffile.imread(finished_copy / LABELS)[PLACE] > 0


def test_it_can_be_switched_off(finished_copy: Path) -> None:
    config = finished_copy / "config/config.yaml"
    settings = yaml.safe_load(config.read_text())
    settings["predict"] = settings.get("predict", {}) | {"use_time": False}
    config.write_text(yaml.safe_dump(settings))
    forget_nucleus(finished_copy)
    run = run_snakemake(finished_copy, TRACKS)
    assert run.code == 0, run.all
    assert "find_alternatives" not in run.all
    labels = tifffile.imread(finished_copy / SEGMENTATION / "labels.tif")
    assert labels[PLACE] == 0
    assert "found_by" not in pd.read_csv(finished_copy / SEGMENTATION / "objects.csv")


def test_stills_have_no_such_jobs(finished: Path) -> None:
    said = (finished / "said.txt").read_text()
    assert "segmentation/film/chosen" in said
    assert "segmentation/fields/chosen" not in said
    assert "found_by" not in pd.read_csv(finished / "results/tiny/segmentation/fields/objects.csv")
