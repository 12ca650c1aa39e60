"""Films of outlines and tracks over the raw movie, as MP4 that browsers play."""

import math
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import imageio_ffmpeg
import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageColor, ImageDraw, ImageFont

from autonuclei.errors import InputError
from autonuclei.io.files import write_beside
from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.strips import cut_strips
from autonuclei.measure.units import Units
from autonuclei.report.style import (
    OUTLINE_COLOUR,
    SPEED_COLOURS,
    UNIT_LABELS,
    choose_bar_length,
    choose_speed_limits,
    find_limits,
    stretch_bytes,
)
from autonuclei.settings import FilmSettings

ReadPage = Callable[[int], npt.NDArray[Any]]
ReadLabels = Callable[[int], ArrayLike]
DrawOver = Callable[[Image.Image, int], Image.Image]

CENTROID_COLOUR = (190, 70, 255)
# Mean area in pixels of the film from which on outlines are two pixels wide.
LARGE_AREA = 300
# Contrast is chosen once, from this many frames spread over the movie.
SAMPLED_FRAMES = 10
# And from at most about so many pixels of each.
SAMPLED_PX = 2**20
# A film of more frames than this is too long to look at, and too large to send.
MOST_FRAMES = 500


@dataclass(frozen=True)
class FilmSource:
    """A movie and how it is filmed.

    Attributes
    ----------
    read_image : callable
        Gives the raw image of a frame, (height, width).
    n_frames : int
    units : Units
        Where they are unknown, the scale bar is in pixels and the time in frames.
    width_px : int
        Width of the film; a movie that is not wider keeps its size (made even).
    frames_per_second : float
    """

    read_image: ReadPage
    n_frames: int
    units: Units
    width_px: int = FilmSettings.width_px
    frames_per_second: float = FilmSettings.frames_per_second


def choose_contrast(source: FilmSource) -> tuple[float, float]:
    """Choose the grey values shown as black and white, the same for all frames."""
    chosen = np.unique(np.linspace(0, source.n_frames - 1, SAMPLED_FRAMES).round().astype(int))
    values = [_sample_pixels(source.read_image(int(frame))) for frame in chosen]
    return find_limits(np.concatenate(values), (1, 99.95))


