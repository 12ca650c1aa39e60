"""DeltaVision files (.dv, .mrc of softWoRx and OMX), and MRC volumes of electron microscopes.

Both begin with the same 1024 bytes but for a few entries: "IVE image format" of softWoRx, and
MRC2014 (Cheng et al. 2015, J. Struct. Biol. 192: 146), so that no library is needed.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from autonuclei.errors import InputError
from autonuclei.io.formats.base import (
    Array,
    FileHeader,
    ImageFile,
    ImageHeader,
    Window,
    check_pixel_size,
    convert_length,
    explain_damage,
    find_interval,
)

_HEADER = 1024
_DELTAVISION = -16224
_TYPES = {0: "u1", 1: "i2", 2: "f4", 6: "u2", 7: "i4"}
_MRC_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
# Order of the planes, outermost first.
_ORDERS = {0: "CTZ", 1: "TZC", 2: "TCZ"}
# Floats of each plane in the extended header: the second is the time, then the stage's place.
_TIME, _STAGE_X, _STAGE_Y = 1, 2, 3


class MrcFile(ImageFile):
    """A DeltaVision file, or an MRC volume whose sections are z slices.

    Raises
    ------
    InputError
        The file is damaged or cut off, its pixels are complex numbers, or its time points are
        places of the stage.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with explain_damage(path):
            self._file = path.open("rb")
            try:
                self._describe()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        self._file.close()

    def _describe(self) -> None:
        header = self._file.read(_HEADER)
        if len(header) < _HEADER:
            raise ValueError("its header is not whole")
        self._order = next(
            (
                order
                for order in "<>"
                if struct.unpack_from(f"{order}h", header, 96)[0] == _DELTAVISION
            ),
            "",
        )
        is_deltavision = bool(self._order)
        if not is_deltavision:
            if header[208:211] != b"MAP":
                raise ValueError("it is neither a DeltaVision file nor an MRC volume")
            self._order = ">" if header[212:214] == b"\x11\x11" else "<"
        width, height, n_planes, mode = self._unpack(header, "4i", 0)
        (skipped,) = self._unpack(header, "i", 92)
        if min(width, height, n_planes) < 1 or skipped < 0:
            raise ValueError(f"{width} x {height} x {n_planes} pixels")
        self._dtype = self._find_type(mode, _TYPES if is_deltavision else _MRC_TYPES)
        self._start = _HEADER + skipped
        self._plane_bytes = width * height * self._dtype.itemsize
        size = self._path.stat().st_size
        if size < self._start + n_planes * self._plane_bytes:
            raise ValueError(
                f"{size} bytes, but {n_planes} planes need "
                f"{self._start + n_planes * self._plane_bytes}: it is cut off"
            )
        notes: list[str] = []
        sizes = dict.fromkeys("TCZ", 1)
        names: tuple[str, ...] = ()
        interval, source = None, ""
        if is_deltavision:
            (n_frames,) = self._unpack(header, "h", 180)
            (sequence,) = self._unpack(header, "h", 182)
            (n_channels,) = self._unpack(header, "h", 196)
            waves = self._unpack(header, "5h", 198)
            sizes["T"], sizes["C"] = max(1, n_frames), max(1, n_channels)
            self._axes = _ORDERS.get(sequence, "")
            if not self._axes or n_planes % (sizes["T"] * sizes["C"]):
                raise ValueError(
                    f"{n_planes} planes of {sizes['T']} time points and {sizes['C']} channels "
                    f"in order {sequence}"
                )
            names = tuple(f"{wave} nm" for wave in waves[: sizes["C"]] if wave > 0)
            # As written before it became a number of 32 bits: 0.1, not 0.10000000149.
            sizes_um = np.array(self._unpack(header, "2f", 40), np.float32)
            pixel_um: tuple[float | None, ...] = tuple(float(str(size)) for size in sizes_um)
            entry = "DeltaVision header pixel spacing"
        else:
            self._axes = "TCZ"
            lengths, samples = self._unpack(header, "2f", 40), self._unpack(header, "2i", 28)
            pixel_um = tuple(
                convert_length(length / n, "Å") if n > 0 else None
                for length, n in zip(lengths, samples, strict=True)
            )
            entry = "MRC header cell size"
        sizes["Z"] = n_planes // (sizes["T"] * sizes["C"])
        self._sizes = sizes
        if is_deltavision:
            interval, source = self._read_planes(header, skipped, (width, height), pixel_um, notes)
        checked = []
        for value in pixel_um:
            # Zero is how a file says that it does not know.
            one, note = check_pixel_size(value or None, entry)
            notes += [note] if note else []
            checked.append(one)
        dtype = np.dtype(np.float32) if self._dtype.kind == "f" else self._dtype
        self.header = FileHeader(
            (
                ImageHeader(
                    height=height,
                    width=width,
                    dtype=dtype.newbyteorder("=").name,
                    n_frames=sizes["T"],
                    n_slices=sizes["Z"],
                    n_channels=sizes["C"],
                    channel_names=names if len(names) == sizes["C"] else (),
                    pixel_size_um=checked[0],
                    pixel_height_um=checked[1],
                    pixel_size_source=entry if checked[0] else "",
                    frame_interval_min=interval,
                    frame_interval_source=source,
                ),
            ),
            (str(self._path),),
            tuple(dict.fromkeys(notes)),
        )

    def _unpack(self, data: bytes, kinds: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(self._order + kinds, data, at)

    def _find_type(self, mode: int, types: dict[int, str]) -> np.dtype[Any]:
        if mode in (3, 4):
            raise InputError(
                f"{self._path}: its pixels are complex numbers, a Fourier transform and not an "
                "image. Take it out of the sample sheet."
            )
        if mode not in types:
            raise InputError(
                f"{self._path}: has pixels of type {mode}, which cannot be read here. Save it "
                "as TIFF in Fiji."
            )
        return np.dtype(self._order + types[mode])

    def _read_planes(
        self,
        header: bytes,
        skipped: int,
        shape: tuple[int, int],
        pixel_um: tuple[float | None, ...],
        notes: list[str],
    ) -> tuple[float | None, str]:
        """The interval, and whether time points are places, by what is said of each plane."""
        n_integers, n_floats = self._unpack(header, "2h", 128)
        n_frames, step = self._sizes["T"], 4 * (n_integers + n_floats)
        if n_frames < 2 or n_floats <= _STAGE_Y or n_integers < 0:
            return None, ""
        extended = self._file.read(skipped)
        at = [self._number(t, 0, 0) * step + 4 * n_integers for t in range(n_frames)]
        if at[-1] + 4 * n_floats > len(extended):
            return None, ""
        floats = np.array([self._unpack(extended, f"{n_floats}f", one) for one in at])
        places = floats[:, [_STAGE_X, _STAGE_Y]]
        fields = [(size or 1.0) * n for size, n in zip(pixel_um, shape, strict=True)]
        moves = np.abs(np.diff(places, axis=0)) > 0.5 * np.array(fields)
        if moves.any():
            raise InputError(
                f"{self._path}: what it calls {n_frames} time points are places of the stage "
                "(panels or points). Save each as a file of its own in softWoRx."
            )
        source = "DeltaVision times of the planes"
        interval, note = find_interval((floats[:, _TIME] / 60).tolist(), source)
        notes += [note] if note else []
        return interval, source if interval else ""

    def _number(self, frame: int, z: int, channel: int) -> int:
        """Place of a plane in the file's own order."""
        index = {"T": frame, "Z": z, "C": channel}
        number = 0
        for axis in self._axes:
            number = number * self._sizes[axis] + index[axis]
        return number

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        header = self.header.images[image]
        whole = (0, header.height, 0, header.width)
        return self.read_window(image, whole, frame=frame, z=z, channel=channel)

    def read_window(self, image: int, window: Window, *, frame: int, z: int, channel: int) -> Array:
        row, end_row, column, end_column = window
        header = self.header.images[image]
        start = self._start + self._number(frame, z, channel) * self._plane_bytes
        self._file.seek(start + row * header.width * self._dtype.itemsize)
        n = (end_row - row) * header.width
        rows = np.frombuffer(self._file.read(n * self._dtype.itemsize), self._dtype, n)
        return rows.reshape(-1, header.width)[:, column:end_column].astype(header.dtype)
