"""Patterns of the sample sheet: which files they name, and what the names say."""

import itertools
import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from autonuclei.errors import InputError
from autonuclei.plan.patterns import (
    Group,
    Match,
    fill_placeholders,
    find_files,
    find_repeats,
    group_files,
    group_matches,
    has_placeholders,
    match_placeholders,
)

# What microscopes and their programs write: pattern, names, the values of the last of them.
PATTERNS = {
    "ImageXpress": (
        "TimePoint_{time}/{plate}_{well}_s{site}_w{channel}.TIF",
        [
            "TimePoint_1/val screen_B02_s1_w1A52B1177-9DC7-4534-9623-9DCA396EFA00.TIF",
            "TimePoint_1/val screen_B02_s1_w2D1E11FCC-8DCD-42F5-B2BD-B270F2E9223D.TIF",
            "TimePoint_10/val screen_B02_s12_w146C9B2CD-0BB3-4B8A-9187-2805F4C90506.TIF",
        ],
        {"time": "10", "plate": "val screen", "well": "B02", "site": "12", "channel": "1"},
    ),
    "ImageXpress with z": (
        "TimePoint_{time}/ZStep_{z}/{plate}_{well}_s{site}_w{channel}.TIF",
        ["TimePoint_1/ZStep_2/181214-KO-day7-40X_H2O2_P24_s1_w3.TIF"],
        {
            "time": "1",
            "z": "2",
            "plate": "181214-KO-day7-40X_H2O2",
            "well": "P24",
            "site": "1",
            "channel": "3",
        },
    ),
    "MetaMorph": (
        "{plate}_w{channel}_s{site}_t{time}.TIF",
        ["exp3_w1DAPI_s1_t1.TIF", "exp3_w2FITC_s10_t12.TIF"],
        {"plate": "exp3", "channel": "2FITC", "site": "10", "time": "12"},
    ),
    "Operetta, Opera Phenix": (
        "Images/r{row}c{column}f{site}p{z}-ch{channel}sk{time}fk1fl1.tiff",
        ["Images/r02c03f01p01-ch1sk1fk1fl1.tiff", "Images/r16c24f144p05-ch2sk12fk1fl1.tiff"],
        {"row": "16", "column": "24", "site": "144", "z": "05", "channel": "2", "time": "12"},
    ),
    "Opera": (
        "{row:3}{column:3}{site:3}.tif",
        ["002003001.tif"],
        {"row": "002", "column": "003", "site": "001"},
    ),
    "Yokogawa CV7000, CV8000": (
        "{plate}_{well}_T{time}F{site}L*A*Z{z}C{channel}.tif",
        [
            "20200812-Cardio14-Cycle1_B03_T0001F001L01A01Z01C01.tif",
            "AssayPlate_Greiner_#655090_C02_T0002F003L01A02Z04C02.tif",
        ],
        {
            "plate": "AssayPlate_Greiner_#655090",
            "well": "C02",
            "time": "0002",
            "site": "003",
            "z": "04",
            "channel": "02",
        },
    ),
    "Yokogawa CQ1, CV1000": (
        "{well}F{site}T{time}Z{z}C{channel}.tif",
        ["W0001F0001T0001Z001C1.tif", "W12F003T0001Z01C2.tif"],
        {"well": "W12", "site": "003", "time": "0001", "z": "01", "channel": "2"},
    ),
    "InCell": (
        "{row} - {column}(fld {site} wv {channel} - *).tif",
        ["A - 01(fld 1 wv DAPI - DAPI).tif", "B - 2(fld 10 wv Cy3 - Cy3).tif"],
        {"row": "B", "column": "2", "site": "10", "channel": "Cy3"},
    ),
    "Cellomics": (
        "{plate}_{well}f{site}d{channel}.tif",
        ["MFGTMP_260306160001_A01f00d0.tif"],
        {"plate": "MFGTMP_260306160001", "well": "A01", "site": "00", "channel": "0"},
    ),
    "Incucyte": (
        "{plate}_{well}_{site}_{day}d{hour}h{minute}m.tif",
        ["VID1630_A1_1_00d00h00m.tif", "R2_MDF_green_B12_3_01d02h30m.tif"],
        {
            "plate": "R2_MDF_green",
            "well": "B12",
            "site": "3",
            "day": "01",
            "hour": "02",
            "minute": "30",
        },
    ),
    "Micro-Manager 2": (
        "Pos*/img_channel{channel}_position{site}_time{time}_z{z}.tif",
        ["Pos1/img_channel000_position001_time000000002_z003.tif"],
        {"channel": "000", "site": "001", "time": "000000002", "z": "003"},
    ),
    "Micro-Manager 1": (
        "Pos{site}/img_{time}_{channel}_{z}.tif",
        ["Pos0/img_000000000_DAPI_000.tif", "Pos3/img_000000012_Cy5_2_001.tif"],
        {"site": "3", "time": "000000012", "channel": "Cy5_2", "z": "001"},
    ),
    "Cell Tracking Challenge": ("01/t{time}.tif", ["01/t000.tif", "01/t091.tif"], {"time": "091"}),
    "Leica LAS X": (
        "{plate}_t{time}_z{z}_ch{channel}.tif",
        ["Embryo01_t00_z00_ch00.tif", "Series 2_t10_z05_ch01.tif"],
        {"plate": "Series 2", "time": "10", "z": "05", "channel": "01"},
    ),
    "ZEN": (
        "{plate}_s{site}t{time}c{channel}_ORG.tif",
        ["A1-Image Export-01_s1t01c1_ORG.tif", "x_s12t10c2_ORG.tif"],
        {"plate": "x", "site": "12", "time": "10", "channel": "2"},
    ),
    "NIS-Elements": (
        "{plate}t{time}xy{site}z{z}c{channel}.tif",
        ["exp_t001xy01z01c1.tif"],
        {"plate": "exp_", "time": "001", "site": "01", "z": "01", "channel": "1"},
    ),
    "Gen5": (
        "{well}_{read}_{number}_{site}_{channel}_{time}.tif",
        ["A1_02_1_1_DAPI_001.tif"],
        {
            "well": "A1",
            "read": "02",
            "number": "1",
            "site": "1",
            "channel": "DAPI",
            "time": "001",
        },
    ),
    "Acquifer": (
        "*--{well}--PO{site}--LO{time}--CO{channel}--SL{z}--*.tif",
        [
            "WE00020---B005--PO01--LO001--CO6--SL010--PX16250--PW0040--IN0020--TM246--X050299"
            "--Y019906--Z212275--T1375574652.tif"
        ],
        {"well": "B005", "site": "01", "time": "001", "channel": "6", "z": "010"},
    ),
}


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def find(pattern: str) -> list[str]:
    return list(find_files(pattern).paths)


