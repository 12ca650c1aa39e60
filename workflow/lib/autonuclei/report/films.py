"""Films of outlines and tracks over the raw movie, as MP4 that browsers play."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio_ffmpeg
import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageColor, ImageDraw, ImageFont

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.measure.motility import Units
from autonuclei.report.style import (
    OUTLINE_COLOUR,
    SPEED_COLOURS,
    UNIT_LABELS,
    choose_bar_length,
    choose_speed_limits,
    find_limits,
    stretch_grey,
)

ReadPage = Callable[[int], npt.NDArray[np.generic]]
Picture = npt.NDArray[np.uint8]
DrawOver = Callable[[Image.Image, int], Image.Image]

PURPLE = (190, 70, 255)
# Mean area in pixels of the film from which on outlines are two pixels wide.
LARGE_AREA = 300
# Contrast is chosen once, from this many frames spread over the movie.
SAMPLED_FRAMES = 10


def choose_contrast(
    read_image: ReadPage, n_frames: int, *, percentiles: tuple[float, float] = (1, 99.95)
) -> tuple[float, float]:
    """Choose the grey values shown as black and white, the same for all frames.

    Parameters
    ----------
    read_image : callable
        Gives the (height, width) image of a frame.
    n_frames : int
    percentiles
        Of the grey values of ten frames spread over the movie.
    """
    chosen = np.unique(np.linspace(0, n_frames - 1, SAMPLED_FRAMES).round().astype(int))
    values = [read_image(int(frame))[::2, ::2].ravel() for frame in chosen]
    return find_limits(np.concatenate(values), percentiles)


def choose_size(height: int, width: int, film_width: int) -> tuple[int, int]:
    """Choose (height, width) of a film: even, no wider than asked nor than the movie."""
    shown = max(2, min(film_width, width) // 2 * 2)
    return max(2, round(height * shown / width / 2) * 2), shown


def format_time(frame: int, units: Units) -> str:
    """Write the time of a frame: hours and minutes, or its number where that is unknown."""
    if units.frame_interval_min is None:
        return f"frame {frame}"
    seconds = round(frame * units.frame_interval_min * 60)
    hours, rest = divmod(seconds, 3600)
    text = f"{hours} h {rest // 60:02d} min"
    return text if units.frame_interval_min % 1 == 0 else f"{text} {rest % 60:02d} s"


def write_outline_film(
    path: str | os.PathLike[str],
    *,
    read_image: ReadPage,
    read_labels: ReadPage,
    n_frames: int,
    pixel_size_um: float | None,
    frame_interval_min: float | None,
    film_width: int = 1024,
    frames_per_second: float = 8,
) -> tuple[int, int]:
    """Film the outlines of the nuclei in yellow over the raw movie.

    Parameters
    ----------
    read_image, read_labels : callable
        Give the raw image and the label image of a frame, (height, width).
    n_frames : int
    pixel_size_um, frame_interval_min : float or None
        None where unknown: the scale bar is then in pixels and the time in frames.
    film_width : int
        Width of the film in pixels; a movie that is not wider keeps its size (made even).
    frames_per_second : float

    Returns
    -------
    (height, width) of the film

    Raises
    ------
    InputError
        The movie has no frames, or images and label images differ in size.
    """

    def draw_nuclei(picture: Image.Image, frame: int) -> Image.Image:
        labels = read_labels(frame)
        # Nearest neighbour keeps labels whole; float holds up to 16,777,216 of them.
        small = Image.fromarray(labels.astype(np.float32)).resize(
            picture.size, Image.Resampling.NEAREST
        )
        # Dimmed, so that yellow shows on bright nuclei.
        pixels = np.array(picture.point(lambda value: value * 0.75))
        pixels[_find_outlines(np.asarray(small))] = ImageColor.getrgb(OUTLINE_COLOUR)
        return Image.fromarray(pixels)

    return _write_film(
        path,
        read_image,
        draw_nuclei,
        n_frames=n_frames,
        units=Units(pixel_size_um, frame_interval_min),
        film_width=film_width,
        frames_per_second=frames_per_second,
        check_frame=lambda: read_labels(0).shape,
    )


def write_track_film(
    path: str | os.PathLike[str],
    steps: pd.DataFrame,
    *,
    read_image: ReadPage,
    n_frames: int,
    pixel_size_um: float | None,
    frame_interval_min: float | None,
    film_width: int = 1024,
    frames_per_second: float = 8,
    tail_frames: int = 12,
) -> tuple[int, int]:
    """Film the tracks, each step in the colour of its speed, with the centroids in purple.

    Parameters
    ----------
    steps : DataFrame
        From `autonuclei.measure.motility.measure_steps` with the same units.
    tail_frames : int
        How many frames a step stays to be seen.
    read_image, n_frames, pixel_size_um, frame_interval_min, film_width, frames_per_second
        As for `write_outline_film`.

    Returns
    -------
    (height, width) of the film

    Raises
    ------
    InputError
        The movie has no frames.
    """
    units = Units(pixel_size_um, frame_interval_min)
    ordered = steps.sort_values(["track", "frame"])
    places = ordered[[f"x_{units.length}", f"y_{units.length}"]].to_numpy(np.float64)
    places = places / units.length_factor
    frame = ordered["frame"].to_numpy(np.int64)
    speeds = ordered[f"speed_{units.speed}"].to_numpy(np.float64)
    ends = np.flatnonzero(np.isfinite(speeds))
    low, high = choose_speed_limits(speeds)
    colours = SPEED_COLOURS((speeds[ends] - low) / (high - low), bytes=True)[:, :3]

    by_frame = np.argsort(frame, kind="stable")
    spot_bounds = np.searchsorted(frame[by_frame], np.arange(n_frames + 1))
    step_order = np.argsort(frame[ends], kind="stable")
    step_bounds = np.searchsorted(frame[ends][step_order], np.arange(n_frames + 1))

    def draw_tails(picture: Image.Image, number: int) -> Image.Image:
        scale = picture.size[0] / shape[1]
        # Dimmed, so that the tracks stand out.
        picture = picture.point(lambda value: value * 0.6)
        draw = ImageDraw.Draw(picture)
        shown = (places + 0.5) * scale - 0.5
        thick = max(1, round(picture.size[0] / 400))
        first = step_bounds[max(0, number - tail_frames + 1)]
        for index in step_order[first : step_bounds[number + 1]]:
            end = ends[index]
            line = [*shown[end - 1], *shown[end]]
            draw.line(line, fill=tuple(colours[index].tolist()), width=thick)
        radius = max(1.5, picture.size[0] / 350)
        for row in by_frame[spot_bounds[number] : spot_bounds[number + 1]]:
            x, y = shown[row]
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=PURPLE)
        _draw_speed_bar(picture, draw, low, high, UNIT_LABELS[units.speed])
        return picture

    shape = read_image(0).shape if n_frames > 0 else (0, 0)
    return _write_film(
        path,
        read_image,
        draw_tails,
        n_frames=n_frames,
        units=units,
        film_width=film_width,
        frames_per_second=frames_per_second,
    )


def find_rims(labels: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Find the pixels of each label that have a side on another label or the background.

    The border of the image is no rim.
    """
    rim = np.zeros(labels.shape, bool)
    down = labels[1:] != labels[:-1]
    right = labels[:, 1:] != labels[:, :-1]
    rim[1:] |= down
    rim[:-1] |= down
    rim[:, 1:] |= right
    rim[:, :-1] |= right
    inside: npt.NDArray[np.bool_] = rim & (labels != 0)
    return inside


