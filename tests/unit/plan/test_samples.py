"""The sample sheet: what its cells select, and every problem told at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autonuclei.errors import InputError
from autonuclei.io.images import HeaderCache, read_file_header
from autonuclei.plan.samples import Sample, read_samples

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "samples.schema.yaml").read_text())
COLUMNS = ("experiment", "sample", "images", "kind")

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(path: str, *shape: int, axes: str | None = None, **options: Any) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    size = shape or (32, 40)
    imagej = axes is not None and not path.endswith(".ome.tif")
    metadata = {"axes": axes} if axes else None
    data = np.zeros(size, np.uint16)
    kind: dict[str, Any] = {"photometric": "minisblack", "imagej": imagej, "metadata": metadata}
    tifffile.imwrite(path, data, **(kind | options))


def read(*rows: dict[str, str], skip_unreadable: bool = False) -> list[Sample]:
    columns = list(dict.fromkeys([*COLUMNS, *(key for row in rows for key in row)]))
    filled = [
        {"experiment": "e", "sample": f"s{i}", "kind": "movie"} | r for i, r in enumerate(rows)
    ]
    lines = ["\t".join(row.get(column, "") for column in columns) for row in filled]
    Path("samples.tsv").write_text("\n".join(["\t".join(columns), *lines]) + "\n")
    return read_samples(
        "samples.tsv", schema=SCHEMA, read_header=read_file_header, skip_unreadable=skip_unreadable
    )


def read_one(skip_unreadable: bool = False, **row: str) -> Sample:
    return read(row, skip_unreadable=skip_unreadable)[0]


def told(*rows: dict[str, str], skip_unreadable: bool = False) -> list[str]:
    with pytest.raises(InputError) as error:
        read(*rows, skip_unreadable=skip_unreadable)
    first, *problems = str(error.value).splitlines()
    assert first == f"samples.tsv: {len(problems)} problem(s), nothing was started:"
    return [problem.removeprefix("  - ") for problem in problems]


# --- images --------------------------------------------------------------------------------


def test_movie_file() -> None:
    save("a.tif", 5, 32, 40, axes="TYX", resolution=(2, 2))
    sample = read_one(images="a.tif", train="2")
    assert [frame.index for frame in sample.frames] == [0, 1, 2, 3, 4]
    assert [frame.page for frame in sample.frames] == [0, 1, 2, 3, 4]
    assert {(frame.height, frame.width) for frame in sample.frames} == {(32, 40)}
    assert sample.frames[3].name == "a_0003"
    assert sample.train == (0, 4)
    assert sample.n_frames == 5
    assert sample.frame(2).page == 2
    with pytest.raises(KeyError, match="no frame 5"):
        sample.frame(5)


def test_natural_order_of_files() -> None:
    for number in (10, 9, 1, 2):
        save(f"t{number}.tif")
    assert [f.path for f in read_one(images="t*.tif").frames] == [
        "t1.tif",
        "t2.tif",
        "t9.tif",
        "t10.tif",
    ]


@pytest.mark.parametrize(
    ("numbers", "expected", "missing"),
    [
        ((1, 2, 3), [0, 1, 2], None),
        ((0, 1, 3, 4), [0, 1, 3, 4], "2"),
        ((10, 20, 40), [0, 1, 3], "30"),
        ((5, 6, 9), [0, 1, 4], "7, 8"),
    ],
)
def test_missing_frames_leave_a_gap(
    numbers: tuple[int, ...], expected: list[int], missing: str | None
) -> None:
    for number in numbers:
        save(f"t{number:03d}.tif")
    sample = read_one(images="t*.tif", train="all")
    assert [frame.index for frame in sample.frames] == expected
    assert sample.n_frames == expected[-1] + 1
    assert sample.train == tuple(expected)
    if missing is None:
        assert sample.notes == ()
    else:
        assert f"(number {missing})" in sample.notes[0]
    stills = read_one(images="t*.tif", kind="stills")
    assert [frame.index for frame in stills.frames] == list(range(len(numbers)))
    assert stills.notes == ()


def test_names_that_count_nothing_are_no_movie() -> None:
    for name in ("plate1_day3", "plate2_day3", "other"):
        save(f"{name}.tif")
    assert "the names are not built in one way" in told({"images": "*.tif"})[0]
    assert len(read_one(images="*.tif", kind="stills").frames) == 3
    for name in ("t0_c1", "t0_c2", "t1_c1", "t1_c2"):
        save(f"two/{name}.tif")
    [problem] = told({"images": "two/*.tif"})
    assert "two/t{time}_c{channel}.tif" in problem


def test_numbers_far_apart_are_told() -> None:
    for number in (1, 900, 20210503):
        save(f"far/{number}.tif")
    sample = read_one(images="far/*.tif")
    assert [frame.index for frame in sample.frames] == [0, 1, 2]
    assert sample.notes


def test_stills_of_different_sizes_and_equal_names() -> None:
    save("a/x.tif")
    save("b/x.tif", 50, 60)
    save("c/y.tif", 3, 20, 20, axes="TYX")
    frames = read_one(images="*/*.tif", kind="stills").frames
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.height for frame in frames] == [32, 50, 20, 20, 20]
    assert len({frame.name for frame in frames}) == 5


def test_spaces_umlauts_and_brackets_in_names() -> None:
    save("Zellkerne für März/Bild 1 [DAPI].tif")
    sample = read_one(images="Zellkerne für März/Bild 1 [DAPI].tif", kind="stills")
    assert sample.frames[0].name == "Bild 1 [DAPI]"
    assert read_one(images="Zellkerne für März/*.tif").frames == sample.frames


@pytest.mark.parametrize("name", ["a{b}.tif", "{a.tif", "a<b>.tif"])
def test_names_that_snakemake_would_fill_in(name: str) -> None:
    save(f"raw/{name}")
    for images in (f"raw/{name}", "raw/*.tif"):
        problems = told({"images": images})
        assert f"raw/{name}: has one of {{ }} < > in its name" in problems[0]


def test_names_of_ome_files() -> None:
    save("a.ome.tif", 2, 32, 40, axes="CYX", ome=True)
    save("a_mask.tif")
    sample = read_one(images="a.ome.tif", channel="1", kind="stills", ground_truth="a_mask.tif")
    assert sample.frames[0].name == "a"
    assert sample.truth[0].path == "a_mask.tif"


def test_metadata_from_file_or_sheet() -> None:
    save(
        "a.tif",
        3,
        32,
        40,
        axes="TYX",
        resolution=(2, 2),
        metadata={"axes": "TYX", "unit": "um", "finterval": 120},
    )
    sample = read_one(images="a.tif")
    assert sample.pixel_size_um == pytest.approx(0.5)
    assert sample.frame_interval_min == pytest.approx(2)
    sample = read_one(images="a.tif", pixel_size_um="0,325", frame_interval_min="10")
    assert (sample.pixel_size_um, sample.frame_interval_min) == (0.325, 10)


# --- training frames -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ("", []),
        ("all", list(range(10))),
        ("1", [0]),
        ("2", [0, 9]),
        ("4", [0, 3, 6, 9]),
        ("10", list(range(10))),
        ("2:5", [2, 3, 4]),
        ("::4", [0, 4, 8]),
        ("-2:", [8, 9]),
        ("8:99", [8, 9]),
    ],
)
def test_training_frames(train: str, expected: list[int]) -> None:
    save("a.tif", 10, 32, 40, axes="TYX")
    assert list(read_one(images="a.tif", train=train).train) == expected


def test_slices_count_frame_numbers_not_files() -> None:
    for number in (0, 1, 5, 6):
        save(f"t{number}.tif")
    assert read_one(images="t*.tif", train="1:6").train == (1, 5)
    assert told({"images": "t*.tif", "train": "2:4"})[0].startswith(
        "line 2: train: '2:4' selects none of the 4 frames (numbers 0 to 6)"
    )


@given(n=st.integers(1, 60), wanted=st.integers(1, 60))
def test_spread_frames_are_even(n: int, wanted: int) -> None:
    from autonuclei.plan.samples import Frame, _RowReader

    frames = [Frame(i, "a", i, "a", 32, 32) for i in range(n)]
    reader = _RowReader({"kind": "stills", "train": str(wanted)}, read_file_header, None, False)
    chosen = reader._select_training(frames)
    assert len(set(chosen)) == len(chosen) == min(n, wanted)
    assert chosen[0] == 0
    steps = np.diff(chosen)
    assert len(steps) == 0 or steps.max() - steps.min() <= 1
    assert bool(reader.problems) == (wanted > n)


# --- ground truth and masks ----------------------------------------------------------------


def pairs(column: str = "ground_truth", **row: str) -> dict[int, tuple[str, int]]:
    sample = read_one(**row)
    labels = sample.truth if column == "ground_truth" else sample.masks
    return {index: (label.path, label.page) for index, label in labels.items()}


@pytest.mark.parametrize("suffix", ["", "_mask", "-labels", "_gt"])
def test_labels_by_file_name(suffix: str) -> None:
    for name in ("b", "a", "c"):
        save(f"{name}.tif")
    for name in ("c", "a"):
        save(f"truth/{name}{suffix}.tif")
    found = pairs(images="*.tif", ground_truth="truth/*.tif", kind="stills")
    assert found == {0: (f"truth/a{suffix}.tif", 0), 2: (f"truth/c{suffix}.tif", 0)}


def test_labels_by_number() -> None:
    for number in (1, 2, 3, 12):
        save(f"frame{number:02d}.tif")
    for number in (2, 12):
        save(f"truth/man_seg{number:03d}.tif")
    found = pairs(images="frame*.tif", ground_truth="truth/*.tif", kind="stills")
    assert sorted(found) == [1, 3]


def test_labels_by_order() -> None:
    for name in ("x", "y", "z"):
        save(f"{name}.tif")
        save(f"truth/of {name}.tif")
    found = pairs(images="?.tif", ground_truth="truth/*.tif", kind="stills")
    assert found == {i: (f"truth/of {name}.tif", 0) for i, name in enumerate("xyz")}


def test_numbers_go_before_order() -> None:
    """As many label images as frames, but not of the same frames."""
    for number in (1, 2, 3):
        save(f"t{number}.tif")
    for number in (2, 3, 4):
        save(f"truth/m{number}.tif")
    problems = told({"images": "t*.tif", "ground_truth": "truth/*.tif"})
    assert len(problems) == 1
    assert "do not say which belongs to which" in problems[0]


def test_numbers_from_zero_and_from_one() -> None:
    for number in (1, 2, 3):
        save(f"t{number}.tif")
        save(f"truth/m{number - 1}.tif")
    found = pairs(images="t*.tif", ground_truth="truth/*.tif")
    assert found == {i: (f"truth/m{i}.tif", 0) for i in range(3)}


def test_label_movie_for_a_movie() -> None:
    save("movie_2021.tif", 3, 32, 40, axes="TYX")
    save("truth_2021.tif", 3, 32, 40, axes="TYX")
    for column in ("ground_truth", "masks"):
        found = pairs(column, images="movie_2021.tif", **{column: "truth_2021.tif"})
        assert found == {i: ("truth_2021.tif", i) for i in range(3)}


def test_labels_that_belong_to_nothing() -> None:
    for number in (1, 2, 3):
        save(f"t{number}.tif")
    save("truth/a.tif")
    assert "1 label images for 3 images" in told({"images": "t*.tif", "ground_truth": "truth/*"})[0]


def test_finished_labels_of_a_movie() -> None:
    save("a.tif", 3, 32, 40, axes="TYX")
    save("labels/a.tif", 3, 32, 40, axes="TYX")
    sample = read_one(images="a.tif", labels="labels/a.tif")
    assert {i: (own.path, own.page) for i, own in sample.labels.items()} == {
        i: ("labels/a.tif", i) for i in range(3)
    }
    assert sample.labels[0].stamp is not None
    assert (sample.train, dict(sample.masks)) == ((), {})
    assert sample.describe_input()["labels_given"] is True
    assert sample.pairing == (
        "labels: label images go to images by order (a.tif to a.tif and so on)",
    )
    learned = read_one(images="a.tif", labels="labels/a.tif", train="1:")
    assert learned.train == (1, 2)
    assert {i: own.page for i, own in learned.masks.items()} == {1: 1, 2: 2}


def test_finished_labels_that_a_movie_lacks() -> None:
    for i in range(6):
        save(f"t{i}.tif")
    save("labels/t1.tif")
    save("labels/t3.tif", 30, 40)
    size, lacking, masks = told(
        {"images": "t*.tif", "labels": "labels/*.tif", "masks": "labels/t1.tif"}
    )
    assert "labels: labels/t3.tif: is 40 x 30 pixels, but its image t3.tif is 40 x 32" in size
    assert "labels: stands beside 'masks'. Nothing is predicted where labels are given" in lacking
    assert "labels: 4 of 6 frames have no label image (t0, t2, t4 and 1 more)" in masks


def test_stills_without_a_finished_label_image_are_left_out() -> None:
    for name in "abcde":
        save(f"{name}.tif")
    for name in "bd":
        save(f"labels/{name}_mask.tif")
    save("truth/d.tif")
    sample = read_one(
        images="?.tif", labels="labels/*.tif", ground_truth="truth/*.tif", kind="stills", train="1"
    )
    assert [(frame.index, frame.name) for frame in sample.frames] == [(1, "b"), (3, "d")]
    assert list(sample.labels) == [1, 3]
    assert list(sample.truth) == [3]
    assert list(sample.masks) == [1]
    assert sample.left_out == ("3 image(s) without a label image: a, c, e",)
    assert sample.describe_input()["missing_frames"] == 0


def test_finished_labels_where_images_may_be_skipped() -> None:
    save("a.tif")
    Path("b.tif").write_bytes(b"no image")
    for name in "ab":
        save(f"labels/{name}.tif")
    row = {"images": "?.tif", "labels": "labels/*.tif", "kind": "stills", "train": "all"}
    sample = read_one(skip_unreadable=True, **row)
    assert [frame.name for frame in sample.frames] == ["a", "b"]
    # The job tells what is wrong with the other one.
    assert list(sample.labels) == [0, 1]
    assert list(sample.masks) == [0]


def test_ground_truth_of_another_size() -> None:
    save("a.tif")
    save("truth.tif", 40, 32)
    assert told({"images": "a.tif", "ground_truth": "truth.tif"}) == [
        "line 2: ground_truth: truth.tif: is 32 x 40 pixels, but its image a.tif is 40 x 32. "
        "Give the label image of this very image."
    ]


# --- problems ------------------------------------------------------------------------------


def test_all_problems_of_a_sheet_together() -> None:
    save("good.tif")
    Path("empty.tif").touch()
    Path("text.tif").write_text("frame\tlabel\n")
    Path("folder").mkdir()
    save("two.tif", 2, 32, 40, axes="CYX")
    save("deep.tif", 4, 32, 40, axes="ZYX")
    save("tiny.tif", 1, 1)
    save("sizes/1.tif")
    save("sizes/2.tif")
    save("sizes/3.tif", 32, 41)
    problems = told(
        {"images": "good.tif"},
        {"images": "missing*.tif"},
        {"images": "folder"},
        {"images": "empty.tif"},
        {"images": "text.tif"},
        {"images": "two.tif"},
        {"images": "two.tif", "channel": "DAPI"},
        {"images": "deep.tif"},
        {"images": "tiny.tif"},
        {"images": "sizes/*.tif"},
        {"images": "good.tif", "kind": "film"},
        {"images": "good.tif", "sample": "s0"},
        {"images": "good.tif", "train": "5"},
        {"images": "good.tif", "pixel_size_um": "-1"},
        {"images": "good.tif", "kind": "stills", "ground_truth_tracks": "folder"},
        {"images": "good.tif", "ground_truth_tracks": "folder"},
    )
    expected = {
        3: "no file fits 'missing*.tif'",
        4: "For a folder of images add a pattern",
        5: "empty.tif: the file is empty",
        6: "text.tif: cannot be read as an image",
        7: "two.tif: has 2 channels",
        8: "two.tif: has no channel 'DAPI'",
        9: "deep.tif: has 4 z slices",
        10: "tiny.tif: is 1 x 1 pixels",
        11: "sizes/3.tif: is 41 x 32 pixels, but most frames of this movie are 40 x 32",
        12: "'kind' must be one of movie, stills",
        13: "the sample 's0' of experiment 'e' stands in line 2 already",
        14: "train: asks for 5 frames, but there are 1",
        15: "'pixel_size_um' must be at least 0.005",
        16: "only a movie has tracks",
        17: "there is no man_track.txt in 'folder'",
    }
    assert len(problems) == len(expected)
    for line, words in expected.items():
        assert [p for p in problems if p.startswith(f"line {line}:") and words in p], line


def test_sheet_that_cannot_be_read() -> None:
    def refused(content: bytes, said: str) -> None:
        Path("samples.tsv").write_bytes(content)
        with pytest.raises(InputError, match=said) as error:
            read_samples("samples.tsv", schema=SCHEMA, read_header=read_file_header)
        assert str(error.value).startswith("samples.tsv: ")

    refused(b"", "has no rows")
    refused(b"experiment\tsample\timages\tkind\n# nothing\n\n", "has no rows")
    refused(b"experiment,sample,images,kind\n", "no column 'experiment'")
    refused("experiment\tsample\n\u00e4".encode("latin-1"), "not UTF-8")
    refused(b"\xff\xfeodd", "not UTF-8")
    with pytest.raises(InputError, match="no such sample sheet"):
        read_samples("not.tsv", schema=SCHEMA, read_header=read_file_header)


def test_unicode_text_of_excel() -> None:
    save("a.tif")
    text = "experiment\tsample\timages\tkind\tcondition\r\ne\ts\ta.tif\tmovie\t10 \u00b5M\r\n"
    Path("samples.tsv").write_bytes(text.encode("utf-16"))
    [sample] = read_samples("samples.tsv", schema=SCHEMA, read_header=read_file_header)
    assert sample.columns["condition"] == "10 \u00b5M"


def test_sheet_from_a_spreadsheet() -> None:
    """A byte order mark, Windows line ends, quotes, comments and short rows."""
    save("a.tif")
    Path("samples.tsv").write_bytes(
        b"\xef\xbb\xbf# mine\r\nexperiment\tsample\timages\tkind\ttrain\r\n\r\n"
        b'"e"\ts\t"a.tif"\tmovie\r\n'
    )
    samples = read_samples("samples.tsv", schema=SCHEMA, read_header=read_file_header)
    assert [(s.experiment, s.name, s.train) for s in samples] == [("e", "s", ())]


def test_names_that_differ_in_capital_letters_only() -> None:
    save("a.tif")
    problems = told({"images": "a.tif", "sample": "x"}, {"images": "a.tif", "sample": "X"})
    assert problems == [
        "line 3: the sample 'X' of experiment 'e' stands in line 2 already as 'x'. Give each its "
        "own name."
    ]


def test_columns_in_quotes_and_columns_that_are_there_twice() -> None:
    save("a.tif")
    names, cells = ("experiment", "sample", "images", "kind"), ("e", "s", "a.tif", "movie")

    def read_sheet(*columns: str) -> list[Sample]:
        rows = (columns, (*cells, *["x"] * (len(columns) - 4)))
        lines = ["\t".join(f'"{cell}"' for cell in row) for row in rows]
        Path("samples.tsv").write_text("\n".join(lines))
        return read_samples("samples.tsv", schema=SCHEMA, read_header=read_file_header)

    assert read_sheet(*names)[0].name == "s"  # as R writes it
    with pytest.raises(InputError, match="the column 'well' is there twice"):
        read_sheet(*names, "well", "well")


def test_too_many_cells_and_unknown_columns() -> None:
    save("a.tif")
    Path("samples.tsv").write_text(
        "experiment\tsample\timages\tkind\tcolor\n"
        "e\ts\ta.tif\tmovie\tred\n"
        "e\tt\ta.tif\tmovie\t\t\t7\n"
    )
    with pytest.raises(InputError) as error:
        read_samples("samples.tsv", schema=SCHEMA, read_header=read_file_header)
    assert "line 2: 'color' is not known here" in str(error.value)
    assert "line 3: has 7 cells, but 5 columns" in str(error.value)


def test_a_movie_in_files_that_are_movies() -> None:
    save("a1.tif", 3, 32, 40, axes="TYX")
    save("a2.tif")
    assert "a1.tif: holds 3 time points, but the movie has 2 files" in told({"images": "a*.tif"})[0]


# --- unreadable images ---------------------------------------------------------------------


def test_unreadable_stills_are_noted_where_they_may_be_skipped() -> None:
    for number in (1, 2, 3):
        save(f"t{number}.tif")
        save(f"truth/t{number}.tif")
    Path("t2.tif").write_text("no image")
    row = {"images": "t*.tif", "train": "all", "ground_truth": "truth/*.tif", "kind": "stills"}
    assert len(told(row)) == 1
    assert "t2.tif: cannot be read" in told(row)[0]
    sample = read_one(skip_unreadable=True, **row)
    assert [frame.height for frame in sample.frames] == [32, 0, 32]
    assert [frame.index for frame in sample.frames] == [0, 1, 2]
    assert sample.train == (0, 2)
    assert sorted(sample.truth) == [0, 2]
    assert len(sample.notes) == 1
    assert sample.notes[0].startswith("skipped: t2.tif: cannot be read")
    assert read_one(skip_unreadable=True, **row | {"train": "2"}).train == (0, 2)
    for number in (1, 3):
        Path(f"t{number}.tif").unlink()
    assert "t2.tif: cannot be read" in told(row, skip_unreadable=True)[0]


def test_a_movie_needs_all_its_frames() -> None:
    for number in (1, 2, 3):
        save(f"t{number}.tif", 32, 40 + (number == 1))
    Path("t2.tif").write_text("no image")
    problems = told({"images": "t*.tif", "train": "all"}, skip_unreadable=True)
    assert len(problems) == 2
    assert "t2.tif: cannot be read" in problems[0]
    assert "but most frames of this movie" in problems[1]


def test_ground_truth_that_is_wrong_is_never_skipped() -> None:
    """Metrics of fewer images than asked for would be taken for those of all."""
    for number in (1, 2, 3):
        save(f"t{number}.tif")
        save(f"truth/t{number}.tif", 32, 40 + (number == 3))
    Path("truth/t2.tif").write_text("no image")
    row = {"images": "t*.tif", "ground_truth": "truth/*.tif", "kind": "stills"}
    problems = told(row, skip_unreadable=True)
    assert len(problems) == 2
    assert "truth/t2.tif: cannot be read" in problems[0]
    assert "truth/t3.tif: is 41 x 32 pixels, but its image t3.tif is 40 x 32" in problems[1]


def test_mistakes_in_the_sheet_are_told_also_where_images_may_be_skipped() -> None:
    save("a.tif")
    rows = ({"images": "missing.tif"}, {"images": "a.tif", "train": "7"})
    assert len(told(*rows, skip_unreadable=True)) == 2


def test_parsing_stays_fast_with_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    Path("many").mkdir()
    for number in range(3000):
        Path(f"many/t{number:05d}.tif").touch()
        Path(f"many/t{number:05d}_mask.tif").touch()
    save("a.tif")
    header = read_file_header("a.tif")
    Path("samples.tsv").write_text(
        "experiment\tsample\timages\tkind\ttrain\tground_truth\n"
        "e\ts\tmany/t?????.tif\tmovie\tall\tmany/*_mask.tif\n"
    )
    begin = time.process_time()
    samples = read_samples("samples.tsv", schema=SCHEMA, read_header=lambda path, **_: header)
    assert time.process_time() - begin < 3
    assert len(samples[0].truth) == 3000
    begin = time.process_time()
    for index in range(3000):
        assert samples[0].frame(index).index == index
    assert time.process_time() - begin < 0.3


def test_cache_serves_as_reader() -> None:
    save("a.tif")
    Path("samples.tsv").write_text("\t".join(COLUMNS) + "\ne\ts\ta.tif\tmovie\n")
    cache = HeaderCache("headers.json")
    assert len(read_samples("samples.tsv", schema=SCHEMA, read_header=cache.read)) == 1
