"""Frame numbers and times from the names of files, where no placeholder says what is what."""

import itertools
import math
import os
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath

from autonuclei.errors import InputError

_UUID = re.compile(
    r"(?<=.)[_-]?[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}(?=(?:\.[a-z0-9]+){0,2}$)",
    re.IGNORECASE,
)
_OME = re.compile(r"\.ome$", re.IGNORECASE)
# 00d02h30m, 1h05min, 30min: at least one unit that is no single letter, or two units.
_CLOCK = (
    r"(?<!\d)(?:\d+d[_ -]?\d+h(?:[_ -]?\d+m(?:in)?(?:[_ -]?\d+s)?)?|\d+h[_ -]?\d+m(?:in)?"
    r"(?:[_ -]?\d+s)?|\d+m(?:in)?[_ -]?\d+s|\d+(?:min|hours?|hrs?|h|sec))(?![A-Za-z\d])"
)
_DATE = (
    r"(?<!\d)(?:19|20)\d\d(?P<a>[-_.]?)\d\d(?P=a)\d\d"
    r"(?:[-_ T.]{0,3}\d\d(?P<b>[-_.:]?)\d\d(?:(?P=b)\d\d)?)?(?!\d)"
)
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}

# What letters before a number say of it; single letters and short forms only right before it.
_MEANINGS = {
    "time": ("t", "tp", "time", "timepoint", "frame", "fr", "sk"),
    "channel": ("c", "ch", "chan", "channel", "w", "wv", "wave", "wavelength", "colour", "color"),
    "site": (
        "s", "site", "scene", "series", "p", "pos", "position", "xy", "field", "fld",
        "fov", "tile",
    ),
    "z": ("z", "slice", "plane", "zstep"),
}  # fmt: skip
_MEANING_OF = {word: meaning for meaning, words in _MEANINGS.items() for word in words}
_NOT_TIME = {"channel": "channels", "site": "positions", "well": "wells", "z": "z slices"}
_WELL = re.compile(r"[A-BD-P](?:0?[1-9]|1[0-9]|2[0-4])|C\d\d")
_STAINS = {
    "dapi", "hoechst", "gfp", "egfp", "rfp", "yfp", "cfp", "bfp", "mcherry", "cherry", "fitc",
    "tritc", "cy3", "cy5", "cy7", "alexa488", "alexa568", "alexa647", "a488", "a568", "a647",
    "405", "488", "561", "568", "594", "640", "647", "texasred", "tdtomato", "sir", "dic",
    "bf", "brightfield", "phase", "ph", "trans", "red", "green", "blue", "far", "farred",
    "h2b", "nuclei", "actin", "tubulin", "r", "g", "b",
}  # fmt: skip


@dataclass(frozen=True)
class FrameNumbers:
    """Files of a movie by their frame numbers.

    Parameters
    ----------
    files, numbers
        The files in the order of time, and the frame number of each from 0; a number that is
        missing in the names stays a gap.
    interval_min
        Minutes between frame numbers, where the names tell times.
    left_out
        Files that are no frames, a line each.
    notes
        What the user should know, a line each.
    """

    files: tuple[str, ...]
    numbers: tuple[int, ...]
    interval_min: float | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Count:
    """Times as frame numbers.

    Parameters
    ----------
    numbers
        Frame number by time, from 0.
    step
        Time between frame numbers; None for a single time and for times without a step.
    missing
        Times between the first and the last that are not there.
    is_regular
        Whether the times have a step; without one they are numbered in order.
    """

    numbers: Mapping[int, int]
    step: float | None = None
    missing: tuple[int, ...] = ()
    is_regular: bool = True