def told(pattern: str) -> str:
    """Why a pattern is refused, in one line."""
    search = match_placeholders if has_placeholders(pattern) else find_files
    with pytest.raises(InputError) as error:
        search(pattern)
    assert "\n" not in str(error.value)
    return str(error.value)


# --- files without placeholders ---------------------------------------------------------------


def test_natural_order() -> None:
    touch("raw/t10.tif", "raw/t9.tif", "raw/t1.tif", "raw/a.png")
    assert find("raw/*.tif") == ["raw/t1.tif", "raw/t9.tif", "raw/t10.tif"]
    assert find("raw/t?.tif") == find("raw/t[0-9].tif") == ["raw/t1.tif", "raw/t9.tif"]
    assert find("raw/t[!1].tif") == ["raw/t9.tif"]
    assert find("./raw//t9.tif") == ["raw/t9.tif"]
    assert find(str(Path("raw/t1*.tif").absolute())) == [
        str(Path(f"raw/t{n}.tif").absolute()) for n in (1, 10)
    ]


def test_brackets_in_names() -> None:
    touch("plate [1]/Bild [DAPI] 1.tif", "plate [1]/Bild [DAPI] 2.tif")
    both = ["plate [1]/Bild [DAPI] 1.tif", "plate [1]/Bild [DAPI] 2.tif"]
    assert find("plate [1]/*.tif") == find("plate [1]/Bild [DAPI] *.tif") == both
    assert find(both[0]) == both[:1]
    assert [m.values["time"] for m in match_placeholders("plate [1]/* [DAPI] {time}.tif").matches]
    touch("t[12]a.tif", "t1a.tif")
    assert find("t[12]a.tif") == ["t[12]a.tif"]
    assert "the brackets fit names that have them" in told("t[12]*.tif")


