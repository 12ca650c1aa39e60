"""Which files a pattern of the sample sheet names, and what their names say of each.

A pattern is a path, or has `*`, `?`, `[..]` or `**` as in a shell, or placeholders such as
`TimePoint_{time}/{plate}_{well}_s{site}_w{channel}.TIF`.
"""

import dataclasses
import functools
import itertools
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autonuclei.errors import InputError
from autonuclei.io.files import is_zarr
from autonuclei.plan.numbering import (
    Count,
    count_times,
    list_names,
    sort_naturally,
    strip_uuid,
)

# Whole numbers; the others are text. A well is letters and digits (B03), or r02c03.
NUMBERS = frozenset({"time", "z", "site", "day", "hour", "minute", "second"})
# These tell the images of one sample apart; every other placeholder tells samples apart.
CLOCK = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}  # in seconds
WITHIN_SAMPLE = frozenset({"time", "z", "channel", *CLOCK})

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_TOKEN = re.compile(
    r"\{(?P<placeholder>[^{}]*)\}|(?P<star>\*+)|(?P<any>\?)|(?P<set>\[!?[^\]]+\])"
    r"|(?P<text>[^*?\[{]+|.)",
    re.DOTALL,
)
_SUFFIX = re.compile(r"(?:\.ome)?\.[a-z0-9]+$", re.IGNORECASE)
_THUMBNAIL = re.compile(r"(?:^|[\W_])thumb(?:nail)?s?(?:[\W_\d]|$)", re.IGNORECASE)
_ANY_TEXT = "[^\0]+"
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini"})
_FORBIDDEN = frozenset("{}<>")
_MAXIMUM_LISTED = 5


