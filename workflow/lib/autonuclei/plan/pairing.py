"""Provisional."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from autonuclei.errors import InputError
from autonuclei.plan.patterns import find_stem

MASK_SUFFIX = re.compile(r"[._-]?(masks?|labels?|gt|seg|truth|man_seg)$", re.IGNORECASE)


@dataclass(frozen=True)
class Pairs:
    pairs: dict[int, int]
    rule: str


def pair_labels(labels: Sequence[str], images: Sequence[str]) -> Pairs:
    named = _key(find_stem(p) for p in images)
    numbered = _key(_number(p) for p in images)
    for known, keys in (
        (named, [find_stem(p) for p in labels]),
        (named, [MASK_SUFFIX.sub("", find_stem(p)) for p in labels]),
        (numbered, [_number(p) for p in labels]),
    ):
        if len(set(keys)) == len(keys) and known.keys() >= set(keys):
            return Pairs({known[key]: k for k, key in enumerate(keys)}, "by name")
    if len(labels) == len(images):
        return Pairs({k: k for k in range(len(labels))}, "by order")
    raise InputError(
        f"{len(labels)} label images for {len(images)} images, and the file "
        "names do not say which belongs to which. Name each like its image."
    )


def _number(path: str) -> int | None:
    digits = re.findall(r"\d+", find_stem(path))
    return int(digits[-1]) if digits else None


def _key(items: Iterable[Any]) -> dict[Any, int]:
    items = list(items)
    known = {key: i for i, key in enumerate(items)}
    return known if len(known) == len(items) else {}
