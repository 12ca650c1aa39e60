"""Drawn fluorescence movies of nuclei whose true masks and tracks are known.

A small world of nuclei (`drawn_nuclei`) is photographed frame by frame. The label value of a
nucleus is its track, as in the Cell Tracking Challenge: a division ends the mother's label and
starts two new ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from autonuclei.example.drawn_nuclei import (
    TEXTURE_PX,
    DrawnNucleus,
    Floats,
    MovieSettings,
    advance_nuclei,
    make_nuclei,
)
from autonuclei.example.drawn_reporters import (
    REPORTERS,
    draw_reporters,
    express_reporters,
    tabulate_reporters,
)
from autonuclei.labels.pieces import keep_largest_pieces

# A cut nucleus at the border of the field is seen, and gets a label, from this many pixels on.
SMALLEST_VISIBLE_PX = 25


@dataclass(frozen=True)
class DrawnFrame:
    """One frame of a drawn movie.

    Attributes
    ----------
    image, labels : (height_px, width_px) uint16
        Raw image and true label image.
    new_parents : dict
        For each label that is new in this frame the label of its mother, 0 for none.
    reporters : dict of (height_px, width_px) uint16
        Raw images of the reporters by name; empty unless the settings ask for them.
    truth : DataFrame or None
        What the reporters truly are; see `tabulate_reporters`.
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    new_parents: dict[int, int]
    reporters: dict[str, NDArray[np.uint16]] = field(default_factory=dict)
    truth: pd.DataFrame | None = None


@dataclass(frozen=True)
class DrawnMovie:
    """A drawn movie.

    Attributes
    ----------
    images, labels : (frames, height_px, width_px) uint16
        Raw images and true label images.
    tracks : DataFrame
        One row per track with the columns `label`, `begin`, `end`, `parent` (0: none) of the
        Cell Tracking Challenge.
    reporters : dict of (frames, height_px, width_px) uint16
        Raw images of the reporters by name; empty unless the settings ask for them.
    truth : DataFrame or None
        What the reporters truly are in all frames; see `tabulate_reporters`.
    """

    images: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    tracks: pd.DataFrame
    reporters: dict[str, NDArray[np.uint16]] = field(default_factory=dict)
    truth: pd.DataFrame | None = None


def draw_movie(settings: MovieSettings, seed: int) -> DrawnMovie:
    """Draw a whole movie; `draw_frames` has the parameters and rules."""
    frames = list(draw_frames(settings, seed))
    parents: dict[int, int] = {}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for number, frame in enumerate(frames):
        parents |= frame.new_parents
        for value in np.unique(frame.labels)[1:].tolist():
            first.setdefault(value, number)
            last[value] = number
    tracks = pd.DataFrame(
        [(value, first[value], last[value], parents[value]) for value in sorted(first)],
        columns=["label", "begin", "end", "parent"],
        dtype=np.int64,
    )
    images = np.stack([frame.image for frame in frames])
    labels = np.stack([frame.labels for frame in frames])
    if not settings.reporters:
        return DrawnMovie(images, labels, tracks)
    reporters = {name: np.stack([frame.reporters[name] for frame in frames]) for name in REPORTERS}
    truth = pd.concat([frame.truth for frame in frames], ignore_index=True)
    return DrawnMovie(images, labels, tracks, reporters, truth)


def draw_frames(settings: MovieSettings, seed: int) -> Iterator[DrawnFrame]:
    """Draw a movie frame by frame, so that a long one needs little memory.

    The label of a nucleus is its track. When only one daughter lies in the field, it keeps the
    mother's label; a nucleus that comes back after leaving the field gets a new label.

    Parameters
    ----------
    settings : MovieSettings
    seed : int
        The same settings and seed give the same movie.

    Yields
    ------
    DrawnFrame

    Raises
    ------
    ValueError
        More than 65535 tracks.
    """
    rng = np.random.default_rng(seed)
    # With and without reporters the movie is the same.
    reporter_rng = np.random.default_rng([seed, 1])
    size = np.array([settings.height_px, settings.width_px]) * settings.pixel_size_um
    steps = rng.normal(0, settings.drift_jitter_um, (settings.frames, 2))
    steps += np.array(settings.drift_um_per_min) * settings.interval_min
    steps[0] = 0
    corners = np.cumsum(steps, axis=0)
    margin = 2.0 * settings.diameter_um
    low, high = corners.min(axis=0) - margin, corners.max(axis=0) + size + margin
    nuclei = make_nuclei(settings, rng, low, high)
    slope = rng.uniform(-1, 1, 3)
    reporter_slopes = reporter_rng.uniform(-1, 1, (len(REPORTERS), 3))
    new_labels = count(1)
    for frame, corner in enumerate(corners):
        if frame:
            nuclei = advance_nuclei(nuclei, settings, rng, low, high)
        light, owner = _photograph(nuclei, settings, corner)
        # An overlap may cut slivers off.
        owner = keep_largest_pieces(owner)
        sizes = np.bincount(owner.ravel(), minlength=len(nuclei) + 1)[1:]
        parents = _assign_labels(nuclei, sizes >= SMALLEST_VISIBLE_PX, frame, new_labels)
        values = np.zeros(len(nuclei) + 1, np.int64)
        values[1:] = [n.label if n.last_seen == frame else 0 for n in nuclei]
        if values.max() > np.iinfo(np.uint16).max:
            raise ValueError("More than 65535 tracks do not fit into a 16-bit label image.")
        labels = values.astype(np.uint16)[owner]
        fade = (1 - settings.bleaching_per_frame) ** frame
        # A wide halo of out-of-focus light lies around every nucleus.
        halo = 0.05 * gaussian_filter(light, 0.8 * settings.diameter_um / settings.pixel_size_um)
        image = _expose(light, settings, rng, slope, fade=fade, halo=halo)
        if not settings.reporters:
            yield DrawnFrame(image, labels, parents)
            continue
        express_reporters(nuclei, settings, reporter_rng)
        truth = tabulate_reporters(nuclei, settings, frame)
        lights = draw_reporters(labels, truth, settings)
        # Neither halo nor bleaching: the light is what the table says.
        reporters = {
            name: _expose(lights[name], settings, reporter_rng, own_slope)
            for name, own_slope in zip(REPORTERS, reporter_slopes, strict=True)
        }
        yield DrawnFrame(image, labels, parents, reporters, truth)