@dataclass(frozen=True)
class Varying:
    """A part of the names that varies: `before` is the text before it, `values` one per name.

    `kind` is "number", "clock", "date", "well" or "word"; `numbers` are whole numbers, seconds of
    a clock or date, and empty for the last two.
    """

    kind: str
    before: str
    values: tuple[str, ...]
    numbers: tuple[int, ...]
    place: int

    @property
    def meaning(self) -> str:
        """What the letters before a number say of it: time, channel, site, well, z, or nothing."""
        if self.kind in ("clock", "date"):
            return "time"
        if self.kind in ("well", "word"):
            return self.kind.removeprefix("word")
        if re.search(r"f\d+d$", self.before):  # of Cellomics
            return "channel"
        right_before = re.search(r"(?:^|[^A-Za-z])([A-Za-z]+)$", self.before)
        if right_before:
            return _MEANING_OF.get(right_before[1].lower(), "")
        apart = re.search(r"(?:^|[^A-Za-z])([A-Za-z]{3,})[ _=-]$", self.before)
        return _MEANING_OF.get(apart[1].lower(), "") if apart else ""

    def describe(self) -> str:
        """In its context, with its values: "'_c#': 1, 2"."""
        around = re.search(r"[^\W\d_]*[\W_]*$|.?$", self.before)
        sign = "..." if self.kind in ("well", "word") else "#"
        values = sort_naturally(set(self.values))
        return f"'{around[0] if around else ''}{sign}': {list_names(values)}"


def sort_naturally(names: Iterable[str]) -> list[str]:
    """Sort names by the numbers in them: t2 before t10."""
    return sorted(names, key=_natural_key)