def _sample_pixels(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Every second pixel along each axis, or fewer of a large image; as a copy."""
    step = max(2, math.ceil(math.sqrt(image.size / SAMPLED_PX)))
    return image[::step, ::step].flatten()


def choose_step(n_frames: int) -> int:
    """Choose k of a film of every k-th frame: 1, unless that were more than `MOST_FRAMES`."""
    return max(1, math.ceil(n_frames / MOST_FRAMES))


def choose_size(height: int, width: int, film_width: int) -> tuple[int, int]:
    """Choose (height, width) of a film: even, no wider than asked nor than the movie."""
    shown = max(2, min(film_width, width) // 2 * 2)
    return max(2, round(height * shown / width / 2) * 2), shown


def name_place(number: int) -> str:
    """Write 2 as 2nd, 3 as 3rd, 4 as 4th and so on."""
    tens, ones = divmod(number, 10)
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(ones, 'th') if tens % 10 != 1 else 'th' }"


def format_time(frame: int, units: Units) -> str:
    """Write the time of a frame: hours and minutes, or its number where that is unknown."""
    if units.frame_interval_min is None:
        return f"frame {frame}"
    seconds = round(frame * units.frame_interval_min * 60)
    hours, rest = divmod(seconds, 3600)
    text = f"{hours} h {rest // 60:02d} min"
    return text if units.frame_interval_min % 1 == 0 else f"{text} {rest % 60:02d} s"


def write_films(
    outlines: str | os.PathLike[str],
    tracks: str | os.PathLike[str],
    source: FilmSource,
    *,
    read_labels: ReadLabels,
    steps: pd.DataFrame,
    tail_frames: int = FilmSettings.tail_frames,
) -> tuple[int, int]:
    """Write both films, those of `write_outline_film` and `write_track_film`, in one go.

    Each frame is read once.
    """
    shape = _read_shape(outlines, source)
    return _write_films(
        source,
        shape,
        {
            outlines: _draw_outlines(outlines, shape, read_labels),
            tracks: _draw_tails(source, shape, steps, tail_frames),
        },
    )


def write_outline_film(
    path: str | os.PathLike[str], source: FilmSource, read_labels: ReadLabels
) -> tuple[int, int]:
    """Film the outlines of the nuclei in yellow over the raw movie.

    Parameters
    ----------
    path
        Of the MP4 file.
    source
    read_labels : callable
        Gives the label image of a frame, (height, width).

    Returns
    -------
    (height, width) of the film

    Raises
    ------
    InputError
        The movie has no frames, or images and label images differ in size.
    """
    shape = _read_shape(path, source)
    return _write_films(source, shape, {path: _draw_outlines(path, shape, read_labels)})


def _draw_outlines(
    path: str | os.PathLike[str], shape: tuple[int, ...], read_labels: ReadLabels
) -> DrawOver:
    def draw_over(picture: Image.Image, frame: int) -> Image.Image:
        labels = read_labels(frame)
        if labels.shape != shape:
            raise InputError(
                f"{path}: the images are {shape}, the label images {labels.shape} pixels. Use the "
                "label images of this movie."
            )
        # Dimmed, so that yellow shows on bright nuclei.
        pixels = np.array(picture.point(lambda value: value * 0.75))
        small = pick_pixels(labels, (picture.height, picture.width))
        pixels[_find_outlines(small)] = ImageColor.getrgb(OUTLINE_COLOUR)
        return Image.fromarray(pixels)

    return draw_over


def pick_pixels(labels: ArrayLike, shape: tuple[int, int]) -> npt.NDArray[Any]:
    """Shrink a label image: each pixel of the small one has the label in its middle.

    Parameters
    ----------
    labels : (height, width) int
    shape
        Rows and columns of the small one.
    """
    rows, columns = (
        ((np.arange(n) + 0.5) * (length / n)).astype(np.intp)
        for n, length in zip(shape, labels.shape, strict=True)
    )
    small = np.empty(shape, labels.dtype)
    for block, strip in cut_strips(labels):
        first, end = np.searchsorted(rows, (block.row, block.end_row))
        small[first:end] = strip[rows[first:end] - block.row].take(columns, axis=1)
    return small


def write_track_film(
    path: str | os.PathLike[str],
    source: FilmSource,
    steps: pd.DataFrame,
    *,
    tail_frames: int = FilmSettings.tail_frames,
) -> tuple[int, int]:
    """Film the tracks, each step in the colour of its speed, with the centroids in purple.

    Parameters
    ----------
    path
        Of the MP4 file.
    source
    steps
        From `autonuclei.measure.motility.measure_motility` with the same units.
    tail_frames
        How many frames a step stays to be seen.

    Returns
    -------
    (height, width) of the film

    Raises
    ------
    InputError
        The movie has no frames.
    """
    shape = _read_shape(path, source)
    return _write_films(source, shape, {path: _draw_tails(source, shape, steps, tail_frames)})


def _draw_tails(
    source: FilmSource, shape: tuple[int, ...], steps: pd.DataFrame, tail_frames: int
) -> DrawOver:
    units = source.units
    ordered = steps.sort_values(["track", "frame"])
    places = ordered[[f"x_{units.length}", f"y_{units.length}"]].to_numpy(np.float64)
    places = places / units.length_factor
    # In pixels of the film.
    width = choose_size(shape[0], shape[1], source.width_px)[1]
    places = (places + 0.5) * (width / shape[1]) - 0.5
    frame = ordered["frame"].to_numpy(np.int64)
    speeds = ordered[f"speed_{units.speed}"].to_numpy(np.float64)
    ends = np.flatnonzero(np.isfinite(speeds))
    low, high = choose_speed_limits(speeds)

    numbers = np.arange(source.n_frames + 1)
    by_frame = np.argsort(frame, kind="stable")
    spot_bounds = np.searchsorted(frame[by_frame], numbers)
    ends = ends[np.argsort(frame[ends], kind="stable")]
    step_bounds = np.searchsorted(frame[ends], numbers)
    lines = np.hstack([places[ends - 1], places[ends]])
    colours = SPEED_COLOURS((speeds[ends] - low) / (high - low), bytes=True)[:, :3]

    def draw_over(picture: Image.Image, number: int) -> Image.Image:
        # Dimmed, so that the tracks stand out.
        picture = picture.point(lambda value: value * 0.6)
        draw = ImageDraw.Draw(picture)
        shown = slice(step_bounds[max(0, number - tail_frames + 1)], step_bounds[number + 1])
        thick = max(1, round(width / 400))
        for line, colour in zip(lines[shown].tolist(), colours[shown].tolist(), strict=True):
            draw.line(line, fill=tuple(colour), width=thick)
        radius = max(1.5, width / 350)
        spots = places[by_frame[spot_bounds[number] : spot_bounds[number + 1]]]
        for box in np.hstack([spots - radius, spots + radius]).tolist():
            draw.ellipse(box, fill=CENTROID_COLOUR)
        _draw_speed_bar(picture, low, high, UNIT_LABELS[units.speed])
        return picture

    return draw_over


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


def _find_outlines(labels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """The rims, two pixels wide where nuclei are large enough in the film.

    Video stores colour at half the resolution, which washes out thinner lines.
    """
    rims = find_rims(labels)
    areas = np.bincount(labels.astype(np.intp).ravel())[1:]
    areas = areas[areas > 0]
    if len(areas) and areas.mean() > LARGE_AREA:
        rims |= find_rims(np.where(rims, 0, labels))
    return rims


def _read_shape(path: str | os.PathLike[str], source: FilmSource) -> tuple[int, ...]:
    if source.n_frames < 1:
        raise InputError(f"{path}: the movie has no frames, so there is nothing to film.")
    return source.read_image(0).shape


def _write_films(
    source: FilmSource,
    shape: tuple[int, ...],
    films: Mapping[str | os.PathLike[str], DrawOver],
) -> tuple[int, int]:
    """Write films of the same frames, each with what is drawn over them."""
    height, width = choose_size(shape[0], shape[1], source.width_px)
    limits = choose_contrast(source)
    step = choose_step(source.n_frames)
    with ExitStack() as open_films:
        writers = [
            open_films.enter_context(_open_film(path, source, (height, width))) for path in films
        ]
        for frame in range(0, source.n_frames, step):
            grey = stretch_bytes(source.read_image(frame), limits)
            # A box filter: each pixel of the film is the mean of those that it covers.
            small = Image.fromarray(grey).resize((width, height), Image.Resampling.BOX)
            small = small.convert("RGB")
            for writer, draw_over in zip(writers, films.values(), strict=True):
                picture = draw_over(small, frame)
                _draw_scale_and_time(picture, frame, step, shape[1] / width, source.units)
                writer.write(picture.tobytes())
    return height, width


@contextmanager
def _open_film(
    path: str | os.PathLike[str], source: FilmSource, size: tuple[int, int]
) -> Iterator[IO[bytes]]:
    """A film that takes pictures, (height, width, 3) bytes each; whole where the block ends well.

    Not by imageio_ffmpeg.write_frames, which takes a film for whole that ffmpeg could not finish.
    """
    height, width = size
    rate = Fraction(source.frames_per_second).limit_denominator()
    with write_beside(path) as partial:
        # One thread and no time stamps: the same film gives the same bytes. The index at the
        # front lets a browser start before it has loaded the whole file. `superfast` takes two
        # fifths of the time of `faster` and a fifth of that of x264's default; its films look the
        # same and are larger by a twentieth, those of images without noise by a sixth.
        command = [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-y", "-f", "rawvideo"),
            *("-s", f"{width}x{height}", "-pix_fmt", "rgb24", "-r", str(rate), "-i", "-", "-an"),
            *("-vcodec", "libx264", "-pix_fmt", "yuv420p", "-preset", "superfast", "-crf", "23"),
            *("-threads", "1", "-movflags", "+faststart", str(partial)),
        ]
        # In a session of its own, Ctrl-C does not reach it before this process.
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, start_new_session=True) as process:
            assert process.stdin is not None
            try:
                yield process.stdin
                process.stdin.close()
                is_whole = process.wait() == 0
            except BrokenPipeError:
                is_whole = False
            except BaseException:
                process.kill()
                raise
            finally:
                with suppress(BrokenPipeError):
                    process.stdin.close()
        if not is_whole:
            raise InputError(
                f"{path}: this film could not be written to its end; mostly the disk is full. Free "
                "some space and run again; else see the log."
            )


def _write_text(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, anchor: str
) -> None:
    # Matplotlib ships this font, so the letters are the same on every machine.
    font = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf")
    draw.text(
        place,
        text,
        fill="white",
        font=ImageFont.truetype(str(font), size),
        anchor=anchor,
        # Readable over bright nuclei too.
        stroke_width=max(1, size // 10),
        stroke_fill="black",
    )


def _draw_scale_and_time(
    picture: Image.Image, frame: int, step: int, pixels_per_pixel: float, units: Units
) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    size = max(9, width // 40)
    margin = max(4, width // 50)
    _write_text(draw, (margin, margin), format_time(frame, units), size, "lt")
    if step > 1:
        note = f"every {name_place(step)} frame"
        _write_text(draw, (margin, margin + 1.4 * size), note, max(8, size // 2), "lt")
    # Length units per pixel of the film.
    scale = pixels_per_pixel * units.length_factor
    length = choose_bar_length(width * scale)
    right, bottom = width - margin, height - margin
    left, thick = right - length / scale, max(2, height // 150)
    draw.rectangle([left - 1, bottom - thick - 1, right + 1, bottom + 1], fill="black")
    draw.rectangle([left, bottom - thick, right, bottom], fill="white")
    label = f"{length:g} {UNIT_LABELS[units.length]}"
    _write_text(draw, ((left + right) / 2, bottom - thick - size // 3), label, size, "mb")


def _draw_speed_bar(picture: Image.Image, low: float, high: float, unit: str) -> None:
    width, height = picture.size
    draw = ImageDraw.Draw(picture)
    size, margin = max(8, width // 55), max(4, width // 50)
    length, thick = width // 5, max(4, width // 100)
    top = height - margin - thick
    colours = SPEED_COLOURS(np.linspace(0, 1, length), bytes=True)[:, :3]
    draw.rectangle([margin - 1, top - 1, margin + length, top + thick], fill="black")
    for x, colour in enumerate(colours.tolist(), start=margin):
        draw.line([x, top, x, top + thick - 1], fill=tuple(colour))
    _write_text(draw, (margin, top - size // 3), f"{low:g}", size, "lb")
    _write_text(draw, (margin + length, top - size // 3), f"≥ {high:.2g} {unit}", size, "rb")