def _find_outlines(labels: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """The rims, two pixels wide where nuclei are large enough in the film.

    Video stores colour at half the resolution, which washes out thinner lines.
    """
    rims = find_rims(labels)
    areas = np.bincount(labels.astype(np.intp).ravel())[1:]
    areas = areas[areas > 0]
    if len(areas) and areas.mean() > LARGE_AREA:
        rims |= find_rims(np.where(rims, 0, labels))
    return rims


def _write_film(
    path: str | os.PathLike[str],
    read_image: ReadPage,
    draw_over: DrawOver,
    *,
    n_frames: int,
    units: Units,
    film_width: int,
    frames_per_second: float,
    check_frame: Callable[[], tuple[int, ...]] | None = None,
) -> tuple[int, int]:
    if n_frames < 1:
        raise InputError(f"{path}: the movie has no frames, so there is nothing to film.")
    shape = read_image(0).shape
    if check_frame is not None and check_frame() != shape:
        raise InputError(
            f"{path}: the images are {shape}, the label images {check_frame()} pixels. Use the "
            "label images of this movie."
        )
    height, width = choose_size(shape[0], shape[1], film_width)
    limits = choose_contrast(read_image, n_frames)

    def make_pictures() -> Iterator[Picture]:
        for frame in range(n_frames):
            grey = stretch_grey(read_image(frame), limits, white=255)
            full = Image.fromarray(grey.astype(np.uint8))
            # A box filter: each pixel of the film is the mean of those that it covers.
            small = full.resize((width, height), Image.Resampling.BOX)
            picture = draw_over(small.convert("RGB"), frame)
            _draw_scale_and_time(picture, frame, shape[1] / width, units)
            yield np.asarray(picture)

    with write_beside(path) as partial:
        writer = imageio_ffmpeg.write_frames(
            str(partial),
            (width, height),
            fps=frames_per_second,
            codec="libx264",
            pix_fmt_in="rgb24",
            pix_fmt_out="yuv420p",
            macro_block_size=2,
            quality=None,
            # One thread and no time stamps: the same film gives the same bytes. The index at
            # the front lets a browser start before it has loaded the whole file.
            output_params=["-crf", "23", "-threads", "1", "-movflags", "+faststart"],
        )
        try:
            writer.send(None)
            for picture in make_pictures():
                writer.send(np.ascontiguousarray(picture).tobytes())
        finally:
            writer.close()
    return height, width


def _load_font(size: int) -> ImageFont.FreeTypeFont:
    # Matplotlib ships this font, so the letters are the same on every machine.
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / "DejaVuSans.ttf"), size)


