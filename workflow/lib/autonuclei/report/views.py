"""One frame of a sample to look at: its image and the outline of every nucleus in it."""

import base64
import io
import json
import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageDraw

from autonuclei.io.files import read_json, write_beside
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.outlines import trace_outlines
from autonuclei.report.style import OUTLINE_COLOUR, find_limits, stretch_bytes

Array = npt.NDArray[Any]

# A page holds several views, so each is at most this wide and high, and shows nuclei at least
# this large: a mosaic of ten thousand nuclei would be neither small nor readable.
SIDE_PX = 1024
NUCLEUS_PX = 16
# What is told of each nucleus, where its table has it.
COLUMNS = ("area_px", "area_um2", "mean_intensity", "probability", "track")


@dataclass(frozen=True)
class View:
    """A part of a frame with its nuclei.

    Lengths are pixels of the frame. `image` is a JPEG file in base64, `scale` its pixels per
    pixel of the frame, `top` and `left` the place of its upper left corner in the frame.
    `nuclei` are tables with `label`, `y`, `x` (centroid), `outline_y`, `outline_x` (lists) and
    what else is known of any of them, None where it is not known of this one.
    """

    sample: str
    frame: int
    name: str
    height: int
    width: int
    top: int
    left: int
    scale: float
    pixel_size_um: float | None
    n_in_frame: int
    image: str
    nuclei: list[dict[str, Any]]


def choose_frame(frames: Array, shown: list[int]) -> int:
    """The frame that stands for its sample: the one with the median number of nuclei.

    Parameters
    ----------
    frames : (n,) int
        The frame of each nucleus.
    shown
        The frames to choose from, also those without a nucleus; the first of equals is taken.
    """
    numbers, found = np.unique(frames, return_counts=True)
    known = dict(zip(numbers.tolist(), found.tolist(), strict=True))
    counts = [known.get(index, 0) for index in shown]
    return shown[counts.index(sorted(counts)[(len(counts) - 1) // 2])]


def choose_part(shape: tuple[int, ...], nucleus_area_px: float) -> tuple[slice, slice, float]:
    """Which part of a frame to show, from its middle, and at how many pixels per pixel.

    All of it if nuclei of that area (NaN: unknown) stay `NUCLEUS_PX` wide in `SIDE_PX`.
    """
    diameter = 2 * np.sqrt(nucleus_area_px / np.pi)
    least = NUCLEUS_PX / diameter if diameter > 0 else 0.0
    scale = float(min(1, max(SIDE_PX / max(shape), least)))
    rows, columns = (
        slice((side - part) // 2, (side - part) // 2 + part)
        for side, part in ((side, min(side, int(SIDE_PX / scale))) for side in shape)
    )
    return rows, columns, scale


def make_view(
    image: ArrayLike,
    labels: ArrayLike,
    objects: pd.DataFrame,
    *,
    sample: str,
    frame: int,
    name: str,
    pixel_size_um: float | None,
) -> View:
    """Cut out the part of a frame that stands for it.

    Parameters
    ----------
    image, labels : (height, width)
        Raw grey values and the nuclei.
    objects
        Table of the nuclei of this frame, with `label`, `area_px`, `y_px`, `x_px` and those of
        `COLUMNS` that are known; NaN is left out.
    """
    from skimage.measure import approximate_polygon  # half a second, which reading views spares

    area = float(objects["area_px"].median())
    rows, cols, scale = choose_part(image.shape, area)
    height, width = rows.stop - rows.start, cols.stop - cols.start
    pixels = image[rows, cols]
    grey = stretch_bytes(pixels, find_limits(pixels))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(grey).resize(size, Image.Resampling.BOX)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)

    outlines = trace_outlines(labels[rows, cols])
    columns = ["y_px", "x_px", *(name for name in COLUMNS if name in objects)]
    shown = objects.set_index("label").loc[outlines.labels, columns].astype(np.float64)
    # What is known of none is left out: the probability of masks that no network made.
    known = shown.dropna(axis="columns", how="all").to_dict("index")
    nuclei: list[dict[str, Any]] = []
    for label in outlines.labels.tolist():
        told = {str(key): value for key, value in known[label].items()}
        corners = outlines.get_corners(label).astype(np.float64)
        # Half a pixel of the picture off is not to be seen, and saves most of the corners.
        closed = np.concatenate([corners, corners[:1]])
        outline = approximate_polygon(closed, 0.5 / scale)[:-1]
        nuclei.append(
            {
                "label": label,
                "y": round(told.pop("y_px"), 1),
                "x": round(told.pop("x_px"), 1),
                "outline_y": (outline[:, 1] + rows.start).tolist(),
                "outline_x": (outline[:, 0] + cols.start).tolist(),
            }
            | {key: round(value, 3) if np.isfinite(value) else None for key, value in told.items()}
        )
    return View(
        sample, frame, name, height, width, rows.start, cols.start, scale, pixel_size_um,
        len(objects), base64.b64encode(file.getvalue()).decode(), nuclei,
    )  # fmt: skip


def decode_picture(view: View) -> Image.Image:
    """The image of a view, without outlines."""
    return Image.open(io.BytesIO(base64.b64decode(view.image)))


def draw_view(view: View) -> Image.Image:
    """The picture of a view with the outlines of the nuclei in yellow."""
    picture = decode_picture(view).convert("RGB")
    # Small images are enlarged, so that an outline does not cover the nucleus.
    factor = max(1, SIDE_PX // max(picture.size))
    picture = picture.resize((picture.width * factor, picture.height * factor))
    draw = ImageDraw.Draw(picture)
    scale = view.scale * factor
    for nucleus in view.nuclei:
        corners = [
            ((x - view.left) * scale, (y - view.top) * scale)
            for y, x in zip(nucleus["outline_y"], nucleus["outline_x"], strict=True)
        ]
        draw.line([*corners, corners[0]], fill=OUTLINE_COLOUR, width=1)
    return picture


def write_view(path: str | os.PathLike[str], view: View) -> None:
    """Write a view as JSON."""
    with write_beside(path) as partial:
        partial.write_text(json.dumps(asdict(view), separators=(",", ":")) + "\n")


def read_view(path: str | os.PathLike[str]) -> View:
    """Read what `write_view` wrote."""
    return View(**read_json(path))