def test_suffix_in_small_and_capital_letters() -> None:
    touch("a/1.TIF", "a/2.TIF", "b/1.tif", "b/2.Tif", "c/1.tiff", "c/2.tiff", "d/x.ome.TIF")
    assert find("a/*.tif") == ["a/1.TIF", "a/2.TIF"]
    assert find_files("a/*.tif").notes == ("files that end with '.TIF' were taken for '.tif'",)
    assert find_files("a/*.TIF").notes == ()
    assert find_files("b/*.tif").notes == (
        "files that end with '.Tif' and '.tif' were taken for '.tif'",
    )
    assert find("a/1.tif") == ["a/1.TIF"]
    assert find("d/*.ome.tif") == ["d/x.ome.TIF"]
    assert "There are 2 with '.tiff'" in told("c/*.tif")
    assert "write .tiff in place of .tif" in told("c/{time}.tif")


def test_folders() -> None:
    touch("raw/a/1.tif", "raw/b/c/2.tif", "raw/3.tif")
    assert find("raw/**/*.tif") == ["raw/3.tif", "raw/a/1.tif", "raw/b/c/2.tif"]
    assert find("raw/*/*.tif") == ["raw/a/1.tif"]
    assert find_files("raw/*").left_out == ("2 folder(s): raw/a, raw/b",)
    assert told("raw").startswith("no file fits 'raw'. It is a folder. For a folder of images add")
    assert "such as /*.tif" in told("raw")
    assert "Only folders do: raw/b/c" in told("raw/b/*")
    Path("x.tif").mkdir()
    assert "It is a folder" in told("x.tif")


def test_zarr_is_one_image() -> None:
    touch("raw/a.zarr/.zattrs", "raw/a.zarr/0/.zarray", "raw/a.zarr/0/0.tif")
    touch("raw/b.zarr/zarr.json", "raw/c.zarr/x.tif")
    assert find("raw/*.zarr") == ["raw/a.zarr", "raw/b.zarr"]
    assert find_files("raw/*.zarr").left_out == ("1 folder(s): raw/c.zarr",)
    assert find("raw/a.zarr") == ["raw/a.zarr"]
    assert find("raw/a.zarr/0") == ["raw/a.zarr/0"]
    assert find("raw/**/*.tif") == ["raw/c.zarr/x.tif"]
    assert find("raw/**/*.zarr") == ["raw/a.zarr", "raw/b.zarr"]
    assert [m.values for m in match_placeholders("raw/{dish}.zarr").matches] == [
        {"dish": "a"},
        {"dish": "b"},
    ]


def test_hidden_files_and_thumbnails() -> None:
    touch("r/t1.tif", "r/._t1.tif", "r/.t9.tif", "r/.DS_Store", "r/Thumbs.db", "r/t1_thumb.tif")
    found = find_files("r/*")
    assert found.paths == ("r/t1.tif",)
    assert found.left_out == (
        "1 thumbnail(s): r/t1_thumb.tif",
        "4 hidden file(s): r/.DS_Store, r/._t1.tif, r/.t9.tif and 1 more",
    )
    assert find("r/*_thumb.tif") == ["r/t1_thumb.tif"]
    assert find("r/.t*.tif") == ["r/.t9.tif"]
    touch("only/a_thumb1.tif", "thumbprints/thumbs_up.tif", "thumbprints/thumbling.tif")
    assert "Only thumbnails are there" in told("only/*.tif")
    assert find("thumbprints/*.tif") == ["thumbprints/thumbling.tif", "thumbprints/thumbs_up.tif"]


