"""Frame numbers and times from names of files, and names that do not give them."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonuclei.errors import InputError
from autonuclei.plan.numbering import (
    check_stills,
    count_times,
    find_varying,
    number_frames,
    sort_naturally,
    strip_uuid,
)
from autonuclei.plan.patterns import group_files


def number(*names: str) -> list[int]:
    return list(number_frames(names).numbers)


def refused(*names: str) -> str:
    with pytest.raises(InputError) as error:
        number_frames(names)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_natural_order() -> None:
    names = ["t10", "t9", "2t", "t1", "t01", "t", "²", "t٣"]
    assert sort_naturally(names) == ["2t", "t", "t01", "t1", "t9", "t10", "t٣", "²"]


def test_codes_at_the_end_of_names() -> None:
    code = "46C9B2CD-0BB3-4B8A-9187-2805F4C90506"
    assert strip_uuid(f"x_w1{code}.TIF") == "x_w1.TIF"
    assert strip_uuid(f"x_thumb_{code}.ome.tif") == "x_thumb.ome.tif"
    assert strip_uuid(f"{code}.tif") == f"{code}.tif"
    assert strip_uuid(f"{code}_t1.tif") == f"{code}_t1.tif"


@pytest.mark.parametrize(
    ("times", "numbers", "missing"),
    [
        ([1, 2, 3], [0, 1, 2], ()),
        ([0, 1, 3, 4], [0, 1, 3, 4], (2,)),
        ([10, 20, 40], [0, 1, 3], (30,)),
        ([5, 6, 9], [0, 1, 4], (7, 8)),
        ([7], [0], ()),
    ],
)
def test_count_times(times: list[int], numbers: list[int], missing: tuple[int, ...]) -> None:
    count = count_times(times)
    assert [count.numbers[time] for time in times] == numbers
    assert count.missing == missing
    assert count.is_regular
    for number_, time in zip(numbers, times, strict=True):
        assert number_ * (count.step or 0) == time - times[0]


def test_times_without_a_step() -> None:
    count = count_times([1, 900, 20210503])
    assert (list(count.numbers.values()), count.is_regular, count.step) == ([0, 1, 2], False, None)
    by_clock = count_times([0, 300, 601, 1203, 1500], are_exact=False)
    assert list(by_clock.numbers.values()) == [0, 1, 2, 4, 5]
    assert by_clock.step == 300
    assert by_clock.missing == (900,)
    assert not count_times([0, 300, 601, 1203, 1500]).is_regular
    assert not count_times([0, 300, 450, 1203], are_exact=False).is_regular


@given(st.sets(st.integers(0, 30), min_size=2), st.integers(1, 50), st.integers(0, 9))
def test_times_keep_their_distances(places: set[int], step: int, start: int) -> None:
    count = count_times([start + step * place for place in places])
    assert sorted(count.numbers.values()) == [count.numbers[t] for t in sorted(count.numbers)]
    if count.is_regular:
        assert count.step is not None
        first = min(count.numbers)
        assert all(first + n * count.step == time for time, n in count.numbers.items())
        assert len(count.missing) + len(places) == max(count.numbers.values()) + 1


# --- movies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["t1.tif", "t2.tif", "t10.tif"], None),
        (["t001.tif", "t002.tif", "t004.tif"], [0, 1, 3]),
        (["img (1).tif", "img (2).tif"], [0, 1]),
        (["c1/t1.tif", "c1/t2.tif"], [0, 1]),
        (["T1/x.tif", "T2/x.tif", "T4/x.tif"], [0, 1, 3]),
        (["frame001_0001.tif", "frame002_0002.tif"], [0, 1]),
        (["w1_t1.ome.tif", "w1_t2.ome.tif"], [0, 1]),
        (["t1.tif", "t2.TIF"], [0, 1]),
        (["x_T01_frame1.tif", "x_T01_frame2.tif"], [0, 1]),
        (["f001.tif", "f002.tif"], [0, 1]),
        (["a1.tif", "a2.tif"], [0, 1]),
        (["one.tif"], [0]),
        (["x_w1_t1A52B1177-9DC7-4534-9623-9DCA396EFA00.TIF",
          "x_w1_t2D1E11FCC-8DCD-42F5-B2BD-B270F2E9223D.TIF"], [0, 1]),
        (["20240131_000001.tif", "20240131_000002.tif", "20240131_000004.tif"], [0, 1, 3]),
        (["1.tif", "900.tif", "20210503.tif"], [0, 1, 2]),
    ],
)  # fmt: skip
def test_one_number(names: list[str], numbers: list[int] | None) -> None:
    shuffled = random.Random(1).sample(names, len(names))
    found = number_frames(shuffled)
    assert found.files == tuple(names)
    assert list(found.numbers) == (numbers or list(range(len(names))))
    assert found.interval_min is None


def test_what_is_missing_is_told() -> None:
    found = number_frames(["a/t1.tif", "a/t2.tif", "a/t4.tif"])
    assert found.notes == (
        "1 file(s) missing from the sequence a/t1.tif to t4.tif (number 3); the gap stays in the "
        "frame numbers",
    )
    assert (
        "do not count in even steps" in number_frames(["t1.tif", "t900.tif", "t901.tif"]).notes[0]
    )


@pytest.mark.parametrize(
    ("names", "numbers", "interval"),
    [
        ([f"X_B2_1_00d{h:02d}h30m.tif" for h in (0, 2, 6)], [0, 1, 3], 120),
        (["a_30min.tif", "a_60min.tif", "a_90min.tif"], [0, 1, 2], 30),
        (["x_0h.tif", "x_12h.tif", "x_36h.tif"], [0, 1, 3], 720),
        ([f"t{t:03d}_{t // 6:02d}h{t % 6}0m.tif" for t in range(9)], list(range(9)), 10),
        (["20240131_120000.tif", "20240131_121000.tif", "20240131_124000.tif"], [0, 1, 4], 10),
        (["2024-01-31 12-00.tif", "2024-02-01 12-00.tif"], [0, 1], 1440),
        (["20240131.tif", "20240201.tif"], [0, 1], 1440),
        (["1m30s.tif", "3m00s.tif"], [0, 1], 1.5),
    ],
)
def test_times_in_names(names: list[str], numbers: list[int], interval: float) -> None:
    found = number_frames(names)
    assert list(found.numbers) == numbers
    assert found.interval_min == interval


def test_times_that_are_not_even() -> None:
    found = number_frames(["0h00m.tif", "0h07m.tif", "1h00m.tif", "1h01m.tif"])
    assert found.numbers == (0, 1, 2, 3)
    assert found.interval_min is None
    assert "do not count in even steps" in found.notes[0]
    stamps = [f"2024-01-31_12-{m:02d}-{s:02d}.tif" for m, s in ((0, 0), (5, 1), (10, 2), (20, 2))]
    found = number_frames(stamps)
    assert found.numbers == (0, 1, 2, 4)
    assert found.interval_min == pytest.approx(5 + 1 / 120)
    assert "(number 15.025 min)" in found.notes[0] or "missing" in found.notes[0]


def test_two_counts_that_differ_are_told() -> None:
    found = number_frames(["001_t1.tif", "002_t2.tif", "003_t4.tif"])
    assert found.numbers == (0, 1, 3)
    assert found.notes[-1].startswith("'#': 001, 002, 003 counts otherwise than 't#': 1, 2, 4")


@pytest.mark.parametrize(
    ("names", "varies", "remedy"),
    [
        ([f"f/t{t:03d}_c{c}.tif" for t in range(3) for c in (1, 2)],
         ["'t#': 000, 001, 002", "'c#': 1, 2"], "images = f/t{time}_c{channel}.tif, channel = 1."),
        (["s1_t1.tif", "s2_t1.tif"], ["'s#': 1, 2"], "images = s{site}_t1.tif, sample = {site}"),
        (["s1_t1.tif", "s2_t2.tif"], ["'s#'", "'t#'"], "s{site}_t{time}.tif, sample = {site}."),
        (["x_w1.tif", "x_w2.tif"], ["look"], "images = x_w{channel}.tif, channel = 1"),
        (["x_z1.tif", "x_z2.tif"], ["z slices"], "images = x_z{z}.tif"),
        (["Pos 1.tif", "Pos 2.tif"], ["positions"], "Pos {site}.tif"),
        ([f"img_{d}_t{t}.tif" for d in ("DAPI", "GFP") for t in (1, 2)],
         ["'img_...': DAPI, GFP"], "images = img_{channel}_t{time}.tif, channel = DAPI."),
        ([f"img_{d}_t{t}.tif" for d in ("DAPI", "Cy5") for t in (1, 2)],
         ["Cy5, DAPI"], "images = img_{channel}_t{time}.tif"),
        ([f"pos{p}/t{t}.tif" for p in (1, 2) for t in (1, 2)],
         ["'pos#': 1, 2"], "images = pos{site}/t{time}.tif, sample = {site}."),
        ([f"r02c03f{f:02d}p01-ch1sk1fk1fl1.tiff" for f in (1, 2)],
         ["'f#': 01, 02", "positions"], "images = r02c03f{site}p01-ch1sk1fk1fl1.tiff"),
        ([f"P_B02_T0001F00{f}L01A01Z01C01.tif" for f in (1, 2)],
         ["'F#': 001, 002", "positions"], "images = P_B02_T0001F{site}L01A01Z01C01.tif"),
        (["A1.tif", "A2.tif"], ["wells"], "images = {well}.tif, sample = {well}"),
        ([f"2024-01-3{d}/t{t}.tif" for d in (0, 1) for t in (1, 2)],
         ["2024-01-30, 2024-01-31"], "images = {date}/t{time}.tif, sample = {date}."),
        ([f"{w}_{t}.tif" for w in ("A1", "B12") for t in (1, 2)],
         ["A1, B12"], "images = {well}_{time}.tif, sample = {well}."),
        ([f"x_{s}_0{d}d00h.tif" for s in (1, 2) for d in (1, 2)],
         ["'x_#': 1, 2"], "images = x_{condition}_{day}d{hour}h.tif, sample = {condition}."),
        (["ctrl_1.tif", "ctrl_2.tif", "drug_1.tif"], ["ctrl, drug"], "{condition}_{time}.tif"),
        ([f"day{d}_{h}h.tif" for d in (1, 2) for h in (10, 22)],
         ["'day#': 1, 2"], "images = day{day}_{hour}h.tif."),
        ([f"Pos{s}/i_position00{s}_time{t}.tif" for s in (0, 1) for t in (1, 2)],
         ["'position#'"], "images = Pos{site}/i_position{site}_time{time}.tif, sample = {site}."),
        (["a_DAPI.tif", "a_GFP.tif"],
         ["looks like channels"], "images = a_{channel}.tif, channel = DAPI; if"),
        ([f"p{s}_00{t}.tif" for s in (1, 2) for t in (1, 2)],
         ["'p#': 1, 2"], "images = p{site}_{time}.tif, sample = {site}."),
        ([f"{s}_{t}.tif" for s in (1, 2) for t in (1, 2)],
         ["'#': 1, 2"], "images = {condition}_{time}.tif, sample = {condition}."),
        (["a_0950.tif", "a_1000.tif", "a_1010.tif"],
         ["look like times of day"], "images = a_{hour:2}{minute:2}.tif; or"),
    ],
)  # fmt: skip
def test_more_than_time_varies(
    names: list[str],
    varies: list[str],
    remedy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refused(*names)
    for words in (*varies, remedy):
        assert words in said
    monkeypatch.chdir(tmp_path)
    for name in names:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    cells = dict(re.findall(r"(\w+) = (.+?)(?=, \w+ = |; if|; or|\.$)", said))
    groups = group_files(cells["images"], cells.get("sample", "a"), channel=cells.get("channel"))
    paths = [path for group in groups for frame in group.frames for path in frame.paths]
    kept = f"(_|c|w){cells['channel']}[._]" if "channel" in cells else ""
    assert set(paths) == {name for name in names if re.search(kept, name)}


@given(
    st.lists(st.sampled_from(["t", "c", "s", "z", "w", "pos", "x", ""]), min_size=2, max_size=4),
    st.data(),
)
def test_remedies_read_the_very_names(words: list[str], data: st.DataObject) -> None:
    """The pattern that a refusal proposes reads every name, and numbers as they are."""
    from autonuclei.plan.patterns import _compile

    row = st.tuples(*(st.integers(0, 12) for _ in words))
    rows = data.draw(st.sets(row, min_size=2, max_size=12))
    names = ["_".join(f"{w}{n}" for w, n in zip(words, r, strict=True)) + ".tif" for r in rows]
    try:
        found = number_frames(names)
    except InputError as error:
        pattern = re.search(r"images = (\S+\.tif)", str(error))
        if pattern is None:
            assert "have the same number" in str(error)
            return
        form = _compile(pattern[1], (), True, True, False)
        assert all(form.read(name, Path(name)) for name in names)
    else:
        assert sorted(found.files) == sorted(names)
        assert sorted(set(found.numbers)) == list(found.numbers)


def test_numbers_that_may_be_times_of_day() -> None:
    said = refused("235800.tif", "235900.tif", "000000.tif", "000100.tif")
    assert "They go past midnight: number the frames in their names; or" in said
    for numbers in (range(100), range(0, 1000, 10), (1, 2, 4), (58, 59, 61), (2, 4, 2400)):
        assert number_frames([f"t{n:04}.tif" for n in numbers]).files


def test_words_say_no_order() -> None:
    assert "vary in a word, '...': Feb, Jan" in refused("Jan.tif", "Feb.tif")
    assert "vary in a word, 'x_...': a, b, c" in refused("x_a.tif", "x_b.tif", "x_c.tif")
    assert "are not built in one way" in refused("plate1_day3.tif", "other.tif")


def test_files_that_are_no_frames() -> None:
    frames = [f"r/t{t}.tif" for t in range(9)]
    found = number_frames([*frames, "r/calibration.tif", "r/MAX_t1-9.tif"])
    assert found.files == tuple(frames)
    assert found.left_out == (
        "r/MAX_t1-9.tif: is not named like the frames, such as t0.tif",
        "r/calibration.tif: is not named like the frames, such as t0.tif",
    )
    assert "overview, t1, t2" in refused("t1.tif", "t2.tif", "overview.tif")
    # Perhaps the first frame: Windows names copies so.
    assert "are not built in one way" in refused("x.tif", *(f"x_{t}.tif" for t in range(1, 9)))
    assert "vary in a word" not in refused(*(f"t{t}.tif" for t in range(9)), "MAX_t1.tif")
    assert "such as t0.tif and t1_bad.tif" in refused(
        *(f"t{t}.tif" for t in range(9)), "t1_bad.tif"
    )


def test_two_files_of_one_number() -> None:
    assert "t1.png and t1.tif: 1 name(s) are there with several suffixes" in refused(
        "t1.tif", "t1.png", "t2.tif"
    )
    assert "t01.tif and t1.tif: have the same number" in refused("t1.tif", "t01.tif", "t2.tif")
    code = "-0BB3-4B8A-9187-2805F4C90506.TIF"
    assert "differ in no number" in refused(f"x_46C9B2CD{code}", f"x_46C9B2CE{code}")


def test_parts_that_vary() -> None:
    assert find_varying(["a_1", "a_b_1"]) is None
    assert find_varying(["a1", "a1"]) == []
    (part,) = find_varying(["x_10_a", "x_9_a"]) or []
    assert (part.kind, part.before, part.numbers) == ("number", "x_", (10, 9))
    (part,) = find_varying(["Grün1", "Grün2"]) or []
    assert part.before == "Grün"


# --- stills -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        ([f"i{i}_{d}.tif" for i in (1, 2, 3) for d in ("DAPI", "GFP")],
         "images = i*_{channel}.tif, channel = DAPI"),
        (["a_ch00.tif", "a_ch01.tif"], "images = a_ch{channel}.tif, channel = 00"),
        ([f"B0{w}_s{s}_w{c}.TIF" for w in (2, 3) for s in (1, 2) for c in (1, 2)],
         "images = *_s*_w{channel}.TIF, channel = 1"),
        ([f"p_A01f0{s}d{c}.tif" for s in (0, 1) for c in (0, 1)],
         "images = p_A01f*d{channel}.tif, channel = 0"),
        ([f"{i}_{c}.tif" for i in "xy" for c in "RG"], "images = *_{channel}.tif, channel = G"),
    ],
)  # fmt: skip
def test_stills_of_several_channels(names: list[str], remedy: str) -> None:
    with pytest.raises(InputError) as error:
        check_stills(names)
    assert "show 2 channels" in str(error.value)
    assert remedy in str(error.value)


def test_stills_that_may_be_channels() -> None:
    (note,) = check_stills(["a_c1.tif", "a_c2.tif", "b_c1.tif"])
    assert "if these are channels of the same images" in note
    (note,) = check_stills([f"a{i}_z{z}.tif" for i in (1, 2) for z in (1, 2, 3)])
    assert "'z#': 1, 2, 3: if these are z slices" in note
    assert check_stills([f"img{i}.tif" for i in range(9)]) == []
    assert check_stills(["a.tif"]) == []
    assert check_stills([f"mouse{i}_d{d}.tif" for i in (1, 2) for d in (0, 3)]) == []
    assert check_stills([f"{i}_{side}.tif" for i in "xy" for side in "LR"]) == []
    assert check_stills(["a.tif", "b_1.tif"]) == []
    assert check_stills([f"{w}_s{s}.tif" for w in ("A1", "B1") for s in (1, 2)]) == []
    assert check_stills([f"x_w{w}.tif" for w in range(1, 97)]) == []
