"""The sample sheet and what is in the files: positions, sets, sizes, what must agree."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from autonuclei.errors import InputError
from autonuclei.io.formats.base import FileHeader, ImageHeader
from autonuclei.io.images import find_position, list_planes
from autonuclei.plan.samples import Sample, read_samples

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "samples.schema.yaml").read_text())
PLAIN = ImageHeader(32, 40, "uint16")


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(
    files: dict[str, ImageHeader | tuple[ImageHeader, ...] | FileHeader], **row: str
) -> list[Sample]:
    """The samples of a sheet of one row, over files that say what `files` says."""
    headers = {}
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        if not Path(name).exists():
            Path(name).touch()
        if isinstance(content, ImageHeader):
            content = (content,)
        if isinstance(content, tuple):
            content = FileHeader(content, (name,))
        headers[name] = content
    cells = {"experiment": "e", "sample": "s", "images": "*.tif", "kind": "movie"} | row
    Path("samples.tsv").write_text("\t".join(cells) + "\n" + "\t".join(cells.values()) + "\n")
    return read_samples(
        "samples.tsv", schema=SCHEMA, read_header=lambda path, **_: headers[str(path)]
    )


def told(files: dict[str, Any], **row: str) -> list[str]:
    with pytest.raises(InputError) as error:
        read(files, **row)
    return [line.removeprefix("  - line 2: ") for line in str(error.value).splitlines()[1:]]


# --- positions -----------------------------------------------------------------------------

FIELDS = tuple(replace(PLAIN, position=name, n_frames=3) for name in ("field A", "field B"))


def test_a_file_of_positions_asks_which() -> None:
    problems = told({"a.tif": FIELDS})
    assert len(problems) == 1
    assert "a.tif: holds 2 positions (field A, field B)" in problems[0]
    assert "'position'" in problems[0]


@pytest.mark.parametrize("position", ["2", "field B"])
def test_one_position(position: str) -> None:
    [sample] = read({"a.tif": FIELDS}, position=position)
    assert len(sample.frames) == 3
    assert sample.describe_plane(sample.frames[1])["position"] == position
    assert sample.describe_input()["position_name"] == "field B"


def test_all_positions_are_samples_of_their_own() -> None:
    samples = read({"a.tif": FIELDS}, position="all", train="1")
    assert [sample.name for sample in samples] == ["s_field-A", "s_field-B"]
    assert [sample.position for sample in samples] == ["1", "2"]
    assert [len(sample.frames) for sample in samples] == [3, 3]
    samples = read({"a.tif": FIELDS}, position="all", sample="dish_{position}")
    assert [sample.name for sample in samples] == ["dish_field-A", "dish_field-B"]


def test_fields_of_a_plate_know_their_well() -> None:
    fields = tuple(replace(PLAIN, position=name) for name in ("B/03/0", "B/03/1"))
    samples = read({"a.tif": fields}, position="all", kind="stills")
    assert [dict(sample.columns) for sample in samples] == [
        {"well": "B03", "site": "0"}, {"well": "B03", "site": "1"},
    ]  # fmt: skip
    samples = read({"a.tif": fields}, position="all", kind="stills", well="mine")
    assert {sample.columns["well"] for sample in samples} == {"mine"}
    [problem] = told({"a.tif": fields}, position="all", kind="stills", site="mine")
    assert problem.startswith("site: the sheet says 'mine' of all samples, but their files 0, 1.")


def test_positions_without_names_or_with_equal_ones_go_by_number() -> None:
    for name in ("", "Image"):
        images = (replace(PLAIN, position=name),) * 3
        samples = read({"a.tif": images}, position="all", kind="stills")
        assert [sample.name for sample in samples] == ["s_1", "s_2", "s_3"]


def test_label_images_of_one_position_do_not_serve_another() -> None:
    files = {"a.nd2": FIELDS, "field-A.tif": replace(PLAIN, n_frames=3)}
    files["field-B.tif"] = files["field-A.tif"]
    for column in ("masks", "ground_truth"):
        row = {"images": "a.nd2", "position": "all"}
        [problem] = told(files, **row, **{column: "field-A.tif"})
        assert problem.startswith(
            f"{column}: field-A.tif would belong to the samples 's_field-A' and 's_field-B'."
        )
        samples = read(files, **row, **{column: "{position}.tif"})
        found = [(sample.truth or sample.masks)[0].path for sample in samples]
        assert found == ["field-A.tif", "field-B.tif"]


def test_numbers_go_before_names_that_are_numbers() -> None:
    images = tuple(replace(PLAIN, position=name) for name in ("2", "0", "1"))
    samples = read({"a.tif": images}, position="all", kind="stills")
    for sample, image in zip(samples, images, strict=True):
        assert sample.name == f"s_{image.position}"
        assert sample.header == image
        plane = sample.describe_plane(sample.frames[0])
        assert images[find_position(FileHeader(images, ()), "", plane["position"])] == image
        assert sample.notes == ()
    [sample] = read({"a.tif": images}, position="1", kind="stills")
    assert sample.header == images[0]
    assert sample.notes == (
        "position 1 is taken by its number, it is named '2'; the one named '1' is number 3",
    )
    image = replace(PLAIN, n_channels=3, channel_names=("0", "1", "405"))
    [sample] = read({"a.tif": image}, channel="1")
    assert list_planes(image, "", channel=sample.channel) == [(0, 0, 0)]
    assert sample.describe_input()["channel_number"] == 1
    assert sample.notes == (
        "channel 1 is taken by its number, it is named '0'; the one named '1' is number 2",
    )
    assert [list_planes(image, "", channel=c.key) for c in sample.channels] == [
        [(0, 0, 0)], [(0, 0, 1)], [(0, 0, 2)],
    ]  # fmt: skip
    [sample] = read({"a.tif": image}, channel="405")
    assert sample.describe_input()["channel_number"] == 3
    assert sample.notes == ()


def test_a_position_that_is_not_there() -> None:
    assert "has no position '3', only 2" in told({"a.tif": FIELDS}, position="3")[0]
    assert "has no position 'C'" in told({"a.tif": FIELDS}, position="C")[0]


def test_files_with_different_positions_have_no_all() -> None:
    files = {"t1.tif": FIELDS, "t2.tif": FIELDS[:1]}
    assert "'all' needs files with the same positions" in told(files, position="all")[0]


# --- sets of files -------------------------------------------------------------------------


def make_set(**more: Any) -> dict[str, FileHeader]:
    names = [f"a_{letter}.tif" for letter in "pqrs"]
    image = replace(PLAIN, n_frames=4, **more)
    return {own: FileHeader((image,), (own, *(n for n in names if n != own))) for own in names}


@pytest.mark.parametrize("kind", ["stills", "movie"])
def test_files_that_name_each_other_are_read_once(kind: str) -> None:
    [sample] = read(make_set(), kind=kind)
    assert [(frame.path, frame.page) for frame in sample.frames] == [
        ("a_p.tif", page) for page in range(4)
    ]
    assert sample.files == ["a_p.tif", "a_q.tif", "a_r.tif", "a_s.tif"]
    assert len(sample.left_out) == 3
    assert "a_q.tif: is read as part of the set that a_p.tif names" in sample.left_out


def test_files_of_a_set_are_no_samples_of_their_own() -> None:
    problem = told(make_set(), images="a_{name}.tif", sample="{name}")[0]
    assert problem.startswith("a_q.tif: belongs to a set of files that is read as sample 'p'")
    files = {f"t{t}_c{c}.tif": replace(PLAIN, n_channels=2) for t in (0, 1) for c in (1, 2)}
    problem = told(files, images="t{time}_c{channel}.tif", channel="1")[0]
    assert problem.startswith("t0_c1.tif: has 2 channels itself, so that {channel} in its name")


# --- pixel size ----------------------------------------------------------------------------


def sized(size: float | None, height: float | None = None, source: str = "OME-XML") -> ImageHeader:
    return replace(
        PLAIN, pixel_size_um=size, pixel_height_um=height or size, pixel_size_source=source
    )


def test_each_still_has_its_own_pixel_size() -> None:
    [sample] = read({"a.tif": sized(0.65), "b.tif": sized(0.325), "c.tif": PLAIN}, kind="stills")
    assert [frame.pixel_size_um for frame in sample.frames] == [0.65, 0.325, None]
    assert sample.pixel_size_um is None
    assert sample.describe_input()["pixel_sizes_um"] == [0.325, 0.65]
    Path("c.tif").unlink()
    [sample] = read({"a.tif": sized(0.65), "b.tif": sized(0.65)}, kind="stills")
    assert (sample.pixel_size_um, sample.pixel_size_source) == (0.65, "OME-XML")


def test_frames_of_a_movie_have_one_pixel_size() -> None:
    files = {"t1.tif": sized(0.65), "t2.tif": sized(0.65), "t3.tif": sized(0.325)}
    assert "t3.tif: has 0.325 um per pixel, t1.tif 0.65" in told(files)[0]
    [sample] = read(files, pixel_size_um="0.65")
    assert {frame.pixel_size_um for frame in sample.frames} == {0.65}
    assert sample.pixel_size_source == "sample sheet"


def test_pixels_that_are_not_square() -> None:
    assert "not square, 0.5 um wide and 1 um high (OME-XML)" in told({"a.tif": sized(0.5, 1.0)})[0]
    [sample] = read({"a.tif": sized(0.5, 1.0)}, pixel_size_um="0.5")
    assert sample.pixel_size_um == 0.5
    assert read({"a.tif": sized(0.5, 0.501)})[0].pixel_size_um == 0.5


@pytest.mark.parametrize("value", ["nan", "inf", "0", "-1", "101", "0.3 um"])
@pytest.mark.parametrize("column", ["pixel_size_um", "frame_interval_min"])
def test_numbers_that_are_none(column: str, value: str) -> None:
    if (column, value) == ("frame_interval_min", "101"):
        assert read({"a.tif": PLAIN}, **{column: value})[0].frame_interval_min == 101
        return
    [problem] = told({"a.tif": PLAIN}, **{column: value})
    assert f"'{column}' must be" in problem


def test_where_the_interval_comes_from() -> None:
    image = replace(PLAIN, n_frames=3, frame_interval_min=2.0, frame_interval_source="ImageJ")
    sample = read({"a.tif": image})[0]
    assert (sample.frame_interval_min, sample.frame_interval_source) == (2, "ImageJ")
    sample = read({"a.tif": image}, frame_interval_min="7")[0]
    assert (sample.frame_interval_min, sample.frame_interval_source) == (7, "sample sheet")
    sample = read({"a.tif": image}, kind="stills")[0]
    assert (sample.frame_interval_min, sample.frame_interval_source) == (None, "")


# --- what must agree -----------------------------------------------------------------------


def test_one_frame_of_another_bit_depth() -> None:
    files = {"t1.tif": PLAIN, "t2.tif": replace(PLAIN, dtype="uint8"), "t3.tif": PLAIN}
    [problem] = told(files)
    assert problem.startswith("t2.tif: has pixels of type uint8, t1.tif of uint16")
    assert len(read(files, kind="stills")[0].frames) == 3


def test_a_channel_that_changes_its_number() -> None:
    files = {
        "a.tif": replace(PLAIN, n_channels=2, channel_names=("DAPI", "GFP")),
        "b.tif": replace(PLAIN, n_channels=2, channel_names=("GFP", "DAPI")),
    }
    [problem] = told(files, channel="1", kind="stills")
    assert problem.startswith("b.tif: its channel 1 is GFP, that of a.tif is DAPI")
    assert read(files, channel="DAPI", kind="stills")[0].channel == "DAPI"


def test_numbers_of_channels_and_slices_that_differ() -> None:
    two, three = (replace(PLAIN, n_channels=n) for n in (2, 3))
    [problem] = told({"t0.tif": two, "t1.tif": three}, channel="2")
    assert problem.startswith("t1.tif: has 3 channel(s), t0.tif 2.")
    [sample] = read({"t0.tif": two, "t1.tif": three}, channel="2", kind="stills")
    assert sample.notes[0].startswith("t1.tif: has 3 channel(s), t0.tif 2.")
    two = replace(two, channel_names=("BF", "GFP"))
    three = replace(three, channel_names=("BF", "DAPI", "GFP"))
    [sample] = read({"t0.tif": two, "t1.tif": three}, channel="GFP")
    assert sample.notes == ()
    stacks = {f"t{n - 3}.tif": replace(PLAIN, n_slices=n) for n in (3, 4)}
    [sample] = read(stacks, projection="max")
    assert sample.notes == ("t1.tif: has 4 z slice(s), t0.tif 3",)


def test_a_thumbnail_among_stills_is_told() -> None:
    small = ImageHeader(16, 20, "uint16")
    large = ImageHeader(320, 400, "uint16")
    [sample] = read({"a.tif": large, "b.tif": large, "c.tif": small}, kind="stills")
    assert sample.notes[0].startswith("c.tif: much smaller than the others (400 x 320 pixels)")


def test_what_files_say_of_themselves_is_told_once() -> None:
    files = {
        name: FileHeader((PLAIN,), (name,), ("a thumbnail of 64 x 64 is left out",))
        for name in ("a.tif", "b.tif")
    }
    [sample] = read(files, kind="stills")
    assert sample.said == ("a.tif and 1 more: a thumbnail of 64 x 64 is left out",)


def test_columns_pass_through() -> None:
    [sample] = read({"a.tif": PLAIN}, condition="control", replicate="01", plate="P 7/ä")
    assert sample.columns == {"plate": "P 7/ä", "condition": "control", "replicate": "01"}


def test_what_was_read() -> None:
    image = ImageHeader(
        32, 40, "uint8", n_frames=6, n_slices=3, n_channels=2, channel_names=("DAPI", "GFP"),
        pixel_size_um=0.5, pixel_height_um=0.5, pixel_size_source="LIF", frame_interval_min=5,
        frame_interval_source="LIF",
    )  # fmt: skip
    [sample] = read({"a.tif": image}, channel="GFP", projection="max", well="B03")
    assert sample.describe_input() == {
        "sample": "s", "kind": "movie", "n_files": 1, "first_file": "a.tif", "last_file": "a.tif",
        "n_frames": 6, "missing_frames": 0, "labels_given": False, "corrected": "",
        "position": None, "position_name": "", "channel": "GFP", "channel_number": 2,
        "n_channels": 2, "channel_names": ["DAPI", "GFP"],
        "projection": "max", "n_slices": 3, "width": 40, "height": 32, "sizes": [(40, 32)],
        "crop_y_px": 0, "crop_x_px": 0, "dtype": "uint8",
        "pixel_size_um": 0.5, "pixel_sizes_um": [0.5], "pixel_size_source": "LIF",
        "frame_interval_min": 5, "frame_interval_source": "LIF", "well": "B03", "left_out": [],
        "said": [],
        "pairing": [], "notes": [],
    }  # fmt: skip


def test_an_image_replaced_by_an_older_one_has_another_stamp() -> None:
    def stamp() -> str | None:
        return read({"a.tif": PLAIN})[0].frames[0].stamp

    first = stamp()
    assert first == stamp()
    os.utime("a.tif", (1_000_000, 1_000_000))
    assert stamp() != first


def test_channels_that_are_files() -> None:
    files = {f"t{time}_{channel}.tif": PLAIN for time in (1, 2) for channel in ("DAPI", "GFP")}
    [sample] = read(files, images="t{time}_{channel}.tif", channel="GFP")
    assert [frame.path for frame in sample.frames] == ["t1_GFP.tif", "t2_GFP.tif"]
    assert sample.describe_plane(sample.frames[0])["channel"] is None
    row = sample.describe_input()
    assert (row["channel"], row["n_channels"], row["channel_names"]) == ("GFP", 2, ["DAPI", "GFP"])
    named = replace(PLAIN, channel_names=("mCherry",))  # as MetaXpress writes it
    files = {f"t{time}_w{channel}.tif": named for time in (1, 2) for channel in (2, 3, 4)}
    [sample] = read(files, images="t{time}_w{channel}.tif", channel="2")
    assert sample.frames[0].path == "t1_w2.tif"
    assert sample.describe_input()["channel_number"] == 1
    assert sample.notes == ()


def test_slices_that_are_files() -> None:
    files = {f"t{time}_z{z}.tif": PLAIN for time in (0, 1) for z in (1, 2, 10)}
    [sample] = read(files, images="t{time}_z{z}.tif", projection="max")
    assert [frame.slices for frame in sample.frames] == [
        (f"t{time}_z1.tif", f"t{time}_z2.tif", f"t{time}_z10.tif") for time in (0, 1)
    ]
    assert sample.describe_plane(sample.frames[1])["path"] == [*sample.frames[1].slices]
    assert sample.describe_input()["n_slices"] == 3
    assert "with a z slice each" in told(files, images="t{time}_z{z}.tif")[0]
    assert "with a z slice each" in told(files, images="t{time}_z{z}.tif", projection="4")[0]


def test_a_slice_by_number_where_slices_are_missing() -> None:
    names = [f"t{t}_z{z}.tif" for t in (0, 1) for z in (1, 2, 3) if (t, z) != (1, 2)]
    files = dict.fromkeys(names, PLAIN)
    [sample] = read(files, images="t{time}_z{z}.tif", projection="max")
    assert "1 image(s) lack z slices, such as that of t1_z1.tif: z 2" in sample.notes
    [problem] = told(files, images="t{time}_z{z}.tif", projection="2")
    assert problem.startswith("t1_z1.tif: lacks z slices that others have, so that slice 2 is")


def test_an_image_without_its_channel_is_a_gap() -> None:
    pattern = {"images": "t{time}_c{channel}.tif", "channel": "2"}
    names = [f"t{t}_c{c}.tif" for t in range(3) for c in (1, 2) if (t, c) != (1, 2)]
    [sample] = read(dict.fromkeys(names, PLAIN), **pattern)
    assert [frame.index for frame in sample.frames] == [0, 2]
    assert any("1 time(s) missing, 1;" in note for note in sample.notes)


def test_a_channel_at_every_second_time() -> None:
    pattern = {"images": "t{time}_c{channel}.tif", "channel": "2"}
    names = [f"t{t}_c{c}.tif" for t in range(6) for c in (1, 2) if c == 1 or t % 2 == 0]
    [sample] = read(dict.fromkeys(names, PLAIN), **pattern)
    assert [frame.index for frame in sample.frames] == [0, 1, 2]
    assert "the channel has a file at one time in 2: these are the frames" in sample.notes


def test_names_and_files_of_different_intervals() -> None:
    image = replace(PLAIN, frame_interval_min=5.0, frame_interval_source="ImageJ finterval")
    files = {f"00d00h{minute:02}m.tif": image for minute in (0, 10, 20)}
    [sample] = read(files)
    assert sample.frame_interval_min == 10
    assert sample.notes == (
        "frame interval: the names say 10 min, which is used, the file 5 min (ImageJ finterval)",
    )
    said = "frame interval: the sheet says 7 min, which is used, the file 5 min (ImageJ finterval)"
    assert read(files, frame_interval_min="7")[0].notes == (said,)


def test_a_sheet_that_contradicts_the_file() -> None:
    image = replace(PLAIN, pixel_size_um=0.65, pixel_size_source="ImageJ resolution and unit")
    [sample] = read({"a.tif": image}, pixel_size_um="0,325")
    assert sample.pixel_size_um == 0.325
    assert sample.notes == (
        "pixel size: the sheet says 0.325 um, which is used, the file 0.65 um "
        "(ImageJ resolution and unit)",
    )
    assert read({"a.tif": image}, pixel_size_um="0.655")[0].notes == ()  # rounded


def test_samples_that_cannot_be_compared() -> None:
    one = replace(PLAIN, n_frames=3, frame_interval_min=5.0, pixel_size_um=0.5)
    other = replace(one, dtype="uint8", frame_interval_min=10.0, pixel_size_um=None)
    files = {"a.tif": one, "b.tif": one, "c.tif": other, "d.tif": other, "e.tif": one}
    samples = read(files, images="{name}.tif", sample="{name}")
    assert [len(sample.notes) for sample in samples] == [0, 0, 3, 0, 0]
    others = "that of 3 sample(s) of the experiment"
    assert samples[2].notes == (
        f"its type of pixels is uint8 (and of 1 more), {others} uint16: do not compare their "
        "brightness",
        f"its frame interval is 10 min (and of 1 more), {others} 5 min: do not compare their "
        "speeds, which depend on it",
        f"its pixel size is unknown (and of 1 more), {others} known: areas of all samples together "
        "are in px",
    )
    # Intervals of a clock differ a little.
    jitter = replace(one, frame_interval_min=5.01)
    files = {"x/a.tif": one, "x/b.tif": jitter}
    assert [s.notes for s in read(files, images="x/{name}.tif", sample="{name}")] == [(), ()]


def test_names_that_no_folder_can_have() -> None:
    long = "a" * 101
    [said] = told({"a.tif": PLAIN}, experiment=long)
    assert said.startswith("'experiment' must be no longer than 100 letters")
    [said] = told({"a.tif": PLAIN}, sample=long)
    assert "has 101 letters, more than 100" in said
    [said] = told({f"n_{long}.tif": PLAIN}, images="n_{name}.tif", sample="{name}")
    assert "has 101 letters, more than 100" in said


def test_labels_with_the_placeholders_of_the_images() -> None:
    files = {f"{well}_t{time}.tif": PLAIN for well in ("A01", "B02") for time in (0, 1)}
    files |= {f"masks/{well}_t{time}_mask.tif": PLAIN for well in ("A01", "B02") for time in (0, 1)}
    samples = read(
        files,
        images="{well}_t{time}.tif",
        sample="{well}",
        ground_truth="masks/{well}_t{time}*.tif",
    )
    assert [dict(sample.columns) for sample in samples] == [{"well": "A01"}, {"well": "B02"}]
    assert [label.path for label in samples[1].truth.values()] == [
        "masks/B02_t0_mask.tif", "masks/B02_t1_mask.tif",
    ]  # fmt: skip


def test_an_image_in_two_samples_is_told() -> None:
    Path("a.tif").touch()
    header = FileHeader((PLAIN,), ("a.tif",))
    Path("samples.tsv").write_text(
        "experiment\tsample\timages\tkind\n"
        "e\tx\ta.tif\tstills\ne\ty\ta.tif\tstills\nother\tx\ta.tif\tstills\n"
    )
    samples = read_samples("samples.tsv", schema=SCHEMA, read_header=lambda path, **_: header)
    assert [len(sample.notes) for sample in samples] == [0, 1, 0]
    assert samples[1].notes[0].startswith("a.tif is in sample 'x' too")


def test_an_image_in_two_samples_by_two_paths_is_told() -> None:
    Path("a.tif").touch()
    Path("link.tif").symlink_to("a.tif")
    header = FileHeader((PLAIN,), ("a.tif",))
    Path("samples.tsv").write_text(
        "experiment\tsample\timages\tkind\n"
        f"e\tx\ta.tif\tstills\ne\ty\t{Path('a.tif').absolute()}\tstills\ne\tz\tlink.tif\tstills\n"
    )
    samples = read_samples("samples.tsv", schema=SCHEMA, read_header=lambda path, **_: header)
    assert [len(sample.notes) for sample in samples] == [0, 1, 1]
    assert "is in sample 'x' too: its nuclei count twice" in samples[2].notes[0]