@pytest.mark.parametrize("name", ["a{b}.tif", "{a.tif", "a<b>.tif", "a}.tif"])
def test_names_that_snakemake_would_fill_in(name: str) -> None:
    touch(f"raw/{name}")
    for pattern in (f"raw/{name}", "raw/*.tif"):
        assert not has_placeholders(pattern)
        assert told(pattern).startswith(f"raw/{name}: has one of {{ }} < > in its name")


@pytest.mark.parametrize("name", [b"a\nb.tif", b"a\tb.tif", b"bad\xff.tif"])
def test_names_that_cannot_be_shown(name: bytes) -> None:
    Path(os.fsdecode(name)).touch()
    for pattern in ("*.tif", os.fsdecode(name)):
        with pytest.raises(InputError, match="a sign in its name that cannot be shown") as error:
            find_files(pattern)
        assert "\n" not in str(error.value)
        str(error.value).encode()


def test_links_and_permissions() -> None:
    touch("raw/t1.tif")
    Path("raw/t2.tif").symlink_to("t1.tif")
    assert find_files("raw/*.tif").notes == ("raw/t1.tif: is the same file as raw/t2.tif",)
    Path("raw/circle").symlink_to("..")
    assert find("**/*.tif") == ["raw/t1.tif", "raw/t2.tif"]
    Path("raw/t3.tif").symlink_to("lost.tif")
    for pattern in ("raw/t3.tif", "raw/*.tif", "raw/t{time}.tif"):
        assert told(pattern).startswith("raw/t3.tif: is a link to 'lost.tif', which does not exist")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission() -> None:
    touch("raw/t1.tif", "shut/t1.tif")
    Path("raw/t1.tif").chmod(0)
    Path("shut").chmod(0)
    try:
        assert "no permission to read" in told("raw/*.tif")
        assert "no permission to look into" in told("shut/*.tif")
    finally:
        Path("shut").chmod(0o700)


def test_why_nothing_fits() -> None:
    touch("Raw/t1.TIF", "Raw/T2.png")
    Path("empty").mkdir()
    assert told("none/*.tif") == "no file fits 'none/*.tif'. There is no folder 'none'."
    assert "There is 'Raw': mind small and capital letters" in told("raw/*.tif")
    assert "There is 'T2.png': mind" in told("Raw/t2.png")
    assert "The folder 'empty' is empty" in told("empty/*.tif")
    assert "In 'Raw' there are other names, such as 'T2.png'" in told("Raw/x*.tif")
    assert "Write / between folders" in told(r"Raw\*.tif")
    assert "No folder fits" in told("x*/*.tif")
    with pytest.raises(InputError, match=r"{time} has no value here: write \* in its place"):
        find_files("Raw/t{time}.tif")
    assert told("missing*.tif").startswith("no file fits 'missing*.tif'.")


def test_umlauts_in_both_forms_of_unicode() -> None:
    name = "März/Zellen für t{}.tif"
    touch(*(unicodedata.normalize("NFD", name.format(n)) for n in (1, 2)))
    pattern = unicodedata.normalize("NFC", name.format("*"))
    assert len(find(pattern)) == 2
    assert len(match_placeholders(pattern.replace("*", "{time}")).matches) == 2
    assert all(Path(path).is_file() for path in find(pattern))


def test_repeats() -> None:
    touch("a.tif", "b.tif")
    assert find_repeats(["a.tif", "b.tif", "./a.tif"]) == ["a.tif: is the same file as ./a.tif"]


# --- placeholders -----------------------------------------------------------------------------


@pytest.mark.parametrize("system", PATTERNS)
def test_patterns_of_microscopes(system: str) -> None:
    pattern, names, expected = PATTERNS[system]
    suffix = Path(names[0]).suffix
    beside = Path(names[0]).parent / f"Overview{suffix}"
    touch(*names, str(beside))
    found = match_placeholders(pattern)
    assert {match.path for match in found.matches} == set(names)
    assert dict(next(m.values for m in found.matches if m.path == names[-1])) == expected
    assert found.left_out == (f"1 file(s) whose names do not fit the pattern: {beside}",)