@dataclass(frozen=True)
class FoundFiles:
    """What a pattern without placeholders names.

    Parameters
    ----------
    paths
        Files, and folders that are an OME-Zarr, in natural order; at least one.
    left_out
        Files that would fit and are not images: thumbnails, hidden files, folders. A line each.
    notes
        What else the user should know. A line each.
    """

    paths: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """A file and what its name says, each value as it is written there."""

    path: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class FoundMatches:
    """What a pattern with placeholders names: at least one file. The rest as in `FoundFiles`;
    `left_out` tells files beside the others whose names do not fit, too."""

    matches: tuple[Match, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameFiles:
    """The file of one frame, or the files of its z slices in order."""

    number: int
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """The files of one sample that a pattern with placeholders gives.

    Parameters
    ----------
    name
        Of the sample, unique among those of the pattern.
    frames
        By number. Frame numbers of a movie follow the times, with a gap where one is missing; all
        samples of a pattern count from the same time, so that one may begin later than 0. Stills
        are numbered in order.
    values
        What all its images share, as written, by placeholder; `well` also where the pattern has
        `{row}` and `{column}`; `channel` where each channel is a file.
    interval_min
        Minutes between frame numbers, where the names tell days, hours, minutes or seconds.
    channels
        All values of `{channel}`; empty where the pattern has none, so that a file may hold
        several.
    partners
        Of each channel other than that of `values`, its file by the file that shows the same in
        that of `values`; what is missing is not among them.
    uneven
        The first image that lacks z slices which others have; empty without.
    left_out, notes
        Lines for the user. The first group has those of the whole pattern too.
    """

    name: str
    frames: tuple[FrameFiles, ...]
    values: Mapping[str, str]
    interval_min: float | None = None
    channels: tuple[str, ...] = ()
    partners: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    uneven: str = ""
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def has_placeholders(pattern: str) -> bool:
    """Whether the pattern has placeholders; a file that exists by that very name has none."""
    return _PLACEHOLDER.search(pattern) is not None and not _exists(_expand(pattern))


def find_files(pattern: str) -> FoundFiles:
    """Find the files that a pattern without placeholders names.

    A path that exists is taken literally. Small and capital letters of the suffix do not matter.
    `**` stands for any number of folders; it looks into each folder once, and not into an
    OME-Zarr, which counts as one image.

    Raises
    ------
    InputError
        No file fits, with the reason; or a file that fits cannot be taken.
    """
    path = _expand(pattern)
    if _exists(path):
        name = str(path)
        reason = _refuse(path)
        if path.is_dir() and not is_zarr(path):
            raise InputError(
                f"no file fits '{pattern}'. It is a folder. For a folder of images add a pattern "
                f"such as /*{_find_common_suffix(path) or '.tif'} to it."
            )
        if reason:
            raise InputError(reason)
        return FoundFiles((name,))
    search = _Search(pattern, placeholders=False)
    found = search.run()
    paths = [match.path for match in found]
    return FoundFiles(tuple(paths), tuple(search.tell_left_out()), tuple(search.notes))


def match_placeholders(pattern: str) -> FoundMatches:
    """Find the files that a pattern with placeholders names, and the values in their names.

    `{time}`, `{z}`, `{site}`, `{day}`, `{hour}`, `{minute}` and `{second}` are whole numbers,
    `{well}` is like B03, all others are any text within one name of a folder or file. `{name:3}`
    has just three characters. A placeholder that is there twice has the same value (numbers: the
    same number). The code that MetaXpress appends to its names (8-4-4-4-12 digits and letters)
    counts as no part of them.

    Raises
    ------
    InputError
        No file fits, with the reason; a name can be read in two ways; or a file that fits cannot
        be taken.
    """
    search = _Search(pattern, placeholders=True)
    found = search.run()
    return FoundMatches(tuple(found), tuple(search.tell_left_out()), tuple(search.notes))


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of placeholders; those without a value stay."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def find_repeats(paths: Iterable[str]) -> list[str]:
    """Tell which paths lead to the same file, by way of links or by name; a line each."""
    of_file: dict[str, list[str]] = {}
    folders: dict[str, str] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            folders[folder] = os.path.realpath(path.removesuffix(name) or ".")
        is_link = os.path.islink(path)  # noqa: PTH114  # of ten thousand files
        real = os.path.realpath(path) if is_link else f"{folders[folder]}/{name}"
        of_file.setdefault(real, []).append(path)
    return [
        f"{same[0]}: is the same file as {list_names(same[1:])}"
        for same in of_file.values()
        if len(same) > 1
    ]


# --- searching folders ------------------------------------------------------------------------


@dataclass
class _Place:
    """A folder that fits the first parts of a pattern, and the values in its name."""

    folder: Path
    values: dict[str, str] = field(default_factory=dict)


class _Search:
    """Goes through the parts of a pattern, folder by folder."""

    def __init__(self, pattern: str, *, placeholders: bool) -> None:
        self.pattern = pattern
        self.placeholders = placeholders
        self.notes: list[str] = []
        self._thumbnails: list[str] = []
        self._hidden: list[str] = []
        self._folders: list[str] = []
        self._unfit: list[str] = []
        self._reasons: list[str] = []
        self._last_folders: list[Path] = []
        self._missing: Path | None = None
        self._takes_thumbnails = "thumb" in pattern.lower()

    def run(self) -> list[Match]:
        path = _expand(self.pattern)
        parts = list(path.parts)
        if parts and parts[-1] == "**":
            parts.append("*")
        if self.placeholders:
            _check_placeholders(path.as_posix())
        places = [_Place(Path(parts.pop(0)))] if path.is_absolute() else [_Place(Path())]
        for part in parts[:-1]:
            places = list(self._enter(places, part))
        found = [match for place in places for match in self._take(place, parts[-1])]
        matches = self._join(found)
        if not matches:
            raise InputError(f"no file fits '{self.pattern}'. {self._explain_nothing(parts[-1])}")
        self._tell_suffixes(matches, parts[-1])
        self.notes += find_repeats(match.path for match in matches)
        return matches

    def tell_left_out(self) -> list[str]:
        """What fits and is no image, and what lies beside and does not fit; a line each."""
        kinds = (
            (self._thumbnails, "thumbnail(s)"),
            (self._hidden, "hidden file(s)"),
            (self._folders, "folder(s)"),
            (self._unfit, "file(s) whose names do not fit the pattern"),
        )
        lines = [
            f"{len(names)} {kind}: {list_names(names, most=3)}" for names, kind in kinds if names
        ]
        return lines + self._reasons

    def _enter(self, places: Iterable[_Place], part: str) -> Iterator[_Place]:
        for place in places:
            if part == "**":
                for folder in _list_tree(place.folder, set()):
                    yield _Place(folder, place.values)
            elif not self._has_magic(part):
                found = _find_entry(place.folder, part)
                if found is not None and found.is_dir():
                    yield _Place(found, place.values)
                elif self._missing is None:
                    self._missing = place.folder / part
            else:
                names = [entry.name for entry in _scan(place.folder) if entry.is_dir()]
                for name, values in self._fit(place, part, names, is_last=False):
                    yield _Place(place.folder / name, values)

    def _take(self, place: _Place, part: str) -> Iterator[Match]:
        self._last_folders.append(place.folder)
        entries = {entry.name: entry for entry in _scan(place.folder)}
        fitting = dict(self._fit(place, part, list(entries), is_last=True))
        suffix = _SUFFIX.search(part)
        for name, entry in entries.items():
            path = place.folder / name
            if name not in fitting:
                ends = suffix is not None and name.lower().endswith(suffix[0].lower())
                if self.placeholders and ends and not name.startswith(".") and entry.is_file():
                    if self._is_thumbnail(name):
                        self._thumbnails.append(str(path))
                    else:
                        self._unfit.append(str(path))
                        self._reasons += self._explain_unfit(place, part, path)
                continue
            if entry.is_dir() and not is_zarr(path):
                self._folders.append(str(path))
            elif (name.startswith(".") and part[0] != ".") or name.lower() in _SYSTEM_FILES:
                self._hidden.append(str(path))
            elif self._is_thumbnail(name):
                self._thumbnails.append(str(path))
            else:
                reason = _refuse(path)
                if reason:
                    raise InputError(reason)
                yield Match(str(path), fitting[name])

    def _fit(
        self, place: _Place, part: str, names: Sequence[str], *, is_last: bool
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """The names that fit a part of the pattern, hidden ones only in the last part."""
        known = tuple(place.values.items())
        literal = _compile(part, known, self.placeholders, is_last, False)
        readings = [literal]
        if "[" in part:
            readings.append(_compile(part, known, self.placeholders, is_last, True))
        fits = []
        for form in readings:
            fitting = {}
            for name in names:
                if name.startswith(".") and not (is_last or part.startswith(".")):
                    continue
                values = form.read(_plain(name), place.folder / name)
                if values is None and name.startswith("._"):
                    values = form.read(_plain(name[2:]), place.folder / name)
                if values is not None:
                    fitting[name] = place.values | values
            fits.append(fitting)
        if len(fits) == 2 and fits[0] and fits[1] and re.search(r"[*?{]", part):
            raise InputError(
                f"{place.folder / part}: the brackets fit names that have them, such as "
                f"'{next(iter(fits[0]))}', and names with one of the characters in them, such as "
                f"'{next(iter(fits[1]))}'. Write ? in place of each bracket for the first, or "
                "rename."
            )
        chosen = next((fitting for fitting in fits if fitting), {})
        return iter(chosen.items())

    def _join(self, found: Sequence[Match]) -> list[Match]:
        """Each file once, in natural order; refuses one that is reached with different values."""
        of_path: dict[str, Match] = {}
        for match in found:
            known = of_path.setdefault(match.path, match)
            if known.values != match.values:
                _refuse_ambiguous(match.path, known.values, match.values)
        return [of_path[path] for path in sort_naturally(of_path)]

    def _has_magic(self, part: str) -> bool:
        return any(sign in part for sign in ("*", "?", "[")) or (
            self.placeholders and _PLACEHOLDER.search(part) is not None
        )

    def _is_thumbnail(self, name: str) -> bool:
        return not self._takes_thumbnails and _THUMBNAIL.search(strip_uuid(name)) is not None

    def _explain_unfit(self, place: _Place, part: str, path: Path) -> list[str]:
        if len(self._reasons) >= _MAXIMUM_LISTED:
            return []
        form = _compile(part, tuple(place.values.items()), True, True, False)
        wrong = form.find_wrong_value(_plain(path.name))
        if wrong is None:
            return []
        name, value = wrong
        kind = "a well such as B03" if name == "well" else "a whole number"
        return [f"{path}: {{{name}}} would be '{value}', which is not {kind}"]

    def _tell_suffixes(self, matches: Sequence[Match], part: str) -> None:
        wanted = _SUFFIX.search(part)
        if wanted is None:
            return
        kinds = {match.path[-len(wanted[0]) :] for match in matches}
        if kinds != {wanted[0]}:
            listed = " and ".join(f"'{kind}'" for kind in sorted(kinds))
            self.notes.append(f"files that end with {listed} were taken for '{wanted[0]}'")

    def _explain_nothing(self, part: str) -> str:
        """Why nothing fits, and the remedy."""
        if "\\" in self.pattern:
            return "Write / between folders, not \\."
        unknown = _PLACEHOLDER.search(self.pattern)
        if unknown and not self.placeholders:
            return f"{unknown[0]} has no value here: write * in its place."
        if not self._last_folders:
            folder = self._missing
            if folder is None:
                return "No folder fits the part before the last /."
            return f"There is no folder '{folder}'.{_find_other_case(folder)}"
        if self._thumbnails and not self._unfit:
            return f"Only thumbnails are there: {list_names(self._thumbnails)}."
        if self._folders:
            return (
                f"Only folders do: {list_names(self._folders)}. For the images in them add a "
                "pattern such as /*.tif."
            )
        if self._reasons:
            return f"{self._reasons[0]}."
        if self._hidden:
            return f"Only hidden files do, which are no images: {list_names(self._hidden)}."
        names = [
            entry.name
            for folder in self._last_folders
            for entry in _scan(folder)
            if not entry.name.startswith(".")
        ]
        where = f"'{self._last_folders[0]}'"
        if not names:
            return f"The folder {where} is empty."
        suffix = _SUFFIX.search(part)
        if suffix is not None:
            stem = part[: suffix.start()]
            for other in sorted({found[0] for name in names if (found := _SUFFIX.search(name))}):
                form = _compile(stem + other, (), self.placeholders, True, False)
                fitting = [name for name in names if form.fits(_plain(name))]
                if fitting and other.lower() != suffix[0].lower():
                    return (
                        f"There are {len(fitting)} with '{other}', such as '{fitting[0]}': write "
                        f"{other} in place of {suffix[0]}."
                    )
        hint = _find_other_case(self._last_folders[0] / part)
        if hint:
            return hint.strip()
        return f"In {where} there are other names, such as '{sort_naturally(names)[0]}'."


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder by name."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        raise InputError(
            f"{folder}: you have no permission to look into this folder. Ask its owner."
        ) from None
    except (FileNotFoundError, NotADirectoryError):
        return []


def _list_tree(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """A folder and all below it, each once, none in a Zarr store and none hidden."""
    status = folder.stat()
    key = (status.st_dev, status.st_ino)
    if key in seen:  # by way of a link, perhaps in a circle
        return
    seen.add(key)
    yield folder
    if is_zarr(folder):
        return
    for entry in _scan(folder):
        path = folder / entry.name
        if entry.is_dir() and not entry.name.startswith(".") and not is_zarr(path):
            yield from _list_tree(path, seen)


def _find_entry(folder: Path, name: str) -> Path | None:
    """An entry by its name, also where its umlauts are written in another form of Unicode."""
    path = folder / name
    if name == ".." or _exists(path):
        return path
    if name.isascii():
        return None
    same = [entry.name for entry in _scan(folder) if _plain(entry.name) == _plain(name)]
    return folder / same[0] if same else None


def _exists(path: Path) -> bool:
    """Whether there is a file, folder or link, even a broken one."""
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):
        return False


def _refuse(path: Path) -> str | None:
    """Why a file that fits cannot be taken."""
    if set(str(path)) & _FORBIDDEN:
        return (
            f"{path}: has one of {{ }} < > in its name, which Snakemake takes for a placeholder. "
            "Rename it."
        )
    shown = str(path).encode("utf-8", "backslashreplace").decode()
    if shown != str(path) or re.search(r"[\x00-\x1f\x7f]", shown):
        return (
            f"{shown!r}: has a sign in its name that cannot be shown, such as a line break, or one "
            "of another code than UTF-8. Rename it."
        )
    if path.is_file() or path.is_dir():
        if os.access(path, os.R_OK):
            return None
        return f"{path}: you have no permission to read it. Ask its owner."
    if not path.exists():
        return (
            f"{path}: is a link to '{path.readlink()}', which does not exist. Restore that file "
            "or remove the link."
        )
    return f"{path}: is neither a file nor a folder. Take it out of the pattern."


def _find_common_suffix(folder: Path) -> str:
    """The suffix that most files of a folder have."""
    suffixes = [
        found[0]
        for entry in _scan(folder)
        if not entry.name.startswith(".") and (found := _SUFFIX.search(entry.name))
    ]
    return max(suffixes, key=suffixes.count, default="")


def _find_other_case(path: Path) -> str:
    """A hint where a name differs by small and capital letters only."""
    name = path.name.lower()
    if not path.parent.is_dir() or not name:
        return ""
    same = [entry.name for entry in _scan(path.parent) if entry.name.lower() == name]
    return f" There is '{same[0]}': mind small and capital letters." if same else ""


def _expand(pattern: str) -> Path:
    try:
        return Path(pattern).expanduser()
    except RuntimeError:  # ~name of nobody
        return Path(pattern)


def _plain(name: str) -> str:
    """A name in the one form of Unicode that names are compared in: macOS writes another."""
    return unicodedata.normalize("NFC", name)


# --- reading names ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Form:
    """One part of a pattern as regular expressions.

    `other` finds a second way to read a name: it is matched against the name with the values of
    the first way behind it, each after a NUL, and fails where all values are equal.
    """

    pattern: re.Pattern[str]
    other: re.Pattern[str]
    loose: re.Pattern[str]
    names: tuple[str, ...]

    def read(self, name: str, path: Path) -> dict[str, str] | None:
        """The values in a name, None if it does not fit; refuses a name with two readings."""
        for text in dict.fromkeys((strip_uuid(name), name)):
            found = self.pattern.fullmatch(text)
            if found is None:
                continue
            values = [found[key] for key in self.names]
            second = self.other.fullmatch("\0".join([text, *values]))
            if self.names and second is not None:
                _refuse_ambiguous(
                    path,
                    dict(zip(self.names, values, strict=True)),
                    {key: second[key] for key in self.names},
                )
            return dict(zip(self.names, values, strict=True))
        return None

    def fits(self, name: str) -> bool:
        """Whether a name fits, in one way or several."""
        return any(self.pattern.fullmatch(text) for text in (strip_uuid(name), name))

    def find_wrong_value(self, name: str) -> tuple[str, str] | None:
        """A placeholder and its value, where a name would fit if any text could stand there."""
        found = self.loose.fullmatch(strip_uuid(name))
        if found is None:
            return None
        for key in self.names:
            if not re.fullmatch(_find_kind(key), found[key]):
                return key, found[key]
        return None


def _refuse_ambiguous(
    path: str | Path, first: Mapping[str, str], second: Mapping[str, str]
) -> None:
    name = next(key for key in first if first[key] != second[key])
    raise InputError(
        f"{path}: can be read in two ways, {{{name}}} as '{first[name]}' or as '{second[name]}'. "
        f"Write what stands between as text, or how many characters it has: "
        f"{{{name}:{min(len(first[name]), len(second[name]))}}}."
    )


@functools.lru_cache(maxsize=256)
def _compile(
    part: str,
    known: tuple[tuple[str, str], ...],
    placeholders: bool,
    is_last: bool,
    brackets_are_sets: bool,
) -> _Form:
    """One part of a pattern; values that the parts before it have are text in it."""
    plain = _plain(part)
    suffix = _SUFFIX.search(plain) if is_last else None
    end = "" if suffix is None else f"(?i:{re.escape(suffix[0])})"
    head = plain if suffix is None else plain[: suffix.start()]
    tokens = list(_TOKEN.finditer(head))
    strict, loose = "", ""
    names: list[str] = []
    for i, token in enumerate(tokens):
        kind, text = token.lastgroup, token[0]
        if kind == "star":
            piece = anything = "[^\0]*"
        elif kind == "any":
            piece = anything = "[^\0]"
        elif kind == "set" and brackets_are_sets:
            body = text[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            piece = anything = f"(?!\0)[{'^' + body[1:] if body[0] == '!' else body}]"
        elif kind == "placeholder" and placeholders:
            name, _, width = token["placeholder"].partition(":")
            given = dict(known).get(name)
            if given is not None:
                is_number = name in NUMBERS
                piece = f"0*{int(given)}(?!\\d)" if is_number else re.escape(given)
                anything = piece
            elif name in names:
                piece = f"0*(?P={name}_)" if name in NUMBERS else f"(?P={name})"
                anything = f"(?P={name})"
            else:
                names.append(name)
                varies = [
                    0 <= j < len(tokens) and _is_loose(tokens[j], brackets_are_sets)
                    for j in (i - 1, i + 1)
                ]
                piece = _write_group(name, width, *varies)
                count = f"{{{width}}}" if width else "+"
                anything = f"(?P<{name}>[^\0]{count})"
        else:
            piece = anything = re.escape(text)
        strict += piece
        loose += anything
    values = "".join(f"\0(?P={name})" for name in names)
    return _Form(
        re.compile(strict + end),
        re.compile(f"{strict}{end}(?!{values}\\Z)(?:\0[^\0]*){{{len(names)}}}"),
        re.compile(loose + end),
        tuple(names),
    )


def _is_loose(token: re.Match[str], brackets_are_sets: bool) -> bool:
    """Whether digits may stand there that are no value of their own."""
    if token.lastgroup == "placeholder":
        return _find_kind(token["placeholder"]) == _ANY_TEXT
    return token.lastgroup in ("star", "any") or (token.lastgroup == "set" and brackets_are_sets)


def _find_kind(name: str) -> str:
    """The regular expression of a placeholder's values."""
    if name in NUMBERS or name == "column":
        return r"\d+"
    if name == "well":
        return r"(?:[A-Za-z]{1,2}\d{1,4}|[Rr]\d{1,3}[Cc]\d{1,3})"
    if name == "row":
        return r"(?:[A-Za-z]{1,2}|\d+)"
    return _ANY_TEXT


def _write_group(name: str, width: str, varies_before: bool, varies_after: bool) -> str:
    """A group for a value. Beside something that varies a number reaches as far as its digits."""
    if width:
        body = f"(?P<{name}_>\\d{{{width}}})" if name in NUMBERS else f"[^\0]{{{width}}}"
        return f"(?P<{name}>{body})"
    body = _find_kind(name)
    if name in NUMBERS:
        body = f"0*(?P<{name}_>{body})"
    ends_with_digits = name in NUMBERS or name in ("well", "row", "column")
    before = r"(?<!\d)" if name in NUMBERS and varies_before else ""
    after = r"(?!\d)" if ends_with_digits and varies_after else ""
    return f"{before}(?P<{name}>{body}){after}"


def _check_placeholders(pattern: str) -> None:
    """Refuse what stands in braces and is no placeholder."""
    rest = _PLACEHOLDER.sub("", pattern)
    if "{" in rest or "}" in rest:
        raise InputError(f"'{pattern}': a {{ has no }} or the other way round.")
    for text in _PLACEHOLDER.findall(pattern):
        name, colon, width = text.partition(":")
        if name == "position":
            raise InputError(
                f"'{pattern}': {{position}} counts the images within a file: give it in the column "
                "position. Where each position is a file, write {site}."
            )
        if not re.fullmatch("[a-z]+", name) or (colon and not re.fullmatch("[1-9][0-9]?", width)):
            raise InputError(
                f"'{pattern}': {{{text}}} is no placeholder. Write a name in small letters, such "
                "as {time}, or with its number of characters, such as {time:3}."
            )


# --- from matches to samples ------------------------------------------------------------------


def group_files(
    pattern: str, sample: str, *, kind: str = "movie", channel: str | None = None
) -> list[Group]:
    """Find the files of a pattern with placeholders and group them into samples.

    As `match_placeholders` and `group_matches`, which see.
    """
    found = match_placeholders(pattern)
    first, *others = group_matches(found.matches, sample, kind=kind, channel=channel)
    left_out = (*found.left_out, *first.left_out)
    notes = (*found.notes, *first.notes)
    return [dataclasses.replace(first, left_out=left_out, notes=notes), *others]


def group_matches(
    matches: Sequence[Match], sample: str, *, kind: str = "movie", channel: str | None = None
) -> list[Group]:
    """Group files into samples, times and z slices by the values in their names.

    Parameters
    ----------
    matches
        From `match_placeholders`.
    sample
        Name of the sample, with placeholders of the pattern; `{position}` is left as it is.
        What may not stand in the name of a folder of results becomes a hyphen.
    kind
        "movie" or "stills". Stills may have the same values: each is an image then.
    channel
        The value of `{channel}` to take, numbers as numbers; needed if there are several. Not
        looked at where the pattern has no `{channel}`.

    Raises
    ------
    InputError
        Images that do not belong together would be in one sample; files have the same values;
        there is no such channel; or placeholders of `sample` have no value.
    """
    matches = [Match(match.path, _add_well(match.values)) for match in matches]
    chosen, channels, notes = _choose_channel(matches, channel)
    of_name: dict[str, list[Match]] = {}
    for match in chosen:
        of_name.setdefault(_name_sample(sample, match.values), []).append(match)
    _refuse_mixed(of_name, sample)
    has_clock = bool(CLOCK.keys() & chosen[0].values.keys())
    times: Count | None = None
    if kind == "movie" and (has_clock or "time" in chosen[0].values):
        _refuse_other_order(chosen)
        times, note = _count_times(matches, chosen, are_exact=not has_clock)
        notes += note
        if not times.is_regular:
            notes.append(
                f"the times {_list_times(sorted(times.numbers), has_clock)} have no even steps; "
                "the frames are numbered in their order, without an interval"
            )
    interval = times.step / 60 if times and times.step is not None and has_clock else None
    groups: list[Group] = []
    for name, members in of_name.items():
        frames = _list_frames(members, name, kind, times)
        uneven, lines = _find_uneven(members, frames)
        own = (*_tell_times(frames, times, has_clock), *lines)
        groups.append(
            Group(
                name=name,
                frames=tuple(frames),
                values={
                    key: value
                    for key, value in members[0].values.items()
                    if key == "channel" or key not in WITHIN_SAMPLE
                },
                interval_min=interval,
                channels=channels,
                partners=_find_partners(matches, members),
                uneven=uneven,
                notes=own if groups else (*notes, *own),
            )
        )
    return groups


def _add_well(values: Mapping[str, str]) -> Mapping[str, str]:
    """The values with `well` from `row` and `column`: row 2, column 3 is B03."""
    if "well" in values or not {"row", "column"} <= values.keys():
        return values
    row, column = values["row"], int(values["column"])
    if row.isdigit():
        letters = ""
        number = int(row)
        while number > 0:
            number, letter = divmod(number - 1, 26)
            letters = chr(ord("A") + letter) + letters
        row = letters or row
    return {**values, "well": f"{row}{column:02d}"}


def _choose_channel(
    matches: Sequence[Match], channel: str | None
) -> tuple[list[Match], tuple[str, ...], list[str]]:
    """The matches of a channel, all channels there are, and a line where some lack it."""
    if "channel" not in matches[0].values:
        return list(matches), (), []
    channels = tuple(sort_naturally({match.values["channel"] for match in matches}))
    listed = list_names(channels)
    if channel is None:
        if len(channels) > 1:
            raise InputError(
                f"{{channel}} has the values {listed}: give the one with the nuclei in the column "
                f"channel, such as {channels[0]}."
            )
        channel = channels[0]
    wanted = {value for value in channels if _is_same(value, channel)}
    if not wanted:
        raise InputError(
            f"no image has the channel '{channel}': {{channel}} has the values {listed}. Give one "
            "of them in the column channel."
        )
    chosen = [match for match in matches if match.values["channel"] in wanted]
    there = {_find_rest(match) for match in chosen}
    lacking = [match for match in matches if _find_rest(match) not in there]
    if not lacking:
        return chosen, channels, []
    n_lacking = len({_find_rest(match) for match in lacking})
    note = (
        f"{n_lacking} image(s) have no file of channel '{channel}' but of others, such as "
        f"{lacking[0].path}"
    )
    return chosen, channels, [note]


def _find_partners(matches: Sequence[Match], chosen: Sequence[Match]) -> dict[str, dict[str, str]]:
    """Of each other channel the file that shows the same as a chosen one, by the chosen one's."""
    if "channel" not in chosen[0].values:
        return {}
    of_place: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for match in matches:
        of_place.setdefault((match.values["channel"], _find_rest(match)), []).append(match.path)
    own = {match.values["channel"] for match in chosen}
    others = {
        match.values["channel"]: None for match in matches if match.values["channel"] not in own
    }
    partners: dict[str, dict[str, str]] = {channel: {} for channel in others}
    for match in chosen:
        value, rest = match.values["channel"], _find_rest(match)
        for channel in others:
            there = of_place.get((channel, rest), [])
            if len(there) != 1 or len(of_place[value, rest]) != 1:
                # Stills that differ in what `*` stands for: the name with the other channel in it.
                parts = match.path.split(value)
                swapped = {
                    value.join(parts[:i]) + channel + value.join(parts[i:])
                    for i in range(1, len(parts))
                }
                there = sorted((swapped | {channel.join(parts)}) & set(there))
            if len(there) == 1:
                partners[channel][match.path] = there[0]
    return partners


def _find_rest(match: Match) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in match.values.items() if key != "channel")


def _is_same(value: str, other: str) -> bool:
    if value.isdecimal() and other.isdecimal():
        return int(value) == int(other)
    return value == other


def _name_sample(sample: str, values: Mapping[str, str]) -> str:
    """The name of a sample; what may not stand in the name of a result folder becomes a -."""

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        if name == "position":
            return found[0]
        if name not in values:
            listed = list_names([f"{{{key}}}" for key in values])
            raise InputError(f"sample has {{{name}}}, which images has not. It may have {listed}.")
        return re.sub(r"[^A-Za-z0-9._-]+", "-", values[name])

    name = _PLACEHOLDER.sub(replace, sample)
    return name.lstrip("._-") or name


def _refuse_mixed(groups: Mapping[str, Sequence[Match]], sample: str) -> None:
    """Refuse samples whose images differ in more than time, slice and channel."""
    mixed = {
        key: None
        for members in groups.values()
        for key in members[0].values
        if key not in WITHIN_SAMPLE and len({match.values[key] for match in members}) > 1
    }
    if not mixed:
        return
    if {"row", "column"} & mixed.keys():
        mixed = {key: None for key in mixed if key not in ("row", "column")}
    problems = []
    for key in mixed:
        values = {match.values[key] for members in groups.values() for match in members}
        listed = list_names(sort_naturally(values))
        problems.append(f"{{{key}}} has the values {listed}")
    there = _PLACEHOLDER.findall(sample)
    absent = [key for key in mixed if key not in there]
    if not absent:
        raise InputError(
            f"{'; '.join(problems)}, and the names of two samples would be the same. Rename files "
            "or folders so that they differ in letters and digits."
        )
    wanted = "_".join([sample, *(f"{{{key}}}" for key in absent)])
    raise InputError(
        f"{'; '.join(problems)} and is not in the column sample: its images would be mixed. "
        f"Write sample = {wanted}"
    )


def _find_time(match: Match) -> int:
    """Seconds where the name has days, hours, minutes or seconds, else the number of the time."""
    clock = [int(match.values[name]) * unit for name, unit in CLOCK.items() if name in match.values]
    return sum(clock) if clock else int(match.values["time"])


def _count_times(
    matches: Sequence[Match], chosen: Sequence[Match], *, are_exact: bool
) -> tuple[Count, list[str]]:
    """Number the times of a channel; those at which only other channels have a file are gaps.

    A channel that was taken at every second time, or third, is a movie of its own.
    """
    own, every = (
        count_times((_find_time(match) for match in some), are_exact=are_exact)
        for some in (chosen, matches)
    )
    if len(own.numbers) == len(every.numbers) or not every.is_regular:
        return own, []
    is_sparse = own.is_regular and not own.missing and len(own.numbers) > 2
    if is_sparse and own.step is not None and every.step is not None and own.step > every.step:
        n = round(own.step / every.step)
        return own, [f"the channel has a file at one time in {n}: these are the frames"]
    return every, []


def _refuse_other_order(matches: Sequence[Match]) -> None:
    """Refuse times by number and by clock that say different things."""
    if not ("time" in matches[0].values and CLOCK.keys() & matches[0].values.keys()):
        return
    pairs = sorted({(int(match.values["time"]), _find_time(match)) for match in matches})
    for (number, clock), (later, next_clock) in itertools.pairwise(pairs):
        if number == later or clock >= next_clock:
            raise InputError(
                f"{{time}} {number} and {later} are {clock / 60:g} and {next_clock / 60:g} minutes "
                "by the names: the two do not rise together. Leave one of them out: write * there."
            )


def _list_frames(
    members: Sequence[Match], sample: str, kind: str, times: Count | None
) -> list[FrameFiles]:
    """The frames of a sample, each with its file or the files of its slices."""
    of_time: dict[tuple[int, ...], list[Match]] = {}
    for match in members:
        key = tuple(int(match.values[name]) for name in ("time", *CLOCK) if name in match.values)
        of_time.setdefault(key, []).append(match)
    has_slices = "z" in members[0].values
    frames: list[FrameFiles] = []
    for together in of_time.values():
        if has_slices:
            together = sorted(together, key=lambda match: int(match.values["z"]))
        images = [together] if has_slices or kind == "movie" else [[match] for match in together]
        for image in images:
            levels = [int(match.values["z"]) for match in image] if has_slices else [0] * len(image)
            for (first, second), (z, other) in zip(
                itertools.pairwise(image), itertools.pairwise(levels), strict=True
            ):
                if z == other:
                    raise InputError(
                        f"{first.path} and {second.path}: have the same values in their names, in "
                        f"sample {sample}. Write a placeholder, such as {{time}}, {{z}}, {{site}} "
                        "or {run}, in place of what differs."
                    )
            number = times.numbers[_find_time(image[0])] if times is not None else len(frames)
            frames.append(FrameFiles(number, tuple(match.path for match in image)))
    return sorted(frames, key=lambda frame: frame.number)


def _tell_times(
    frames: Sequence[FrameFiles], times: Count | None, has_clock: bool
) -> Iterator[str]:
    """A line where a sample lacks times that the pattern has, or lies between them."""
    if times is None:
        return
    there = {frame.number for frame in frames}
    lacking = [time for time, number in times.numbers.items() if number not in there]
    missing = sorted({*lacking, *times.missing})
    if missing:
        yield (
            f"{len(missing)} time(s) missing, {_list_times(missing, has_clock)}; the gap stays in "
            "the frame numbers"
        )


def _list_times(times: Sequence[int], has_clock: bool) -> str:
    return list_names([f"{time / 60:g} min" if has_clock else str(time) for time in times])


def _find_uneven(members: Sequence[Match], frames: Sequence[FrameFiles]) -> tuple[str, list[str]]:
    """The first image that lacks z slices that others of its sample have, and a line on it."""
    if "z" not in members[0].values:
        return "", []
    z_of = {match.path: int(match.values["z"]) for match in members}
    levels = set(z_of.values())
    uneven = [frame for frame in frames if len(frame.paths) < len(levels)]
    if not uneven:
        return "", []
    first = uneven[0]
    absent = sorted(levels - {z_of[path] for path in first.paths})
    line = (
        f"{len(uneven)} image(s) lack z slices, such as that of {first.paths[0]}: "
        f"z {list_names([str(z) for z in absent])}"
    )
    return first.paths[0], [line]
