"""PNG and JPEG: one plane each, grey or in colour."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    explain_damage,
)

_PNG = b"\x89PNG\r\n\x1a\n"
_GREY, _GREY_ALPHA = 0, 4  # PNG's numbers
_JPEG = b"\xff\xd8\xff"
# Pixels that one byte can stand for, at one bit each in PNG; damaged headers claim more.
_BEST_COMPRESSION = 8 * 1100
# Frames of JPEG that Pillow decodes: baseline, extended, progressive, and the last two arithmetic.
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)


class PictureFile(ImageFile):
    """A PNG or JPEG file.

    Parameters
    ----------
    path
        The file; its content says which of the two it is.
    as_stored
        Give the numbers of label images: those in the file, not what a palette shows for them.
    """

    def __init__(self, path: Path, *, as_stored: bool = False) -> None:
        self._path = path
        self._notes: list[str] = []
        with explain_damage(path):
            with path.open("rb") as file:
                start = file.read(8)
            self._deep_kind: int | None = None
            if start == _PNG:
                self._deep_kind = self._read_png_chunks()
            elif start[:3] == _JPEG:
                self._check_jpeg()
            else:
                raise ValueError("it does not begin like a PNG or JPEG file")
            with self._open() as picture:
                self._colours = None if as_stored else _find_colours(picture)
                image = self._describe(picture)
        self.header = FileHeader((image,), (str(path),), tuple(self._notes))

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        """The only plane; see `ImageFile.read`."""
        if self._deep_kind is not None:
            import imagecodecs

            deep = np.asarray(imagecodecs.png_decode(self._path.read_bytes()))
            return deep[..., 0] if self._deep_kind == _GREY_ALPHA else deep
        with self._open() as picture:
            if picture.mode == "LA":
                return np.asarray(picture)[..., 0]
            if picture.mode in ("CMYK", "YCbCr"):
                return np.asarray(picture.convert("RGB"))
            plane = np.asarray(picture)
        if picture.mode[0] == "I":
            return plane.astype(np.uint16)
        return plane if self._colours is None else self._colours[plane]

    def close(self) -> None:
        """Nothing to do: the file is open only while it is read."""

    @contextmanager
    def _open(self) -> Iterator[Any]:
        # Pillow takes pictures beyond 179 megapixels for an attack; slides are larger, and a
        # header that claims more than its file can hold is refused here.
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(self._path) as picture:
                yield picture
        finally:
            Image.MAX_IMAGE_PIXELS = limit

    def _describe(self, picture: Any) -> ImageHeader:
        width, height = picture.size
        mode = picture.mode
        if width * height > _BEST_COMPRESSION * self._path.stat().st_size:
            raise ValueError(f"it claims {width} x {height} pixels, more than the file can hold")
        is_grey = mode in ("1", "L", "LA") or mode[0] == "I"
        is_grey = is_grey or (mode == "P" and (self._colours is None or self._colours.ndim == 1))
        is_grey = is_grey or self._deep_kind == _GREY_ALPHA
        if mode == "LA" or self._deep_kind == _GREY_ALPHA:
            self._notes.append("left out: opacity")
        dtype = "bool" if mode == "1" else "uint8"
        if mode[0] == "I" or self._deep_kind is not None:
            dtype = "uint16"
        dots = picture.info.get("dpi")
        if dots and dots[0] > 1:
            self._notes.append(
                f"pixel size unknown: its {dots[0]:.4g} dots per inch are a resolution of print; "
                "it can be given in the column 'pixel_size_um'"
            )
        # Of a PNG without such an entry Pillow would read all pixels in search of one behind them.
        has_exif = picture.format != "PNG" or "exif" in picture.info
        turned = picture.getexif().get(0x0112, 1) if has_exif else 1
        if turned != 1:
            self._notes.append(f"its entry Orientation ({turned}) is not applied, as in Fiji")
        return ImageHeader(height, width, dtype, is_rgb=not is_grey)

    def _read_png_chunks(self) -> int | None:
        """The kind of colours of 16 bits, which Pillow reads as 8; refuses an animation."""
        with self._path.open("rb") as file:
            bits, kind_of_colours = file.read(33)[24:26]
            kind = b""
            while kind != b"IEND":
                entry = file.read(8)
                if len(entry) < 8:
                    raise ValueError("it has no end: truncated")
                length, kind = struct.unpack(">I4s", entry)
                if kind == b"acTL":
                    raise InputError(
                        f"{self._path}: is an animated PNG. Save its frames as a TIFF stack in "
                        "Fiji."
                    )
                file.seek(length + 4, 1)
        return kind_of_colours if bits == 16 and kind_of_colours != _GREY else None

    def _check_jpeg(self) -> None:
        """Refuse the rare kinds of JPEG that are sound but cannot be read."""
        with self._path.open("rb") as file:
            file.seek(2)
            while len(entry := file.read(4)) == 4 and entry[0] == 0xFF:
                marker, length = struct.unpack(">xBH", entry)
                is_frame = 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)
                if is_frame:
                    if marker not in _FRAMES or file.read(1) != b"\x08":
                        raise InputError(
                            f"{self._path}: is a JPEG with lossless or 12-bit pixels, which "
                            "cannot be read here. Save it as TIFF in the program that wrote it."
                        )
                    return
                file.seek(length - 2, 1)


def _find_colours(picture: Any) -> Array | None:
    """What is shown for each index of a palette: greys (index) or colours (index, 3)."""
    if picture.mode != "P":
        return None
    palette = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = palette
    # Programs that make files small write grey pictures so, too: the index is no intensity.
    return colours[:, 0] if (palette == palette[:, :1]).all() else colours