def test_what_does_not_match() -> None:
    touch("p/P_B02_s1_w1.TIF", "p/P_B02_s1_w1_thumb.TIF", "p/P_B02_sX_w1.TIF", "p/notes.txt")
    touch("p/P_well_s1_w1.TIF")
    found = match_placeholders("p/{plate}_{well}_s{site}_w{channel}.tif")
    assert [match.path for match in found.matches] == ["p/P_B02_s1_w1.TIF"]
    assert found.left_out == (
        "1 thumbnail(s): p/P_B02_s1_w1_thumb.TIF",
        "2 file(s) whose names do not fit the pattern: p/P_B02_sX_w1.TIF, p/P_well_s1_w1.TIF",
        "p/P_B02_sX_w1.TIF: {site} would be 'X', which is not a whole number",
        "p/P_well_s1_w1.TIF: {well} would be 'well', which is not a well such as B03",
    )
    assert "{time} would be 'B02'" in told("p/P_{time}_s*.TIF")


def test_equal_names_have_equal_values() -> None:
    touch("P_1/P_1_t1.tif", "P_1/P_2_t1.tif", "05/5_t1.tif", "05/6_t1.tif")
    found = match_placeholders("P_{dish}/P_{dish}_t{time}.tif")
    assert [match.path for match in found.matches] == ["P_1/P_1_t1.tif"]
    found = match_placeholders("{site}/{site}_t{time}.tif")
    assert [match.path for match in found.matches] == ["05/5_t1.tif"]
    touch("x/a_b/a_b_c.tif")
    found = match_placeholders("x/{plate}/{plate}_{condition}.tif")
    assert [match.values["condition"] for match in found.matches] == ["c"]


def test_two_readings_are_refused() -> None:
    touch("ctrl_high_1_t1.tif")
    assert "ctrl_high_1_t1.tif: can be read in two ways" in told("{condition}_{dish}_t{time}.tif")
    assert len(match_placeholders("{condition}_{dish:1}_t{time}.tif").matches) == 1
    touch("a/112.tif")
    assert "{row} as '11' or as '1'" in told("a/{row}{column}.tif")
    touch("b/1a2b1.tif")
    assert "{time} as" in told("b/*{time}*.tif")
    touch("c/x/y/f.tif")
    assert "{plate} as" in told("c/**/{plate}/**/f.tif")


def test_what_is_no_placeholder() -> None:
    for pattern, said in {
        "t{Time}.tif": "{Time} is no placeholder",
        "t{}.tif": "{} is no placeholder",
        "t{time:0}.tif": "{time:0} is no placeholder",
        "t{position}.tif": "write {site}",
        "t{time}_{.tif": "a { has no }",
    }.items():
        assert said in told(pattern)


def test_fill_placeholders() -> None:
    assert fill_placeholders("m/{well}_t{time}.tif", {"well": "B03"}) == "m/B03_t{time}.tif"


def list_readings(
    pattern: str, name: str, before: str = "", varies: bool = False
) -> Iterator[tuple[dict[str, str], bool]]:
    """All ways to read a name, by trying every length of every part, and which are whole.

    A number that is cut where something that varies stands beside it is none that was meant.
    """
    token = re.match(r"\{(\w+)\}|\*|.", pattern)
    if token is None:
        if not name:
            yield {}, True
        return
    rest = pattern[token.end() :]
    if token[0] == "*":
        for length in range(len(name) + 1):
            yield from list_readings(rest, name[length:], before + name[:length], True)
    elif token[1] == "dish":
        for length in range(1, len(name) + 1):
            for values, whole in list_readings(rest, name[length:], before + name[:length], True):
                yield {"dish": name[:length]} | values, whole
    elif token[1]:
        starts = not (varies and before[-1:].isdigit())
        for length in range(1, len(re.match(r"\d*", name)[0]) + 1):
            ends = not (rest.startswith(("*", "{dish}")) and name[length : length + 1].isdigit())
            for values, whole in list_readings(rest, name[length:], before + name[:length]):
                yield {"time": name[:length]} | values, whole and starts and ends
    elif name.startswith(token[0]):
        yield from list_readings(rest, name[1:], before + token[0])