def list_names(names: Sequence[str], *, most: int = 10) -> str:
    """Names for a message, not too many."""
    listed = ", ".join(names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed


def strip_uuid(name: str) -> str:
    """A name without the code (8-4-4-4-12 digits and letters) that MetaXpress puts at its end."""
    return _UUID.sub("", name)


def find_stem(path: str) -> str:
    """The name of a file without its suffix and without `.ome`."""
    name = path.rpartition("/")[2]
    return _OME.sub("", name.rpartition(".")[0] or name)


def _find_suffix(path: str) -> str:
    return path.rpartition("/")[2].removeprefix(find_stem(path))


def count_times(times: Iterable[int], *, are_exact: bool = True) -> Count:
    """Number times by their common step; where one is missing its number stays free.

    Parameters
    ----------
    times
        Whole numbers, in any order, such as seconds or numbers in names.
    are_exact
        False for times by a clock, which may be off their step by a tenth of it.
    """
    known = sorted(set(times))
    if len(known) < 2:
        return Count(dict.fromkeys(known, 0))
    steps = [b - a for a, b in itertools.pairwise(known)]
    step = math.gcd(*steps)
    n_places = (known[-1] - known[0]) // step + 1
    if n_places <= 2 * len(known):  # else no sequence: numbers of wells or dates
        there = set(known)
        missing = tuple(t for t in range(known[0], known[-1], step) if t not in there)
        return Count({time: (time - known[0]) // step for time in known}, step, missing)
    if not are_exact:
        usual = statistics.median(steps)
        places = [round(one / usual) for one in steps]
        if all(
            place >= 1 and abs(one / usual - place) <= 0.1
            for one, place in zip(steps, places, strict=True)
        ) and sum(places) < 2 * len(known):
            numbers = [0, *itertools.accumulate(places)]
            mean = (known[-1] - known[0]) / numbers[-1]
            there = set(numbers)
            missing = tuple(
                round(known[0] + n * mean) for n in range(numbers[-1]) if n not in there
            )
            return Count(dict(zip(known, numbers, strict=True)), mean, missing)
    return Count({time: i for i, time in enumerate(known)}, is_regular=False)


def number_frames(files: Sequence[str]) -> FrameNumbers:
    """Number the files of a movie by the one number, or time, that counts up in their names.

    Raises
    ------
    InputError
        The names vary in more than one thing, or in one that is not time; with the pattern to
        write instead.
    """
    files = sort_naturally(files)
    if len(files) == 1:
        return FrameNumbers(tuple(files), (0,))
    _refuse_two_suffixes(files)
    files, left_out = _leave_out_others(files)
    names = list_stems(files)
    varying = find_varying(names)
    if not varying or any(part.kind in ("well", "word") for part in varying):
        raise InputError(_explain_varying(files, varying))
    _refuse_equal_numbers(files, varying)
    not_time = any(part.meaning in _NOT_TIME for part in varying)
    if not_time or _has_other_time(names, varying) or not _rise_together(varying):
        raise InputError(_explain_varying(files, varying))
    numbers, interval, notes, order = _count_varying(files, varying)
    return FrameNumbers(
        tuple(files[i] for i in order),
        tuple(numbers),
        interval,
        tuple(left_out),
        tuple(notes),
    )


def check_stills(files: Sequence[str]) -> list[str]:
    """Find out by their names whether stills are several channels of the same images.

    Returns
    -------
    Lines for the user, where it may be so.

    Raises
    ------
    InputError
        It is certainly so: the names differ in a word for a stain or a channel only, and each
        image has all of them.
    """
    files = sort_naturally(files)
    varying = find_varying(list_stems(files)) or []
    for part in varying:
        kinds = sorted(set(part.values))
        is_stain = part.kind == "word" and all(value.lower() in _STAINS for value in kinds)
        is_channel = part.kind == "number" and part.meaning == "channel"
        if not (is_stain or is_channel) or len(kinds) > 8:
            continue
        of_rest: dict[tuple[str, ...], set[str]] = {}
        others = [other for other in varying if other is not part]
        for i, value in enumerate(part.values):
            rest = tuple(other.values[i] for other in others)
            of_rest.setdefault(rest, set()).add(value)
        n_complete = sum(len(found) == len(kinds) for found in of_rest.values())
        letters = re.search(r"[A-Za-z]*$", part.before)
        says_so = is_stain or (letters is not None and len(letters[0]) > 1)
        if n_complete == len(of_rest) and (says_so or len(of_rest) > 1):
            pattern = _suggest(files, varying, {part.place: "channel"}, others="*")
            raise InputError(
                f"the names of these {len(files)} images show {len(kinds)} channels of "
                f"{len(of_rest)} image(s), {part.describe()}. Take one, such as "
                f"images = {pattern}, channel = {kinds[0]}; if they are no channels, write "
                "another placeholder there and in the column sample."
            )
        if n_complete:
            return [
                f"the names vary in {part.describe()}: if these are channels of the same images, "
                "choose one"
            ]
    return [
        f"the names vary in {part.describe()}: if these are z slices of the same images, write "
        "{z} there and fill in the column projection"
        for part in varying
        if part.kind == "number" and part.meaning == "z"
    ]


# --- what varies in names ---------------------------------------------------------------------


def list_stems(files: Sequence[str]) -> list[str]:
    """Names without suffix, with the folders in which the files do not lie together."""
    folder = _find_folder(files)
    inside = {
        name: PurePath(name).relative_to(folder).as_posix().removeprefix(".")
        for name in {path.rpartition("/")[0] for path in files}
    }
    stems = [(inside[path.rpartition("/")[0]], strip_uuid(find_stem(path))) for path in files]
    return [f"{place}/{stem}" if place else stem for place, stem in stems]


def find_varying(names: Sequence[str]) -> list[Varying] | None:
    """The parts in which names vary; None where they are not built in the same way."""
    for has_dates in (True, False):
        found = _align(names, has_dates)
        if found is not None:
            return found
    return None


def _align(names: Sequence[str], has_dates: bool) -> list[Varying] | None:
    special = f"(?P<date>{_DATE})|(?P<clock>{_CLOCK})|" if has_dates else ""
    coarse = re.compile(special + r"(?P<word>[^\W_]+)|(?P<sign>[\W_]+)")
    fine = re.compile(special + r"(?P<number>[0-9]+)|(?P<word>[^\W_0-9]+|[^\W0-9_])")
    rows = [list(coarse.finditer(name)) for name in names]
    if len({len(row) for row in rows}) > 1:
        return None
    varying: list[Varying] = []
    before = ""
    for place, column in enumerate(zip(*rows, strict=True)):
        texts = [token[0] for token in column]
        kinds = {str(token.lastgroup) for token in column}
        if len(set(texts)) == 1:
            before += texts[0]
            continue
        if len(kinds) > 1 or "sign" in kinds:
            return None
        kind = kinds.pop()
        parts = _split_column(texts, fine) if kind == "word" else [(kind, tuple(texts))]
        for one, values in parts:
            if len(set(values)) > 1:
                numbers = _read_numbers(one, values)
                if numbers is None:
                    return None
                varying.append(Varying(one, before, values, numbers, place * 100 + len(before)))
            before += values[0]
    return varying


def _split_column(texts: Sequence[str], fine: re.Pattern[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Words such as t1, t2 split into letters and numbers where all are built alike."""
    rows = [list(fine.finditer(text)) for text in texts]
    shapes = {tuple(token.lastgroup for token in row) for row in rows}
    if all(_WELL.fullmatch(text) for text in texts):
        return [("well", tuple(texts))]
    if len(shapes) > 1:
        return [("word", tuple(texts))]
    return [
        (str(column[0].lastgroup), tuple(token[0] for token in column))
        for column in zip(*rows, strict=True)
    ]


def _read_numbers(kind: str, values: Sequence[str]) -> tuple[int, ...] | None:
    """Numbers of the texts, seconds for times; None where a text is no date."""
    if kind == "number":
        return tuple(int(value) for value in values)
    if kind == "clock":
        return tuple(
            sum(int(n) * _SECONDS[unit[0]] for n, unit in re.findall(r"(\d+)([a-z])", value))
            for value in values
        )
    if kind == "date":
        return _read_dates(values)
    return ()


def _read_dates(values: Sequence[str]) -> tuple[int, ...] | None:
    """Seconds of dates with or without the time of day; None where they may be other numbers."""
    digits = [re.sub(r"\D", "", value) for value in values]
    if len({len(text) for text in digits}) > 1 or len(digits[0]) not in (8, 12, 14):
        return None
    form = "%Y%m%d%H%M%S"[: {8: 6, 12: 10, 14: 12}[len(digits[0])]]
    try:
        dates = [datetime.strptime(text, form) for text in digits]
    except ValueError:
        return None
    clock = [text[8:-2] for text in digits]
    if len(digits[0]) > 8 and {*clock} <= {"00", "0000"}:
        return None  # _000001, _000002: a number that counts, not seconds
    return tuple(round((date - datetime(1970, 1, 1)).total_seconds()) for date in dates)


def _natural_key(name: str) -> list[tuple[str, int, str]]:
    parts = re.split(r"([0-9]+)", name)
    pairs = itertools.zip_longest(parts[::2], parts[1::2], fillvalue="")
    return [(text, int(digits) if digits else -1, digits) for text, digits in pairs]


def _find_folder(files: Sequence[str]) -> str:
    """The folder in which all files lie, perhaps deeper."""
    return os.path.commonpath({name.rpartition("/")[0] or "." for name in files})


# --- frames -----------------------------------------------------------------------------------


def _refuse_two_suffixes(files: Sequence[str]) -> None:
    of_stem: dict[tuple[str, str], list[str]] = {}
    for name in files:
        of_stem.setdefault((name.rpartition("/")[0], find_stem(name)), []).append(name)
    twice = [same for same in of_stem.values() if len(same) > 1]
    if twice:
        suffixes = sorted({_find_suffix(name) for name in twice[0]}, key=len, reverse=True)
        raise InputError(
            f"{' and '.join(twice[0])}: {len(twice)} name(s) are there with several suffixes "
            f"({list_names(suffixes)}). Name one of them at the end of the pattern, such as "
            f"*{suffixes[0]}."
        )


def _leave_out_others(files: list[str]) -> tuple[list[str], list[str]]:
    """Files whose names are built like most, and a line for each that is not."""
    names = list_stems(files)
    shapes = [re.sub(r"[0-9]+", "#", re.sub(f"{_DATE}|{_CLOCK}", "#", name)) for name in names]
    counts = Counter(shapes)
    common, n_common = counts.most_common(1)[0]
    n_other = len(files) - n_common
    n_numbers = common.count("#")
    stem = common.split("#")[0].rstrip(" _-.(")
    are_apart = all(
        shape.count("#") != n_numbers and shape != stem for shape in counts if shape != common
    )
    if not n_other or not n_numbers or n_common < 3 or 3 * n_other > n_common or not are_apart:
        return files, []
    kept = [name for name, shape in zip(files, shapes, strict=True) if shape == common]
    others = [name for name, shape in zip(files, shapes, strict=True) if shape != common]
    example = Path(kept[0]).name
    return kept, [f"{name}: is not named like the frames, such as {example}" for name in others]


def _refuse_equal_numbers(files: Sequence[str], varying: Sequence[Varying]) -> None:
    first: dict[tuple[int, ...], str] = {}
    for i, name in enumerate(files):
        key = tuple(part.numbers[i] for part in varying)
        if key in first:
            raise InputError(
                f"{first[key]} and {name}: have the same number. Take one out or rename it."
            )
        first[key] = name


def _rise_together(varying: Sequence[Varying]) -> bool:
    """Whether all parts rise from file to file in one and the same order."""
    rows = sorted(zip(*(part.numbers for part in varying), strict=True))
    return all(
        all(low < high for low, high in zip(a, b, strict=True)) for a, b in itertools.pairwise(rows)
    )


def _has_other_time(names: Sequence[str], varying: Sequence[Varying]) -> bool:
    """Whether a number that does not vary is the time, as in T0001F001, T0001F002."""
    if any(part.meaning == "time" for part in varying):
        return False
    return any(
        _MEANING_OF.get(found[1].lower()) == "time"
        and found.end(1) not in [len(part.before) for part in varying]
        and (len(found[2]) > 1 or len(found[1]) > 1)
        for found in re.finditer(r"(?<![A-Za-z])([A-Za-z]+)(\d+)", names[0])
    )


def _refuse_time_of_day(files: Sequence[str], varying: Sequence[Varying], part: Varying) -> None:
    """Refuse numbers such as 0950, 1000, 1010 that have even steps as hours and minutes only."""
    if part.kind != "number" or {len(value) for value in part.values} not in ({4}, {6}):
        return
    clocks = [[int(n) for n in re.findall("..", value)] for value in part.values]
    plain = count_times(part.numbers)
    if any(n > most for clock in clocks for n, most in zip(clock, (23, 59, 59), strict=False)) or (
        plain.is_regular and not plain.missing
    ):
        return
    seconds = sorted(
        sum(n * unit for n, unit in zip(clock, (3600, 60, 1), strict=False)) for clock in clocks
    )
    names = "}{".join(f"{unit}:2" for unit in ("hour", "minute", "second")[: len(clocks[0])])
    remedy = f"Say so: images = {_suggest(files, varying, {part.place: names})}"
    if not _is_even(seconds):
        # The night is where the longest time passes without an image.
        steps = [b - a for a, b in itertools.pairwise(seconds)]
        start = steps.index(max(steps)) + 1
        if not _is_even([*seconds[start:], *(second + 86400 for second in seconds[:start])]):
            return
        remedy = "They go past midnight: number the frames in their names"
    raise InputError(
        f"{files[0]} to {files[-1]} ({len(files)} files): the numbers {part.describe()} look like "
        f"times of day. {remedy}; or, if they are none, write {{time}} in place of the number."
    )


def _is_even(times: Sequence[int]) -> bool:
    count = count_times(times)
    return count.is_regular and not count.missing


def _count_varying(
    files: Sequence[str], varying: Sequence[Varying]
) -> tuple[list[int], float | None, list[str], list[int]]:
    """Frame numbers in order, interval in minutes, notes, and the order of the files."""

    def rank(part: Varying) -> tuple[bool, bool, int]:
        return part.kind == "number", part.meaning != "time", -part.place

    order = sorted(range(len(files)), key=lambda i: varying[0].numbers[i])
    for number in varying:
        _refuse_time_of_day(files, varying, number)
    counts = [
        (part, count_times(part.numbers, are_exact=part.kind == "number"))
        for part in sorted(varying, key=rank)
    ]
    part, count = next((pair for pair in counts if pair[1].is_regular), counts[0])
    numbers = [count.numbers[part.numbers[i]] for i in order]
    notes = []
    interval = None
    if not count.is_regular:
        notes.append(
            f"the names from {files[order[0]]} to {Path(files[order[-1]]).name} do not count in "
            "even steps; the frames are numbered in their order"
        )
    elif part.kind != "number" and count.step is not None:
        interval = count.step / 60
    if count.missing:
        listed = [str(time) for time in count.missing]
        if part.kind != "number":
            start = min(part.numbers)
            listed = [f"{(time - start) / 60:g} min" for time in count.missing]
        notes.append(tell_missing(files[order[0]], files[order[-1]], listed))
    for other, second in counts:
        if second.is_regular and [second.numbers[other.numbers[i]] for i in order] != numbers:
            notes.append(
                f"{other.describe()} counts otherwise than {part.describe()}, which is used"
            )
    return numbers, interval, notes, order


def tell_missing(first: str, last: str, missing: Sequence[str]) -> str:
    """The line on missing frames."""
    return (
        f"{len(missing)} file(s) missing from the sequence {first} to {Path(last).name} "
        f"(number {list_names(missing)}); the gap stays in the frame numbers"
    )


def _explain_varying(files: Sequence[str], varying: Sequence[Varying] | None) -> str:
    """Why names do not number the frames, and the pattern that would."""
    start = f"{files[0]} to {files[-1]} ({len(files)} files): "
    if varying is None:
        shapes = [re.sub(r"[0-9]+", "#", name) for name in list_stems(files)]
        counts = Counter(shapes).most_common()
        usual, odd = (files[shapes.index(shape)] for shape, _ in (counts[0], counts[-1]))
        return (
            f"{start}the names are not built in one way, such as {usual} and {odd}. Take only the "
            "frames of one movie, with one number that counts up in their names."
        )
    if not varying:
        return f"{start}the names differ in no number. Number the frames in their names."
    listed = "; ".join(part.describe() for part in varying)
    has_time = _has_other_time(list_stems(files), varying)
    names = _name_parts(varying, has_time)
    if len(varying) == 1 and varying[0].kind == "word" and "channel" not in names.values():
        return (
            f"{start}the names vary in a word, {listed}, which says no order. Number the frames in "
            "their names, or use kind stills."
        )
    pattern = _suggest(files, varying, names)
    cells = [f"images = {pattern}"]
    of_name = {names[part.place]: part for part in varying}
    if "channel" in of_name:
        cells.append(f"channel = {sort_naturally(set(of_name['channel'].values))[0]}")
    apart = [name for name in of_name if name not in ("time", "clock", "day", "z", "channel")]
    if apart:
        cells.append("sample = " + "_".join(f"{{{name}}}" for name in apart))
    if len(varying) == 1:
        kind = _NOT_TIME.get(varying[0].meaning or names[varying[0].place], "positions")
        return (
            f"{start}the names vary in {listed}, which looks like {kind} and not like time. Say "
            f"what it is: {', '.join(cells)}; if it is time, write {{time}} in place of the number."
        )
    return (
        f"{start}the names vary in more than one thing, {listed}. Say what each is: "
        f"{', '.join(cells)}."
    )


def _name_parts(varying: Sequence[Varying], has_time: bool) -> dict[int, str]:
    """A placeholder for each part that varies, by its place.

    `has_time` says that the names have a time that does not vary.
    """
    names: dict[int, str] = {}
    free = itertools.chain(["condition", "group"], (f"group{c}" for c in "bcdefghijkl"))

    has_clock = any(part.kind == "clock" for part in varying)

    def assign(part: Varying, name: str) -> None:
        same = [p for p in varying if names.get(p.place) == name and p.numbers != part.numbers]
        is_free = name not in names.values() or (part.kind == "number" and not same)
        if name and is_free and part.place not in names:
            names[part.place] = name

    for part in varying:
        if part.kind in ("clock", "date", "well"):
            assign(part, part.kind)
        elif part.kind == "word":
            values = {value.lower() for value in part.values}
            if len(values & _STAINS) * 2 >= len(values):
                assign(part, "channel")
        elif has_clock and re.search(r"day[ _-]?$", part.before, re.IGNORECASE):
            assign(part, "day")
        else:
            assign(part, part.meaning)
    rest = [part for part in varying if part.place not in names and part.kind == "number"]
    if rest and has_time:
        assign(rest[0], "site")
    elif rest and not {"time", "clock"} & set(names.values()):
        assign(max(reversed(rest), key=lambda part: len(set(part.values))), "time")
    for part in varying:
        while part.place not in names:
            assign(part, next(free))
    return names


def _suggest(
    files: Sequence[str],
    varying: Sequence[Varying],
    names: Mapping[int, str],
    others: str = "",
) -> str:
    """The pattern for these files, from the first of them."""
    stem = list_stems(files[:1] if len(files) == 1 else files)[0]
    pattern, end = "", 0
    for part in varying:
        start = len(part.before)
        name = names.get(part.place, others)
        if name == "clock":
            text = re.sub(
                r"\d+([a-z])", lambda found: f"{{{_UNITS[found[1]]}}}{found[1]}", part.values[0]
            )
        else:
            text = name if name == others else f"{{{name}}}"
        pattern += stem[end:start] + text
        end = start + len(part.values[0])
    folder = _find_folder(files)
    name = f"{pattern}{stem[end:]}{_find_suffix(files[0])}"
    return str(PurePath(folder) / name) if folder else name
