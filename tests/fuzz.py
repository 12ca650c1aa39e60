"""Changing files at random, and judging what the readers make of them.

A reader must end in a value or in one line for the user, in bounded memory and time. The same
number gives the same change. By hand, for other numbers and more of them:
``python tests/fuzz.py KIND FIRST END``; see `KINDS`.
"""

import contextlib
import functools
import json
import random
import resource
import signal
import struct
import sys
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
import yaml
from PIL import Image

from autonuclei.annotate.selection import (
    compute_accepted_range,
    read_accepted_range,
    write_accepted_range,
)
from autonuclei.errors import InputError
from autonuclei.export.ctc import read_ctc, write_ctc
from autonuclei.io.images import PlaneReader, count_frames, read_file_header
from autonuclei.io.label_frames import LabelFiles
from autonuclei.io.label_images import read_label_image
from autonuclei.io.tables import read_table, write_table
from autonuclei.io.trackmate_file import read_trackmate
from autonuclei.labels.matching import count_matches
from autonuclei.plan.samples import read_samples
from autonuclei.segment.given_labels import prepare_labels
from autonuclei.settings import read_settings
from autonuclei.track.corrected_masks import correct_ctc
from autonuclei.track.corrected_spots import correct_trackmate
from autonuclei.train.networks import check_model_folder
from correction_examples import make_movie, write_xml
from micro_manager import name_planes, write_mmstack

ROOT = Path(__file__).resolve().parents[1]

# Address space behind what Python and its libraries take, and CPU-seconds of one file.
MOST_BYTES = 2**30
MOST_SECONDS = 10.0

