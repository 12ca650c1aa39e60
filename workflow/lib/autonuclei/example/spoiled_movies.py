"""Drawn movies with a fault put in: what a judgement of quality has to find, and clean ones.

Each fault is one that microscopes and exports make. What is bad is known by frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from autonuclei.example.drawn_movies import draw_movie
from autonuclei.example.drawn_nuclei import MovieSettings

Array = npt.NDArray[Any]

N_FRAMES = 8
# From this frame on, or in it, is the fault.
BAD = 5
SIDE_PX = 256
# The field is drawn wider than it is shown, so that it can jump.
MARGIN_PX = 64
HOT_PIXELS = 160


@dataclass(frozen=True)
class SpoiledMovie:
    """A movie with a fault.

    Attributes
    ----------
    images : (frames, height, width) uint16
        Raw images.
    labels : (frames, height, width) uint16
        True label images.
    bad : tuple of int
        The frames that are spoiled, or that the one before does not lead to.
    pixel_size_um : float
        As the file says.
    """

    images: Array
    labels: Array
    bad: tuple[int, ...] = ()
    pixel_size_um: float = MovieSettings.pixel_size_um


def draw_clean(seed: int, *, n_frames: int = N_FRAMES, **changes: Any) -> SpoiledMovie:
    """Draw a movie without a fault; `changes` are of `MovieSettings`."""
    return _show(_draw_wide(seed, n_frames, **changes))


def _draw_wide(seed: int, n_frames: int = N_FRAMES, **changes: Any) -> SpoiledMovie:
    side = SIDE_PX + 2 * MARGIN_PX
    settings = MovieSettings(frames=n_frames, height_px=side, width_px=side, nuclei=70)
    movie = draw_movie(replace(settings, **changes), seed)
    return SpoiledMovie(movie.images, movie.labels)


def _show(movie: SpoiledMovie, shift: int = 0, start: int = N_FRAMES) -> SpoiledMovie:
    """The middle of the field; from a frame on that many px to the side."""
    moved = [MARGIN_PX + (shift if k >= start else 0) for k in range(len(movie.images))]
    here = np.s_[MARGIN_PX : MARGIN_PX + SIDE_PX]

    def cut(pages: Array) -> Array:
        own = zip(pages, moved, strict=True)
        return np.stack([page[here, left : left + SIDE_PX] for page, left in own])

    return replace(movie, images=cut(movie.images), labels=cut(movie.labels))


def _change(movie: SpoiledMovie, frames: range, edit: Callable[[Array], Array]) -> SpoiledMovie:
    """Edit the grey values (float64) of some frames."""
    images = movie.images.copy()
    for k in frames:
        images[k] = np.clip(np.rint(edit(images[k].astype(np.float64))), 0, 65535)
    return replace(movie, images=images, bad=tuple(frames))


def _expose_anew(image: Array, rng: np.random.Generator) -> Array:
    """Add the noise that a blur or a dimming took away."""
    photons = MovieSettings.counts_per_photon
    noisy = rng.poisson(np.maximum(image, 0) / photons) * photons
    return noisy + rng.normal(0, MovieSettings.read_noise, image.shape)


def _find_brightness(movie: SpoiledMovie) -> tuple[float, float]:
    """Grey value of the background and of a typical nucleus above it."""
    inside = movie.labels > 0
    dark = float(np.median(movie.images[~inside]))
    return dark, float(np.median(movie.images[inside])) - dark


def _add_spots(
    movie: SpoiledMovie, seed: int, n: int, size_px: float, brightness: float
) -> SpoiledMovie:
    """Bright spots at the same places in all frames; size 0: single pixels."""
    rng = np.random.default_rng([seed, 2])
    spots = np.zeros(movie.images.shape[1:])
    spots[tuple(rng.integers(0, SIDE_PX, (2, n)))] = 1
    if size_px:
        spots = gaussian_filter(spots, size_px) * 2 * np.pi * size_px**2
    _, signal = _find_brightness(movie)
    spoiled = _change(
        movie, range(len(movie.images)), lambda image: image + brightness * signal * spots
    )
    return replace(spoiled, bad=())


def _defocus(seed: int, blur_px: float) -> SpoiledMovie:
    rng = np.random.default_rng([seed, 2])
    return _change(
        draw_clean(seed),
        range(BAD, N_FRAMES),
        lambda image: _expose_anew(gaussian_filter(image, blur_px), rng),
    )


def _saturate(seed: int, share: float) -> SpoiledMovie:
    """Cut off all that is brighter than a part of the typical nucleus."""
    movie = draw_clean(seed)
    dark, signal = _find_brightness(movie)
    return _change(movie, range(N_FRAMES), lambda image: np.minimum(image, dark + share * signal))


def _darken(seed: int, share: float) -> SpoiledMovie:
    """One frame with the lamp off, or at a part of its light."""
    movie, rng = draw_clean(seed), np.random.default_rng([seed, 2])
    dark, _ = _find_brightness(movie)
    return _change(
        movie,
        range(BAD, BAD + 1),
        lambda image: _expose_anew(dark + share * (gaussian_filter(image, 0.5) - dark), rng),
    )


def _repeat(seed: int) -> SpoiledMovie:
    movie = draw_clean(seed)
    images, labels = movie.images.copy(), movie.labels.copy()
    images[BAD], labels[BAD] = images[BAD - 1], labels[BAD - 1]
    # The step to the frame after it takes twice the time.
    return replace(movie, images=images, labels=labels, bad=(BAD, BAD + 1))


def _drop(seed: int, n: int) -> SpoiledMovie:
    movie = draw_clean(seed, n_frames=N_FRAMES + n)
    kept = [k for k in range(N_FRAMES + n) if not BAD <= k < BAD + n]
    return replace(movie, images=movie.images[kept], labels=movie.labels[kept], bad=(BAD,))


def _jump(seed: int, shift_px: int) -> SpoiledMovie:
    return replace(_show(_draw_wide(seed), shift_px, BAD), bad=(BAD,))


def _join_positions(seed: int, places: list[int]) -> SpoiledMovie:
    """Frames of two fields in one movie; `places` says which of the two each frame is of."""
    fields = [draw_clean(seed), draw_clean(seed + 1000)]
    changes = [k for k in range(1, N_FRAMES) if places[k] != places[k - 1]]
    return SpoiledMovie(
        np.stack([fields[place].images[k] for k, place in enumerate(places)]),
        np.stack([fields[place].labels[k] for k, place in enumerate(places)]),
        tuple(changes),
    )


# By name, from a seed.
SPOILED: dict[str, Callable[[int], SpoiledMovie]] = {
    "out of focus, by half a radius": lambda seed: _defocus(seed, 6),
    "out of focus, by a quarter": lambda seed: _defocus(seed, 3),
    "saturated at half of a nucleus": lambda seed: _saturate(seed, 0.5),
    "saturated at a tenth": lambda seed: _saturate(seed, 0.1),
    "dark frame": lambda seed: _darken(seed, 0),
    "frame with a fifth of the light": lambda seed: _darken(seed, 0.2),
    "repeated frame": _repeat,
    "one frame dropped": lambda seed: _drop(seed, 1),
    "five frames dropped": lambda seed: _drop(seed, 5),
    "jump by half a diameter": lambda seed: _jump(seed, 13),
    "jump by two diameters": lambda seed: _jump(seed, 52),
    "bleaching, 5 % a frame": lambda seed: draw_clean(seed, bleaching_per_frame=0.05),
    "bleaching, 25 % a frame": lambda seed: draw_clean(seed, bleaching_per_frame=0.25),
    "debris, 40 specks": lambda seed: _add_spots(draw_clean(seed), seed, 40, 1.5, 2),
    "hot pixels": lambda seed: _add_spots(draw_clean(seed), seed, HOT_PIXELS, 0, 5),
    "pixel size ten times too large": lambda seed: replace(draw_clean(seed), pixel_size_um=5.0),
    "pixel size twice too large": lambda seed: replace(draw_clean(seed), pixel_size_um=1.0),
    "another position from frame 5 on": lambda seed: _join_positions(seed, [0] * 5 + [1] * 3),
    "two positions in turn": lambda seed: _join_positions(seed, [0, 1] * 4),
}
