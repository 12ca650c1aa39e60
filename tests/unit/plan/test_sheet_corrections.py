"""What the column `corrected` names: kinds, label images by frame, what is refused."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from autonuclei.errors import InputError
from autonuclei.io.images import read_file_header
from autonuclei.plan.corrections import CTC, GEFF, MASKS, TRACKMATE, recognise_correction
from autonuclei.plan.plan import Plan
from autonuclei.plan.samples import Sample, read_samples
from autonuclei.settings import read_settings

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "samples.schema.yaml").read_text())


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield


def save(path: str, n: int = 1) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    data = np.zeros((n, 32, 40), np.uint16)
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "TYX"})


def read(**row: str) -> Sample:
    row = {"experiment": "e", "sample": "s", "kind": "movie"} | row
    Path("samples.tsv").write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")
    [sample] = read_samples("samples.tsv", schema=SCHEMA, read_header=read_file_header)
    return sample


def save_tracks(folder: str) -> None:
    save(f"{folder}/man_track000.tif")
    Path(folder, "man_track.txt").write_text("1 0 0 0\n")
    Path(folder, "Thumbs.db").write_text("")


def save_geff(folder: str) -> None:
    Path(folder).mkdir()
    metadata = {"zarr_format": 3, "node_type": "group", "attributes": {"geff": {}}}
    Path(folder, "zarr.json").write_text(json.dumps(metadata))


def test_kinds() -> None:
    save_tracks("ctc")
    save_tracks("whole/TRA")
    save_geff("tracks.geff")
    save_geff("other_name")
    Path("tracks.xml").write_text("<TrackMate/>")
    Path("labels.ome.zarr").mkdir()
    Path("labels.ome.zarr/zarr.json").write_text('{"attributes": {"ome": {}}}')
    kinds = {
        "ctc": CTC, "whole": CTC, "tracks.geff": GEFF, "other_name": GEFF, "tracks.xml": TRACKMATE,
        "labels.ome.zarr": MASKS, "edited/*.tif": MASKS, "labels.tif": MASKS,
    }  # fmt: skip
    assert {path: recognise_correction(path) for path in kinds} == kinds
    for path in ("gone.xml", "gone.geff"):
        with pytest.raises(InputError, match="no such file or folder"):
            recognise_correction(path)


def test_files_and_stamp_of_tracks() -> None:
    save("film.tif", 3)
    save_tracks("ctc/TRA")
    sample = read(images="film.tif", corrected="ctc")
    assert sample.corrected is not None
    assert sample.corrected.files == ("ctc/TRA/man_track.txt", "ctc/TRA/man_track000.tif")
    assert sample.corrected.has_links
    assert sample.corrected_labels == {}
    assert sample.describe_input()["corrected"] == CTC
    os.utime("ctc/TRA/man_track.txt", (1, 1))
    again = read(images="film.tif", corrected="ctc").corrected
    assert again is not None
    assert again.stamp != sample.corrected.stamp


def test_an_edited_movie_goes_frame_by_frame_where_one_is_missing() -> None:
    for number in (0, 1, 3):
        save(f"t{number}.tif")
    save("edited/labels.tif", 4)
    sample = read(images="t*.tif", corrected="edited/labels.tif")
    assert {i: label.page for i, label in sample.corrected_labels.items()} == {0: 0, 1: 1, 3: 3}
    assert sample.corrected is not None
    assert not sample.corrected.has_links


def test_some_edited_stills_go_by_the_names_of_our_results() -> None:
    save("a.tif", 3)
    save("edited/a_0002.tif")
    sample = read(images="a.tif", kind="stills", corrected="edited/*.tif")
    assert {i: own.path for i, own in sample.corrected_labels.items()} == {2: "edited/a_0002.tif"}


def test_stills_have_no_tracks() -> None:
    save("a.tif")
    Path("a.xml").write_text("<TrackMate/>")
    with pytest.raises(InputError, match=r"a\.xml holds tracks \(TrackMate\), and only a movie"):
        read(images="a.tif", kind="stills", corrected="a.xml")


def test_another_size_is_refused() -> None:
    save("a.tif", 3)
    tifffile.imwrite("edited.tif", np.zeros((3, 30, 40), np.uint16), photometric="minisblack")
    with pytest.raises(InputError, match=r"corrected: edited\.tif: is 40 x 30 pixels"):
        read(images="a.tif", corrected="edited.tif")


def test_what_lies_in_the_results_would_be_written_over() -> None:
    save("a.tif", 3)
    save("results/e/segmentation/s/labels.tif", 3)
    sample = read(images="a.tif", train="1", corrected="results/e/segmentation/s/labels.tif")
    with pytest.raises(InputError, match="lies in the results, where this run would write over"):
        Plan(read_settings({}), [sample])


def test_jobs_of_corrections() -> None:
    save("a.tif", 3)
    save("edited.tif", 3)
    Path("a.xml").write_text("<TrackMate/>")
    job = type("Wildcards", (), {"experiment": "e", "sample": "s"})
    for path, linked in (("edited.tif", []), ("a.xml", "links.csv")):
        plan = Plan(read_settings({}), [read(images="a.tif", train="1", corrected=path)])
        files = plan.for_stretches("{first}-{last}", corrected="corrected/{sample}")
        assert files(job) == ["corrected/s"]
        assert plan.for_stretches("{first}-{last}")(job) == ["0000-0002"]
        assert plan.if_linked("links.csv")(job) == linked
        assert plan.list_corrected_files(job) == [path]
        assert path in plan.list_raw_files(job)
        assert "<results>/e/segmentation/s/corrections.csv" in plan.list_results()
        told = plan.describe_correction(job)
        assert (told["path"], len(told["labels"])) == (path, 0 if linked else 3)
    plain = Plan(read_settings({}), [read(images="a.tif", train="1")])
    assert plain.for_stretches("{first}-{last}", corrected="x")(job) == ["0000-0002"]
    assert plain.if_linked("links.csv")(job) == plain.list_corrected_files(job) == []
    assert not [path for path in plain.list_results() if "correct" in path]
