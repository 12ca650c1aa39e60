"""Part of a page of a TIFF file, from the strips or tiles that it lies in."""

from typing import Any

import numpy as np

from autonuclei.io.formats.base import Array, Window


def read_page_window(page: Any, window: Window) -> Array:
    """Read part of a page of tifffile, whose depth is one.

    Returns
    -------
    (samples, height, width, samples)
        Of the two axes of samples that one is longer than one by which the file stores them.
    """
    key = page.keyframe
    if key.is_final:
        return _read_rows(page, window)
    row, end_row, column, end_column = window
    # Neighbouring strips are one to tifffile, and those of NDPI's only JPEG are none.
    if key.is_contiguous or key.jpegheader is not None:
        whole = page.asarray(squeeze=False, maxworkers=1)
        return np.asarray(whole[:, 0, row:end_row, column:end_column])
    return _read_segments(page, window)


def count_piece(page: Any) -> int:
    """Pixels of a page that cannot be read but together."""
    key = page.keyframe
    if key.is_final:
        return 1
    if key.is_contiguous or key.jpegheader is not None:
        return int(key.imagelength * key.imagewidth)
    height, width = _find_tile(key)
    return min(height, int(key.imagelength)) * width


def _find_tile(key: Any) -> tuple[int, int]:
    """Rows and columns of a strip or tile."""
    if key.is_tiled:
        return int(key.tilelength), int(key.tilewidth)
    return int(key.rowsperstrip), int(key.imagewidth)


def _read_rows(page: Any, window: Window) -> Array:
    """Of pixels that lie behind each other as they are, those rows that the window takes."""
    row, end_row, column, end_column = window
    key, file = page.keyframe, page.parent.filehandle
    n_planes, _, height, width, n_samples = key.shaped
    dtype = np.dtype(key.dtype).newbyteorder(key.parent.byteorder)
    rows = np.empty((n_planes, end_row - row, end_column - column, n_samples), key.dtype)
    for plane in range(n_planes):
        start = (plane * height + row) * width * n_samples * dtype.itemsize
        file.seek(page.dataoffsets[0] + start)
        read = file.read_array(dtype, (end_row - row) * width * n_samples)
        rows[plane] = read.reshape(end_row - row, width, n_samples)[:, column:end_column]
    return rows


def _read_segments(page: Any, window: Window) -> Array:
    row, end_row, column, end_column = window
    key, file = page.keyframe, page.parent.filehandle
    n_planes, _, height, width, n_samples = key.shaped
    tile = _find_tile(key)
    down, across = -(-height // tile[0]), -(-width // tile[1])
    wanted = [
        (plane * down + i) * across + j
        for plane in range(n_planes)
        for i in range(row // tile[0], -(-end_row // tile[0]))
        for j in range(column // tile[1], -(-end_column // tile[1]))
    ]
    tables = {}
    if key.compression in _JPEG:
        tables = {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader}
    part = np.zeros((n_planes, end_row - row, end_column - column, n_samples), key.dtype)
    for number in wanted:
        file.seek(page.dataoffsets[number])
        data = file.read(page.databytecounts[number])
        segment, (plane, _, top, left, _), _ = key.decode(data, number, _fullsize=False, **tables)
        segment = segment[0, : height - top, : width - left]
        first = max(row, top), max(column, left)
        end = min(end_row, top + segment.shape[0]), min(end_column, left + segment.shape[1])
        part[plane, first[0] - row : end[0] - row, first[1] - column : end[1] - column] = segment[
            first[0] - top : end[0] - top, first[1] - left : end[1] - left
        ]
    return part


_JPEG = (6, 7, 34892, 33007)
