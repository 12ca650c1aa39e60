"""Which label image belongs to which image, by the names of their files."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from autonuclei.errors import InputError
from autonuclei.plan.numbering import Varying, find_stem, find_varying, list_stems

_WORDS = r"(?:cp_masks?|masks?|labels?|gt|seg|segmentation|truth|man_seg|annotated|annotation)"
_LABEL_END = re.compile(rf"(?:[._ -]?{_WORDS})+$", re.IGNORECASE)
_LABEL_START = re.compile(rf"^(?:{_WORDS}[._ -])+", re.IGNORECASE)
_IMAGE_END = re.compile(r"[._ -](?:image|img|raw|orig)$", re.IGNORECASE)


@dataclass(frozen=True)
class Pairing:
    """Which label image belongs to which image.

    Parameters
    ----------
    pairs
        Place of the label image by the place of its image, in the lists given.
    rule
        How they were found, for the user: "by equal names".
    """

    pairs: dict[int, int]
    rule: str


def pair_labels(labels: Sequence[str], images: Sequence[str]) -> Pairing:
    """Give each label image its image: by equal names, by the number in the names, or by order.

    Parameters
    ----------
    labels, images
        The file of each, in natural order; a file of several planes stands there once for each.

    Raises
    ------
    InputError
        The names do not say which belongs to which, or say it in two ways.
    """
    for rule, label_keys, image_keys in _list_keys(labels, images):
        found = _match_keys(label_keys, image_keys)
        if found is not None:
            return Pairing(found, rule)
    numbers = _pair_numbers(labels, images)
    if isinstance(numbers, Pairing):
        return numbers
    if len(labels) != len(images) or numbers:
        reason = f" {numbers}" if numbers else ""
        raise InputError(
            f"{len(labels)} label images for {len(images)} images, and the file names do not say "
            f"which belongs to which.{reason} Name each like its image."
        )
    _refuse_other_order(labels, images)
    return Pairing({i: i for i in range(len(images))}, "by order")


def _refuse_other_order(labels: Sequence[str], images: Sequence[str]) -> None:
    """Refuse an order in which a label image has words or numbers of another image."""
    if len(set(images)) < len(images) or len(set(labels)) < len(labels):  # frames of one file
        return
    others = [_list_words(stem) for stem in list_stems(images)]
    common = set.intersection(*others)
    for i, words in enumerate(map(_list_words, list_stems(labels))):
        shared = [len(words & (other - common)) for other in others]
        if max(shared) > shared[i]:
            raise InputError(
                f"{len(labels)} label images for {len(images)} images, and the file names do not "
                f"say which belongs to which. {labels[i]} would go to {images[i]} by order, but "
                f"looks like that of {images[shared.index(max(shared))]}. Name each like its image."
            )


def _list_words(stem: str) -> set[str]:
    """The words and numbers of a name."""
    return {
        str(int(word)) if word.isdecimal() else word.lower()
        for word in re.findall(r"[0-9]+|[^\W\d_]+", stem)
    }


def _list_keys(
    labels: Sequence[str], images: Sequence[str]
) -> list[tuple[str, list[str], list[str]]]:
    """Names to compare, the strictest rule first."""
    own, others = [find_stem(path) for path in labels], [find_stem(path) for path in images]
    ends = [_LABEL_END.sub("", stem) for stem in own]
    starts = [_LABEL_START.sub("", stem) for stem in own]
    plain = [_IMAGE_END.sub("", stem) for stem in others]
    return [
        ("by equal names", own, others),
        ("by equal names", _list_places(labels, own), _list_places(images, others)),
        ("by equal names but for a word such as _mask", ends, others),
        ("by equal names but for a word such as _mask", starts, others),
        ("by equal names but for words such as _mask and _image", ends, plain),
        (
            "by equal names but for a word such as _mask",
            _list_places(labels, ends),
            _list_places(images, others),
        ),
    ]


def _list_places(paths: Sequence[str], stems: Sequence[str]) -> list[str]:
    """Names with the folders in which the files do not lie together."""
    folders = [PurePath(place).parent for place in list_stems(paths)]
    return [(folder / stem).as_posix() for folder, stem in zip(folders, stems, strict=True)]


def _match_keys(labels: Sequence[Hashable], images: Sequence[Hashable]) -> dict[int, int] | None:
    """Pairs by equal keys; None where a label image has none, or a key is there twice."""
    of_key = {key: i for i, key in enumerate(images)}
    if (
        len(of_key) < len(images)
        or len(set(labels)) < len(labels)
        or not of_key.keys() >= {*labels}
    ):
        return None
    return dict(sorted((of_key[key], i) for i, key in enumerate(labels)))


def _pair_numbers(labels: Sequence[str], images: Sequence[str]) -> Pairing | str:
    """Pairs by the number in the names, or why there are none: empty where nothing speaks
    against the order."""
    asked = _find_counter(images)
    if asked is None:
        return ""
    given = _find_label_numbers(labels, asked)
    if isinstance(given, str) or given is None:
        return given or ""
    rule = f"by the number in the names, {asked.describe()}"
    found = _match_keys(given, asked.numbers)
    if found is not None:
        return Pairing(found, rule)
    if {min(given), min(asked.numbers)} == {0, 1}:
        shift = min(asked.numbers) - min(given)
        found = _match_keys([number + shift for number in given], asked.numbers)
        if found is not None and len(labels) == len(images):
            return Pairing(found, f"{rule}, where one counts from 0 and the other from 1")
    if not set(given) & set(asked.numbers):
        return ""
    absent = sorted(set(given) - set(asked.numbers))
    if absent:
        return f"There is no image with the number {absent[0]}."
    return "A number is there twice."


def _find_counter(names: Sequence[str]) -> Varying | None:
    """The one number that varies in the names of images."""
    if len(set(names)) < len(names):
        return None
    varying = find_varying(list_stems(names)) or []
    numbers = [part for part in varying if part.kind == "number"]
    return numbers[0] if len(varying) == len(numbers) == 1 else None


def _find_label_numbers(labels: Sequence[str], asked: Varying) -> tuple[int, ...] | str | None:
    """The number of each label image that says its image; None without, text where unclear."""
    stems = [PurePath(stem).name for stem in list_stems(labels)]
    if len(set(labels)) < len(labels):
        return None
    word = re.search(r"[^\W\d_]*[\W_]*$", asked.before)
    before = word[0].lower() if word else ""
    if before:
        found = [re.findall(rf"(?<![^\W\d_]){re.escape(before)}(\d+)", s.lower()) for s in stems]
        if all(len(numbers) == 1 for numbers in found):
            return tuple(int(numbers[0]) for numbers in found)
    rows = [re.findall(r"\d+", stem) for stem in stems]
    if not any(rows):
        return None
    if all(len(row) == 1 for row in rows):
        return tuple(int(row[0]) for row in rows)
    varying = find_varying(list_stems(labels)) or []
    numbers = [part for part in varying if part.kind == "number"]
    if len(numbers) == 1:
        return numbers[0].numbers
    if len({len(row) for row in rows}) == 1:
        return f"Their names have several numbers, such as {stems[0]}."
    return None