_NUMBERS = (0, 1, 2, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)
_TEXTS = (
    b"0", b"-1", b"1000000000", b"99999999999999999999", b"1e308", b"nan", b"", b"\xff", b"\0",
    b"\n", b"\t", b",", b'"', b"../x", b"a\r", b"=1+1",
)  # fmt: skip
_PNG = b"\x89PNG\r\n\x1a\n"
_DIGITS = b"0123456789"
_SUMMARY = {"Positions": 1, "Frames": 3, "Slices": 1, "Channels": 1, "PixelSize_um": 0.65}


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """One to three changes: bytes, numbers, parts lost, doubled or moved."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not data:
            break
        # Headers are where most can go wrong.
        at = rng.randrange(min(len(data), rng.choice((64, 512, len(data)))))
        if rng.random() < 0.3:
            at = max(0, len(data) - 1 - at)
        kind = rng.randrange(8)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.randrange(256)
        elif kind in (2, 3):
            form = rng.choice(("<H", "<I", ">H", ">I", "<Q"))
            number = rng.choice(_NUMBERS) % 2 ** (8 * struct.calcsize(form))
            data[at : at + struct.calcsize(form)] = struct.pack(form, number)
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            del data[at : at + rng.randrange(1, 20)]
        elif kind == 6:
            part = data[at : at + rng.randrange(1, 40)]
            to = rng.randrange(len(data))
            data[to:to] = part
        else:
            _change_text(data, at, rng)
    return _mend_sums(bytes(data)) if content.startswith(_PNG) else bytes(data)


def _mend_sums(content: bytes) -> bytes:
    """Give the chunks of a PNG their checksums, so that what is in them is looked at."""
    data, at = bytearray(content), len(_PNG)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(data)


def change_text(content: bytes, rng: random.Random) -> bytes:
    """As `change_bytes`, for text: mostly its words and cells."""
    if rng.random() < 0.3:
        return change_bytes(content, rng)
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2))):
        if data:
            _change_text(data, rng.randrange(len(data)), rng)
    return bytes(data)


def _change_text(data: bytearray, at: int, rng: random.Random) -> None:
    """Put something else in the place of a number, or of a byte that is none."""
    end = at + 1
    while data[at] in _DIGITS and at and data[at - 1] in _DIGITS:
        at -= 1
    while data[at] in _DIGITS and end < len(data) and data[end] in _DIGITS:
        end += 1
    data[at:end] = rng.choice(_TEXTS)


def draw_image(rng: random.Random) -> np.ndarray[Any, Any]:
    noise = np.random.default_rng(rng.randrange(2**32))
    return noise.integers(0, 60000, (32, 40)).astype(np.uint16)


def write_images(folder: Path) -> list[Path]:
    """Small images of the formats that can be written here."""
    stack = np.stack([draw_image(random.Random(n)) for n in range(3)])
    write = tifffile.imwrite
    write(folder / "plain.tif", stack[0], metadata=None)
    write(folder / "zlib.tif", stack, compression="zlib", predictor=True, metadata=None)
    write(folder / "lzw.tif", stack[0], compression="lzw", rowsperstrip=8, metadata=None)
    write(folder / "zstd.tif", stack[0], compression="zstd", metadata=None)
    write(folder / "tiles.tif", stack, tile=(16, 16), compression="zlib", metadata={"axes": "TYX"})
    write(folder / "big.tif", stack, bigtiff=True, byteorder=">", metadata=None)
    write(folder / "imagej.tif", stack, imagej=True, metadata={"axes": "TYX", "finterval": 60})
    write(folder / "shaped.tif", stack, metadata={"axes": "TYX"})
    write(folder / "set.ome.tif", stack, metadata={"axes": "TYX", "PhysicalSizeX": 0.3})
    write(folder / "rgb.tif", np.stack([stack[0].astype(np.uint8)] * 3, -1), photometric="rgb")
    write(folder / "float.tif", stack.astype(np.float32), metadata={"axes": "TYX"})
    planes = name_planes(stack[:, None, None], "tzc")
    write_mmstack(folder / "MMStack.tif", planes, _SUMMARY)
    grey = Image.fromarray((stack[0] >> 8).astype(np.uint8))
    grey.save(folder / "grey.png")
    Image.fromarray(stack[0]).save(folder / "deep.png")
    grey.convert("P").save(folder / "palette.png")
    grey.save(folder / "grey.jpg")
    mrc = bytearray(1024)
    struct.pack_into("<4i", mrc, 0, 40, 32, 3, 6)
    struct.pack_into("<h", mrc, 96, -16224)
    struct.pack_into("<hh", mrc, 180, 3, 0)
    struct.pack_into("<h", mrc, 196, 1)
    (folder / "film.dv").write_bytes(bytes(mrc) + stack.tobytes())
    return sorted(folder.iterdir())


def read_image_file(path: Path) -> Any:
    """As the plan reads a header and a job the planes."""

    header = read_file_header(path)
    with PlaneReader() as read:
        for number, image in enumerate(header.images[:2], start=1):
            position = str(number) if len(header.images) > 1 else None
            for frame in {0, count_frames(image, None) - 1}:
                plane = read(
                    path, frame=frame, position=position,
                    channel="1" if image.n_channels > 1 or image.is_rgb else None,
                    projection="1" if image.n_slices > 1 else None,
                )  # fmt: skip
                assert plane.shape == (image.height, image.width)
                assert plane.dtype == image.dtype
    return header


def write_labels(folder: Path) -> list[Path]:
    """Small label images."""
    labels = np.zeros((32, 40), np.uint16)
    labels[4:12, 4:12], labels[4:12, 20:30], labels[20:30, 8:16] = 1, 2, 7
    tifffile.imwrite(folder / "plain.tif", labels)
    tifffile.imwrite(folder / "wide.tif", labels.astype(np.int32), compression="zlib")
    tifffile.imwrite(folder / "float.tif", labels.astype(np.float32))
    tifffile.imwrite(folder / "movie.tif", np.stack([labels] * 3), imagej=True)
    Image.fromarray(labels.astype(np.uint8)).save(folder / "grey.png")
    return sorted(folder.iterdir())


def read_labels(path: Path) -> Any:
    """As a prediction is replaced, an annotation taken and a truth compared."""

    labels = read_label_image(path)
    prepared, _ = prepare_labels(labels, labels.shape, name=str(path))
    count_matches(labels, prepared, (0.5,))
    if path.suffix == ".tif" and path.name != "movie.tif":
        return LabelFiles([path], labels.shape)[0].max()
    return prepared.max()


SHEET = """# comment
experiment\tsample\timages\tkind\ttrain\tpixel_size_um\tframe_interval_min\tcondition
one\tfilm\tfilm.tif\tmovie\t0:2\t0.5\t10\tcontrol
one\tfields\tfield*.tif\tstills\tall\t0.325\t\t=1+1
two\tother\tfield0.tif\tstills\t1\t\t\t
"""
CONFIG = "seed: 3\ntrain: {epochs: 5, device: cpu}\nmodels: {one: folder}\npathvars: {results: r}\n"


def write_tables(folder: Path) -> list[Path]:
    """Tables and texts that users or we write."""
    stack = np.stack([draw_image(random.Random(n)) for n in range(3)])
    tifffile.imwrite(folder / "film.tif", stack, imagej=True, metadata={"axes": "TYX"})
    for number in range(2):
        tifffile.imwrite(folder / f"field{number}.tif", stack[number], metadata=None)
    (folder / "samples.tsv").write_text(SHEET)
    tracks, labels = _make_movie()
    write_table(folder / "tracks.csv", tracks)
    write_table(folder / "tracks.csv.gz", tracks)
    write_xml(folder / "film.xml", tracks, labels)
    write_ctc(folder / "ctc", tracks, labels=labels, n_frames=len(labels))
    window = compute_accepted_range(
        pd.DataFrame({"area_px": [80.0, 90.0], "relative_contrast": 1.0, "solidity": 1.0})
    )
    write_accepted_range(folder / "area_window.json", window)
    (folder / "config.yaml").write_text(CONFIG)
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text('{"n_channel_in": 1, "grid": [2, 2], "axes": "YXC"}')
    (model / "thresholds.json").write_text('{"prob": 0.5, "nms": 0.4}')
    (model / "scale.json").write_text('{"network_px_per_image_px": 1.25}')
    (model / "weights_best.h5").touch()
    named = ("samples.tsv", "tracks.csv", "tracks.csv.gz", "film.xml", "area_window.json")
    named += ("config.yaml", "model/config.json", "model/thresholds.json", "model/scale.json")
    named += ("ctc/res_track.txt", "ctc/mask000.tif")
    return [folder / name for name in named]


def read_any_table(path: Path) -> Any:
    """As the job or the plan that reads such a file."""
    folder = path.parent
    if path.name == "samples.tsv":
        with contextlib.chdir(folder):
            return read_samples(path, schema=_read_schema(), read_header=read_file_header)
    if path.name.startswith("tracks.csv"):
        return read_table(path)
    tracks, labels = _make_movie()
    movie = {"labels": labels, "n_frames": len(labels)}
    if path.name == "film.xml":
        given = read_trackmate(path)
        found = correct_trackmate(given, tracks=tracks, shape=labels[0].shape, **movie)
        return [found[frame].max() for frame in range(len(labels))]
    if folder.name == "ctc":
        table, files = read_ctc(folder)
        found = correct_ctc(folder, table, LabelFiles(files, labels[0].shape), **movie)
        return [found[frame].max() for frame in range(len(labels))]
    if path.name == "area_window.json":
        return read_accepted_range(path)
    if folder.name == "model":
        return check_model_folder(folder)
    assert path.name == "config.yaml"
    try:
        config = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, ValueError):  # which Snakemake tells
        return None
    return read_settings(config) if isinstance(config, dict) else None


@functools.cache
def _make_movie() -> Any:
    return make_movie()


@functools.cache
def _read_schema() -> Any:
    return yaml.safe_load((ROOT / "workflow/schemas/samples.schema.yaml").read_text())


# What is written, how it is changed, and what reads it.
KINDS: Mapping[str, tuple[Any, Any, Any]] = {
    "images": (write_images, change_bytes, read_image_file),
    "labels": (write_labels, change_bytes, read_labels),
    "tables": (write_tables, change_text, read_any_table),
}


class TooSlowError(BaseException):
    """A file took more than `MOST_SECONDS`."""


def _refuse_slow(*_: object) -> None:
    raise TooSlowError


def judge(read: Callable[[Path], Any], path: Path) -> str:
    """What is wrong with how a changed file was read; empty if nothing is."""
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        read(path)
    except InputError as error:
        said = str(error).replace(str(path.parent), "")
        # A sheet lists all that is wrong with it.
        is_list = path.name in ("samples.tsv", "config.yaml")
        return "" if is_list or "\n" not in said else f"more than one line: {said!r}"
    except BaseException:
        return traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def run(kind: str, first: int, end: int) -> Iterator[tuple[int, str, str]]:
    """Change and read files; gives number, file and what is wrong, where something is."""
    write, change, read = KINDS[kind]
    with tempfile.TemporaryDirectory() as name:
        paths = write(Path(name))
        for path in paths:
            read(path)  # the whole one; libraries are loaded now
        # Threads and libraries have taken theirs.
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_BYTES, resource.RLIM_INFINITY))
        contents = [path.read_bytes() for path in paths]
        for number in range(first, end):
            rng = random.Random(f"{kind} {number}")
            place = number % len(paths)
            path, content = paths[place], contents[place]
            path.write_bytes(change(content, rng))
            wrong = judge(read, path)
            if wrong:
                yield number, path.name, wrong
            path.write_bytes(content)


def main() -> None:
    """Print a line of JSON for each file that was read badly."""
    kind, first, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGPROF, _refuse_slow)
    with warnings.catch_warnings(action="ignore"):
        for found in run(kind, first, end):
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