@given(
    parts=st.lists(st.sampled_from(["{time}", "{dish}", "*", "a", "_", "1"]), max_size=6),
    name=st.text("ab_12", min_size=1, max_size=8),
)
# The digits beside are text of the pattern; the same number stands elsewhere in the name too.
@example(parts=["1", "{time}", "*"], name="111")
@example(parts=["1", "*", "{time}", "{dish}"], name="11_1")
def test_readings_are_complete(parts: list[str], name: str) -> None:
    """The only reading with whole numbers is taken, several are refused."""
    from autonuclei.plan.patterns import _compile

    pattern = "".join(parts)
    assume(pattern.count("{time}") <= 1 and pattern.count("{dish}") <= 1 and "{" in pattern)
    listed = list_readings(pattern, name)
    readings = {tuple(sorted(values.items())) for values, whole in listed if whole}
    form = _compile(pattern, (), True, False, False)
    try:
        values = form.read(name, Path(name))
    except InputError:
        assert len(readings) > 1
        return
    assert readings == (set() if values is None else {tuple(sorted(values.items()))})


# --- groups -----------------------------------------------------------------------------------


def list_matches(**values: list[str]) -> list[Match]:
    return [
        Match("_".join(row), dict(zip(values, row, strict=True)))
        for row in itertools.product(*values.values())
    ]


def describe(group: Group) -> list[tuple[int, tuple[str, ...]]]:
    return [(frame.number, frame.paths) for frame in group.frames]


def refused(matches: list[Match], sample: str, **options: str) -> str:
    with pytest.raises(InputError) as error:
        group_matches(matches, sample, **options)  # type: ignore[arg-type]
    return str(error.value)


def test_a_row_becomes_samples() -> None:
    matches = list_matches(
        well=["B02", "B03"], site=["1", "2"], time=["1", "2", "10"], channel=["1", "2"]
    )
    groups = group_matches(matches, "x_{well}_s{site}", channel="02")
    assert [group.name for group in groups] == [f"x_B0{w}_s{s}" for w in (2, 3) for s in (1, 2)]
    first = groups[0]
    assert first.values == {"well": "B02", "site": "1", "channel": "2"}
    assert first.channels == ("1", "2")
    assert [frame.paths for frame in first.frames] == [
        ("B02_1_1_2",),
        ("B02_1_2_2",),
        ("B02_1_10_2",),
    ]


def test_what_would_be_mixed() -> None:
    matches = list_matches(well=["B02"], site=["1", "2", "10"], time=["1"])
    said = refused(matches, "a")
    assert said.startswith(
        "{site} has the values 1, 2, 10 and is not in the column sample: its images would be mixed"
    )
    assert said.endswith("Write sample = a_{site}")
    assert "{well}" in refused(list_matches(row=["1", "2"], column=["3"]), "a")
    assert "sample has {dish}" in refused(matches, "{dish}")
    same = list_matches(dish=["a b", "a-b"])
    assert "the names of two samples would be the same" in refused(same, "{dish}")


def test_channels() -> None:
    matches = list_matches(time=["0", "1"], channel=["DAPI", "GFP"])
    assert "{channel} has the values DAPI, GFP: give the one" in refused(matches, "a")
    assert "no image has the channel 'RFP'" in refused(matches, "a", channel="RFP")
    one = [match for match in matches if match.values["channel"] == "GFP"]
    assert len(group_matches(one, "a")[0].frames) == 2
    (group,) = group_matches(matches[:-2] + matches[-1:], "a", channel="DAPI")
    assert [frame.number for frame in group.frames] == [0]
    assert "1 image(s) have no file of channel 'DAPI'" in group.notes[0]