def _write_text(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, anchor: str
) -> None:
    draw.text(
        place,
        text,
        fill="white",
        font=_load_font(size),
        anchor=anchor,
        # Readable over bright nuclei too.
        stroke_width=max(1, size // 10),
        stroke_fill=(0, 0, 0),
    )


def _draw_scale_and_time(
    picture: Image.Image, frame: int, pixels_per_pixel: float, units: Units
) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    size = max(9, width // 40)
    margin = max(4, width // 50)
    _write_text(draw, (margin, margin), format_time(frame, units), size, "lt")
    # Length units per pixel of the film.
    scale = pixels_per_pixel * units.length_factor
    length = choose_bar_length(width * scale)
    right, bottom = width - margin, height - margin
    left, thick = right - length / scale, max(2, height // 150)
    draw.rectangle([left - 1, bottom - thick - 1, right + 1, bottom + 1], fill=(0, 0, 0))
    draw.rectangle([left, bottom - thick, right, bottom], fill="white")
    label = f"{length:g} {UNIT_LABELS[units.length]}"
    _write_text(draw, ((left + right) / 2, bottom - thick - size // 3), label, size, "mb")


def _draw_speed_bar(
    picture: Image.Image, draw: ImageDraw.ImageDraw, low: float, high: float, unit: str
) -> None:
    width, height = picture.size
    size, margin = max(8, width // 55), max(4, width // 50)
    length, thick = width // 5, max(4, width // 100)
    top = height - margin - thick
    colours = SPEED_COLOURS(np.linspace(0, 1, length), bytes=True)[:, :3]
    draw.rectangle([margin - 1, top - 1, margin + length, top + thick], fill=(0, 0, 0))
    for offset, colour in enumerate(colours.tolist()):
        x = margin + offset
        draw.line([x, top, x, top + thick - 1], fill=tuple(colour))
    _write_text(draw, (margin, top - size // 3), f"{low:g}", size, "lb")
    _write_text(draw, (margin + length, top - size // 3), f"≥ {high:.2g} {unit}", size, "rb")