def _assign_labels(
    nuclei: list[DrawnNucleus], visible: NDArray[np.bool_], frame: int, new_labels: Iterator[int]
) -> dict[int, int]:
    """Give every visible nucleus its label; return label -> mother's label of the new ones."""
    parents: dict[int, int] = {}
    seen = [nucleus for nucleus, is_seen in zip(nuclei, visible, strict=True) if is_seen]
    seen_now = {id(nucleus) for nucleus in seen}
    for nucleus in seen:
        if nucleus.last_seen != frame - 1 or nucleus.label == 0:
            mother = nucleus.mother
            if nucleus.last_seen >= 0 or (mother and mother.last_seen != frame - 1):
                mother = None
            if mother and id(nucleus.sister) not in seen_now:
                nucleus.label = mother.label
            else:
                nucleus.label = next(new_labels)
                parents[nucleus.label] = mother.label if mother else 0
        nucleus.last_seen = frame
    return parents


def _photograph(
    nuclei: list[DrawnNucleus], settings: MovieSettings, corner: Floats
) -> tuple[Floats, NDArray[np.int32]]:
    """Draw all nuclei: light without blur or noise, and for each pixel 1 + index of its nucleus.

    Where two outlines overlap, a pixel belongs to the nucleus in which it lies deeper.
    """
    shape = (settings.height_px, settings.width_px)
    light = np.zeros(shape)
    owner = np.zeros(shape, np.int32)
    depth = np.ones(shape)
    for index, nucleus in enumerate(nuclei, start=1):
        stamp = _draw_nucleus(nucleus, settings, corner)
        if stamp is None:
            continue
        box, relative, glow = stamp
        mine = relative < depth[box]
        depth[box][mine] = relative[mine]
        owner[box][mine] = index
        light[box][mine] = glow[mine]
    return light, owner


def _draw_nucleus(
    nucleus: DrawnNucleus, settings: MovieSettings, corner: Floats
) -> tuple[tuple[slice, slice], Floats, Floats] | None:
    """Where a nucleus lies, and there the relative radius (1 = outline) and the light.

    None outside of the field.
    """
    look = nucleus.look(settings)
    radius = nucleus.measure_radius(settings) / settings.pixel_size_um
    row, column = (nucleus.position - corner) / settings.pixel_size_um
    reach = int(np.ceil(1.5 * radius * np.sqrt(look.elongation))) + 2
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    bottom = min(settings.height_px, int(row) + reach + 1)
    right = min(settings.width_px, int(column) + reach + 1)
    if bottom <= top or right <= left:
        return None
    rows = np.arange(top, bottom)[:, None] - row
    columns = np.arange(left, right)[None, :] - column
    # u runs along the long axis, v along the short one.
    sine, cosine, root = np.sin(nucleus.angle), np.cos(nucleus.angle), np.sqrt(look.elongation)
    u = (rows * sine + columns * cosine) / root
    v = (rows * cosine - columns * sine) * root
    theta = np.arctan2(v, u)
    outline = np.ones_like(theta)
    for bulges, (cosine, sine) in enumerate(nucleus.waves.T, start=2):
        waves = cosine * np.cos(bulges * theta) + sine * np.sin(bulges * theta)
        outline += look.texture * waves
    relative = np.hypot(u, v) / radius / np.maximum(outline, 0.5)
    scale, middle = TEXTURE_PX / 2 / 1.3 / radius, TEXTURE_PX / 2
    pattern = map_coordinates(nucleus.texture, [v * scale + middle, u * scale + middle], order=1)
    # Thicker, so brighter, in the middle.
    dome = 0.75 + 0.25 * np.sqrt(np.clip(1 - relative**2, 0, 1))
    light = dome * np.clip(1 + look.texture * settings.texture * pattern, 0.2, 2.5)
    box = np.s_[top:bottom, left:right]
    return box, relative, nucleus.brightness * look.brightness * light


def _expose(
    light: Floats,
    settings: MovieSettings,
    rng: np.random.Generator,
    slope: Floats,
    *,
    fade: float = 1.0,
    halo: Floats | float = 0.0,
) -> NDArray[np.uint16]:
    """Turn light into camera counts: blur, background, bleaching, shot and read noise."""
    blurred = gaussian_filter(light, settings.psf_sigma_um / settings.pixel_size_um)
    rows = np.linspace(-1, 1, settings.height_px)[:, None]
    columns = np.linspace(-1, 1, settings.width_px)[None, :]
    tilt = slope[0] * rows + slope[1] * columns + slope[2] * (rows**2 + columns**2 - 2 / 3)
    backdrop = settings.background * (1 + settings.background_unevenness * tilt)
    counts = np.maximum(backdrop + fade * (blurred + halo), 0)
    counts = rng.poisson(counts / settings.counts_per_photon) * settings.counts_per_photon
    counts = counts + rng.normal(0, settings.read_noise, counts.shape)
    return np.asarray(np.clip(np.rint(counts), 0, 65535), np.uint16)