def test_times_of_all_samples_together() -> None:
    matches = list_matches(well=["A1", "A2"], time=["3", "5", "7", "9"])
    del matches[5], matches[4], matches[2]
    a, b = group_matches(matches, "{well}")
    assert [frame.number for frame in a.frames] == [0, 1, 3]
    assert [frame.number for frame in b.frames] == [2, 3]
    assert a.notes == ("1 time(s) missing, 7; the gap stays in the frame numbers",)
    assert b.notes == ("2 time(s) missing, 3, 5; the gap stays in the frame numbers",)
    (gap,) = group_matches(list_matches(time=["1", "2", "4"]), "a")
    assert [frame.number for frame in gap.frames] == [0, 1, 3]
    assert gap.interval_min is None


def test_days_hours_and_minutes() -> None:
    matches = list_matches(day=["00", "01"], hour=["00", "06", "12", "18"], minute=["00"])
    (group,) = group_matches(matches, "a")
    assert [frame.number for frame in group.frames] == list(range(8))
    assert group.interval_min == 360
    (group,) = group_matches(matches[:2] + matches[3:], "a")
    assert [frame.number for frame in group.frames] == [0, 1, 3, 4, 5, 6, 7]
    assert group.notes == ("1 time(s) missing, 720 min; the gap stays in the frame numbers",)
    (group,) = group_matches(list_matches(minute=["0", "7", "60", "61"]), "a")
    assert [frame.number for frame in group.frames] == [0, 1, 2, 3]
    assert group.interval_min is None
    assert "have no even steps" in group.notes[0]
    (group,) = group_matches(list_matches(second=["0", "90"]), "a")
    assert group.interval_min == 1.5
    both = [Match("a", {"time": "1", "hour": "2"}), Match("b", {"time": "2", "hour": "1"})]
    assert "do not rise together" in refused(both, "a")


def test_slices() -> None:
    matches = list_matches(time=["1", "2"], z=["10", "9", "11"])
    (group,) = group_matches(matches, "a")
    assert describe(group) == [(0, ("1_9", "1_10", "1_11")), (1, ("2_9", "2_10", "2_11"))]
    (group,) = group_matches(matches[:-2], "a")
    assert group.notes == ("1 image(s) lack z slices, such as that of 2_10: z 9, 11",)


def test_files_of_equal_values() -> None:
    matches = [Match("a_x", {"time": "1"}), Match("a_y", {"time": "1"})]
    assert refused(matches, "a").startswith("a_x and a_y: have the same values in their names")
    (group,) = group_matches(matches, "a", kind="stills")
    assert describe(group) == [(0, ("a_x",)), (1, ("a_y",))]
    slices = [Match("a", {"z": "1"}), Match("b", {"z": "01"})]
    assert "have the same values" in refused(slices, "a", kind="stills")


def test_wells_from_rows_and_columns() -> None:
    matches = list_matches(row=["02", "27", "C"], column=["3"])
    groups = group_matches(matches, "{well}")
    assert [group.name for group in groups] == ["B03", "AA03", "C03"]
    assert groups[0].values == {"row": "02", "column": "3", "well": "B03"}


def test_names_of_samples() -> None:
    matches = list_matches(plate=["val screen (2)"], well=["B02"])
    assert group_matches(matches, "{plate}_{well}")[0].name == "val-screen-2-_B02"
    assert group_matches(matches, "{well}_{position}")[0].name == "B02_{position}"


def test_group_files_tells_of_the_pattern_once() -> None:
    touch(*(f"r/{w}_t{t}.TIF" for w in ("A1", "A2") for t in (1, 2)), "r/calibration.tif")
    first, second = group_files("r/{well}_t{time}.tif", "{well}")
    assert first.left_out == ("1 file(s) whose names do not fit the pattern: r/calibration.tif",)
    assert first.notes == ("files that end with '.TIF' were taken for '.tif'",)
    assert second.left_out == second.notes == ()
