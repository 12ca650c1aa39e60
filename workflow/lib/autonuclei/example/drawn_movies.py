"""Drawn fluorescence images of nuclei whose true masks and tracks are known.

A small world of nuclei is simulated (movement, growth, division) and photographed frame by
frame. The label value of a nucleus is its track, as in the Cell Tracking Challenge: a division
ends the mother's label and starts two new ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import find_objects, gaussian_filter, label, map_coordinates
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Image = NDArray[np.uint16]

# A cut nucleus at the border of the field is seen, and gets a label, from this many pixels on.
SMALLEST_VISIBLE_PX = 25
_TEXTURE_SIZE = 64


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is drawn. Lengths are in um, times in min, brightness in camera counts."""

    frames: int = 30
    height_px: int = 256
    width_px: int = 256
    pixel_size_um: float = 0.5
    interval_min: float = 5.0
    # Nuclei: number in the field at the start, and the look of one of middle age.
    nuclei: int = 30
    diameter_um: float = 13.0
    diameter_spread: float = 0.1  # standard deviation over mean
    elongation: float = 1.3  # long over short axis, on average
    irregularity: float = 0.04  # depth of dents and bulges, as a share of the radius
    texture: float = 0.22  # standard deviation over mean inside a nucleus
    brightness: float = 2500.0
    brightness_spread: float = 0.3
    clustering: float = 0.0  # 0 = spread evenly, towards 1 = in clumps that touch
    # Movement.
    speed_um_per_min: float = 0.12
    persistence_min: float = 30.0
    drift_um_per_min: tuple[float, float] = (0.03, -0.02)  # of the stage, rows and columns
    drift_jitter_um: float = 0.1  # from frame to frame
    # Cell cycle and mitosis.
    cycle_min: float = 230.0
    mitosis_min: float = 25.0  # from rounding up to the separation of the daughters
    condensation: float = 0.5  # area of the metaphase plate over the area before; 1 = no change
    brightening: float = 1.0  # 1 = the same amount of DNA on a smaller area, 0 = no change
    separation: float = 1.0  # of the daughters, in diameters, once they stop moving apart
    recovery_min: float = 40.0  # until the daughters have the size and look of young nuclei
    # Camera.
    psf_sigma_um: float = 0.45
    background: float = 300.0
    background_unevenness: float = 0.3
    bleaching_per_frame: float = 0.006
    counts_per_photon: float = 6.0
    read_noise: float = 12.0


@dataclass(frozen=True)
class DrawnFrame:
    """One frame: raw image, true label image, and the mother of each label that is new."""

    image: Image
    labels: Image
    new_parents: dict[int, int]


@dataclass(frozen=True)
class DrawnMovie:
    """Images and true label images, both (frames, rows, columns) uint16, and the true tracks.

    `tracks` has one row per track with the columns label, begin, end, parent of the Cell
    Tracking Challenge; parent 0 means none.
    """

    images: Image
    labels: Image
    tracks: pd.DataFrame


@dataclass
class _Nucleus:
    position: Floats  # um, in the world
    velocity: Floats  # um per min
    area: float  # um2 at middle age
    elongation: float
    angle: float  # of the long axis, rad
    waves: Floats  # (2, 4): cosine and sine of 2 to 5 bulges
    brightness: float
    texture: Floats
    age: float  # min since birth
    cycle: float  # min
    newborn: bool  # born in the movie: comes out of a mitosis
    push: Floats  # um that are left of the daughters' separation
    mother: "_Nucleus | None" = None
    sister: "_Nucleus | None" = None
    label: int = 0
    last_seen: int = -10

    def look(self, settings: Settings) -> tuple[float, float, float, float]:
        """Give area factor, elongation, brightness factor and share of the usual texture."""
        growth = 0.7 + 0.6 * min(self.age / self.cycle, 1.0)
        # 1 at the moment of the division, 0 well before and well after it.
        before = np.clip(1 - (self.cycle - self.age) / settings.mitosis_min, 0, 1)
        after = 0.0
        if self.newborn:
            after = float(np.clip(1 - self.age / settings.recovery_min, 0, 1))
        depth = max(float(before), after)
        area = growth * (1 - (1 - settings.condensation) * depth)
        brightness = (growth / area) ** settings.brightening
        # First the nucleus rounds up, then it becomes a plate. Daughters start as plates.
        plate = 1 + 1.1 * (1 - settings.condensation) / 0.5
        if before > 0:
            knots = [0.0, 0.5, 1.0]
            elongation = float(np.interp(before, knots, [self.elongation, 1.1, plate]))
        else:
            elongation = self.elongation + (plate - self.elongation) * after
        return area, elongation, brightness, 1 - 0.7 * depth

    def radius(self, settings: Settings) -> float:
        return float(np.sqrt(self.area * self.look(settings)[0] / np.pi))


def _draw_texture(rng: np.random.Generator) -> Floats:
    """Give chromatin with a mean of 1 over a square that holds one nucleus."""
    fine = gaussian_filter(rng.standard_normal((_TEXTURE_SIZE, _TEXTURE_SIZE)), 1.8)
    coarse = gaussian_filter(rng.standard_normal((_TEXTURE_SIZE, _TEXTURE_SIZE)), 5.0)
    pattern = fine / fine.std() + 0.8 * coarse / coarse.std()
    rows, columns = np.mgrid[:_TEXTURE_SIZE, :_TEXTURE_SIZE]
    for _ in range(rng.integers(0, 4)):  # nucleoli are dark
        row, column = rng.uniform(0.3, 0.7, 2) * _TEXTURE_SIZE
        distance2 = (rows - row) ** 2 + (columns - column) ** 2
        pattern -= 2.2 * np.exp(-distance2 / (2 * rng.uniform(2.5, 4.5) ** 2))
    pattern -= pattern.mean()
    return np.asarray(pattern / pattern.std())


def _make_nucleus(settings: Settings, rng: np.random.Generator, position: Floats) -> _Nucleus:
    diameter = settings.diameter_um * max(rng.normal(1, settings.diameter_spread), 0.4)
    return _Nucleus(
        position=position,
        velocity=rng.normal(0, settings.speed_um_per_min / np.sqrt(2), 2),
        area=np.pi * diameter**2 / 4,
        elongation=max(1.0, settings.elongation + rng.normal(0, 0.15)),
        angle=rng.uniform(0, np.pi),
        waves=_draw_waves(settings, rng),
        brightness=settings.brightness * np.exp(rng.normal(0, settings.brightness_spread)),
        texture=_draw_texture(rng),
        age=0.0,
        cycle=settings.cycle_min * max(rng.normal(1, 0.08), 0.5),
        newborn=False,
        push=np.zeros(2),
    )


def _draw_waves(settings: Settings, rng: np.random.Generator) -> Floats:
    waves: Floats = rng.normal(0, settings.irregularity, (2, 4))
    return np.asarray(waves / np.array([1.0, 1.0, 1.4, 1.8]))


def _place_nuclei(
    settings: Settings, rng: np.random.Generator, low: Floats, high: Floats
) -> list[Floats]:
    """Give positions in the world, spread evenly or in clumps."""
    field_um2 = settings.height_px * settings.width_px * settings.pixel_size_um**2
    number = max(1, round(settings.nuclei * float(np.prod(high - low)) / field_um2))
    centres = rng.uniform(low, high, (max(1, number // 8), 2))
    placed = np.empty((number, 2))
    for index in range(number):
        # Of several throws the one with most room; `_push_apart` then relaxes a crowd.
        throws = rng.uniform(low, high, (12, 2))
        clumped = rng.random(12) < settings.clustering
        near = centres[rng.integers(len(centres), size=12)]
        near = near + rng.normal(0, 1.6 * settings.diameter_um, (12, 2))
        throws[clumped] = np.clip(near[clumped], low, high)
        rooms = np.full(12, np.inf)
        if index:
            offsets = throws[:, None] - placed[None, :index]
            rooms = np.hypot(offsets[..., 0], offsets[..., 1]).min(axis=1)
        placed[index] = throws[np.minimum(rooms, 1.02 * settings.diameter_um).argmax()]
    return list(placed)


def _push_apart(nuclei: list[_Nucleus], settings: Settings, rounds: int) -> None:
    """Move nuclei that overlap away from each other until they touch at most."""
    if len(nuclei) < 2:
        return
    positions = np.array([nucleus.position for nucleus in nuclei])
    radii = np.array([nucleus.radius(settings) for nucleus in nuclei])
    for _ in range(rounds):
        pairs = cKDTree(positions).query_pairs(2.2 * radii.max(), output_type="ndarray")
        if len(pairs) == 0:
            return
        one, other = pairs.T
        offset = positions[other] - positions[one]
        distance = np.maximum(np.hypot(*offset.T), 1e-6)
        overlap = np.maximum(1.02 * (radii[one] + radii[other]) - distance, 0)
        shift = offset / distance[:, None] * (0.35 * overlap)[:, None]
        np.add.at(positions, one, -shift)
        np.add.at(positions, other, shift)
    for nucleus, position in zip(nuclei, positions, strict=True):
        nucleus.position = position


def _divide(mother: _Nucleus, settings: Settings, rng: np.random.Generator) -> list[_Nucleus]:
    """Give the two daughters, one on each side of the mother's plate."""
    late = mother.age - mother.cycle
    # The plate's long axis is `angle`; the daughters leave across it.
    across = np.array([np.cos(mother.angle), -np.sin(mother.angle)])
    start = 0.29 * settings.diameter_um
    share = float(np.clip(rng.normal(0.5, 0.02), 0.44, 0.56))
    daughters = []
    for side, part in ((-1, share), (1, 1 - share)):
        daughter = _make_nucleus(settings, rng, mother.position + side * across * start)
        daughter.area = mother.area * 2 * part
        daughter.brightness = mother.brightness * np.exp(rng.normal(0, 0.04))
        daughter.velocity = mother.velocity.copy()
        daughter.angle = mother.angle + rng.normal(0, 0.15)
        daughter.waves = 0.5 * daughter.waves
        daughter.age, daughter.newborn, daughter.mother = late, True, mother
        daughter.push = (
            side * across * max(settings.separation * settings.diameter_um / 2 - start, 0)
        )
        daughters.append(daughter)
    daughters[0].sister, daughters[1].sister = daughters[1], daughters[0]
    return daughters


def _advance(
    nuclei: list[_Nucleus],
    settings: Settings,
    rng: np.random.Generator,
    bounds: tuple[Floats, Floats],
) -> list[_Nucleus]:
    """Move the world on by one frame interval."""
    minutes = settings.interval_min
    keep = np.exp(-minutes / max(settings.persistence_min, 1e-9))
    spread = settings.speed_um_per_min / np.sqrt(2) * np.sqrt(1 - keep**2)
    after: list[_Nucleus] = []
    for nucleus in nuclei:
        nucleus.age += minutes
        born = [nucleus]
        if nucleus.age >= nucleus.cycle:
            born = _divide(nucleus, settings, rng)
        after.extend(born)
    for nucleus in after:
        nucleus.velocity = keep * nucleus.velocity + rng.normal(0, spread, 2)
        still = nucleus.cycle - nucleus.age < settings.mitosis_min  # mitotic cells hardly move
        nucleus.position = nucleus.position + nucleus.velocity * minutes * (0.4 if still else 1)
        moved = 1 - np.exp(-(nucleus.age if nucleus.age < minutes else minutes) / 8.0)
        nucleus.position = nucleus.position + moved * nucleus.push
        nucleus.push = (1 - moved) * nucleus.push
        nucleus.angle += rng.normal(0, 0.03 * np.sqrt(minutes / 5))
        fresh = 1 - np.exp(-minutes / 90)
        nucleus.waves = (1 - fresh) * nucleus.waves + np.sqrt(1 - (1 - fresh) ** 2) * _draw_waves(
            settings, rng
        )
    _push_apart(after, settings, rounds=6)
    low, high = bounds
    for nucleus in after:
        outside = (nucleus.position < low) | (nucleus.position > high)
        nucleus.velocity[outside] *= -1
        nucleus.position = np.clip(nucleus.position, low, high)
    return after


def _stamp(
    nucleus: _Nucleus, settings: Settings, corner: Floats
) -> tuple[int, int, Floats, Floats] | None:
    """Give first row and column, relative radius (1 = outline) and light on a small window."""
    area, elongation, brightness, contrast = nucleus.look(settings)
    radius = np.sqrt(nucleus.area * area / np.pi) / settings.pixel_size_um
    row, column = (nucleus.position - corner) / settings.pixel_size_um
    reach = int(np.ceil(1.5 * radius * np.sqrt(elongation))) + 2
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    bottom = min(settings.height_px, int(row) + reach + 1)
    right = min(settings.width_px, int(column) + reach + 1)
    if bottom <= top or right <= left:
        return None
    rows = np.arange(top, bottom)[:, None] - row
    columns = np.arange(left, right)[None, :] - column
    # u runs along the long axis, v along the short one.
    u = (rows * np.sin(nucleus.angle) + columns * np.cos(nucleus.angle)) / np.sqrt(elongation)
    v = (rows * np.cos(nucleus.angle) - columns * np.sin(nucleus.angle)) * np.sqrt(elongation)
    theta = np.arctan2(v, u)
    outline = np.ones_like(theta)
    for bulges, (cosine, sine) in enumerate(nucleus.waves.T, start=2):
        outline += contrast * (cosine * np.cos(bulges * theta) + sine * np.sin(bulges * theta))
    relative = np.hypot(u, v) / radius / np.maximum(outline, 0.5)
    scale = _TEXTURE_SIZE / 2 / 1.3 / radius
    pattern = map_coordinates(
        nucleus.texture, [v * scale + _TEXTURE_SIZE / 2, u * scale + _TEXTURE_SIZE / 2], order=1
    )
    # Thicker, so brighter, in the middle.
    dome = 0.75 + 0.25 * np.sqrt(np.clip(1 - relative**2, 0, 1))
    light = dome * np.clip(1 + contrast * settings.texture * pattern, 0.2, 2.5)
    return top, left, relative, nucleus.brightness * brightness * light


def _photograph(
    nuclei: list[_Nucleus], settings: Settings, corner: Floats
) -> tuple[Floats, NDArray[np.int32]]:
    """Draw all nuclei: light without blur or noise, and for each pixel 1 + index of its nucleus.

    Where two outlines overlap, a pixel belongs to the nucleus in which it lies deeper.
    """
    shape = (settings.height_px, settings.width_px)
    light = np.zeros(shape)
    owner = np.zeros(shape, np.int32)
    depth = np.ones(shape)
    for index, nucleus in enumerate(nuclei, start=1):
        stamp = _stamp(nucleus, settings, corner)
        if stamp is None:
            continue
        top, left, relative, glow = stamp
        window = np.s_[top : top + relative.shape[0], left : left + relative.shape[1]]
        mine = relative < depth[window]
        depth[window][mine] = relative[mine]
        owner[window][mine] = index
        light[window][mine] = glow[mine]
    return light, owner


def _keep_largest_pieces(owner: NDArray[np.int32]) -> NDArray[np.int32]:
    """Drop the slivers that an overlap cuts off, so that a label is one piece."""
    kept = owner.copy()
    for value, window in enumerate(find_objects(owner), start=1):
        if window is None:
            continue
        mask = owner[window] == value
        pieces, number = label(mask)
        if number > 1:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            kept[window][mask & (pieces != sizes.argmax())] = 0
    return kept


def _expose(
    light: Floats, settings: Settings, rng: np.random.Generator, frame: int, slope: Floats
) -> Image:
    """Turn light into camera counts: blur, background, bleaching, shot and read noise."""
    blurred = gaussian_filter(light, settings.psf_sigma_um / settings.pixel_size_um)
    # A wide halo of out-of-focus light lies around every nucleus.
    halo = 0.05 * gaussian_filter(light, 0.8 * settings.diameter_um / settings.pixel_size_um)
    rows = np.linspace(-1, 1, settings.height_px)[:, None]
    columns = np.linspace(-1, 1, settings.width_px)[None, :]
    tilt = slope[0] * rows + slope[1] * columns + slope[2] * (rows**2 + columns**2 - 2 / 3)
    backdrop = settings.background * (1 + settings.background_unevenness * tilt)
    fade = (1 - settings.bleaching_per_frame) ** frame
    counts = np.maximum(backdrop + fade * (blurred + halo), 0)
    counts = rng.poisson(counts / settings.counts_per_photon) * settings.counts_per_photon
    counts = counts + rng.normal(0, settings.read_noise, counts.shape)
    return np.asarray(np.clip(np.rint(counts), 0, 65535), np.uint16)


def draw_frames(settings: Settings, seed: int) -> Iterator[DrawnFrame]:
    """Draw a movie frame by frame, so that a long one needs little memory.

    Parameters
    ----------
    settings : Settings
    seed : int
        The same settings and seed give the same movie.

    Yields
    ------
    DrawnFrame
        Image and label image, (height_px, width_px) uint16. The label of a nucleus is its
        track. When only one daughter lies in the field, it keeps the mother's label; a nucleus
        that comes back after leaving the field gets a new label.

    Raises
    ------
    ValueError
        More than 65535 tracks.
    """
    rng = np.random.default_rng(seed)
    size = np.array([settings.height_px, settings.width_px]) * settings.pixel_size_um
    steps = rng.normal(0, settings.drift_jitter_um, (settings.frames, 2))
    steps += np.array(settings.drift_um_per_min) * settings.interval_min
    steps[0] = 0
    corners = np.cumsum(steps, axis=0)
    margin = 2.0 * settings.diameter_um
    low, high = corners.min(axis=0) - margin, corners.max(axis=0) + size + margin
    nuclei = [_make_nucleus(settings, rng, p) for p in _place_nuclei(settings, rng, low, high)]
    # Ages are stratified: the number of divisions then hardly depends on the seed. Young
    # nuclei are twice as many as old ones in a growing population.
    shares = (rng.permutation(len(nuclei)) + rng.random(len(nuclei))) / len(nuclei)
    for nucleus, share in zip(nuclei, shares, strict=True):
        nucleus.age = (1 - np.log2(2 - share)) * nucleus.cycle
    _push_apart(nuclei, settings, rounds=60)
    slope = rng.uniform(-1, 1, 3)
    labels_in_use = count(1)
    for frame, corner in enumerate(corners):
        if frame:
            nuclei = _advance(nuclei, settings, rng, (low, high))
        light, owner = _photograph(nuclei, settings, corner)
        owner = _keep_largest_pieces(owner)
        sizes = np.bincount(owner.ravel(), minlength=len(nuclei) + 1)[1:]
        parents = _assign_labels(nuclei, sizes >= SMALLEST_VISIBLE_PX, frame, labels_in_use)
        values = np.zeros(len(nuclei) + 1, np.int64)
        values[1:] = [n.label if n.last_seen == frame else 0 for n in nuclei]
        if values.max() > np.iinfo(np.uint16).max:
            raise ValueError("More than 65535 tracks do not fit into a 16-bit label image.")
        image = _expose(light, settings, rng, frame, slope)
        yield DrawnFrame(image, values.astype(np.uint16)[owner], parents)


def _assign_labels(
    nuclei: list[_Nucleus], visible: NDArray[np.bool_], frame: int, new_labels: Iterator[int]
) -> dict[int, int]:
    """Give every visible nucleus its label; return label -> mother's label of the new ones."""
    parents: dict[int, int] = {}
    seen_now = {id(n) for n, seen in zip(nuclei, visible, strict=True) if seen}
    for nucleus, seen in zip(nuclei, visible, strict=True):
        if not seen:
            continue
        if nucleus.last_seen != frame - 1 or nucleus.label == 0:
            mother = nucleus.mother
            fresh = nucleus.last_seen < 0 and mother is not None and mother.last_seen == frame - 1
            if fresh and mother is not None and id(nucleus.sister) not in seen_now:
                nucleus.label = mother.label
            else:
                nucleus.label = next(new_labels)
                parents[nucleus.label] = mother.label if fresh and mother is not None else 0
        nucleus.last_seen = frame
    return parents


def draw_movie(settings: Settings, seed: int) -> DrawnMovie:
    """Draw a whole movie; see `draw_frames` for the rules.

    Returns
    -------
    DrawnMovie
    """
    images, labels = [], []
    parents: dict[int, int] = {}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for frame, drawn in enumerate(draw_frames(settings, seed)):
        images.append(drawn.image)
        labels.append(drawn.labels)
        parents.update(drawn.new_parents)
        for value in np.unique(drawn.labels)[1:].tolist():
            first.setdefault(value, frame)
            last[value] = frame
    tracks = pd.DataFrame(
        [(value, first[value], last[value], parents[value]) for value in sorted(first)],
        columns=["label", "begin", "end", "parent"],
        dtype=np.int64,
    )
    return DrawnMovie(np.stack(images), np.stack(labels), tracks)


@dataclass(frozen=True, kw_only=True)
class StillsSettings:
    """A set of still images that differ in density, size and brightness of the nuclei.

    Each image draws its own values between the two ends of each range.
    """

    number: int = 6
    nuclei: tuple[int, int] = (20, 60)
    diameter_um: tuple[float, float] = (11.0, 15.0)
    brightness: tuple[float, float] = (1200.0, 4000.0)
    clustering: tuple[float, float] = (0.0, 0.6)
    look: Settings = field(default_factory=Settings)  # everything else


def draw_stills(settings: StillsSettings, seed: int) -> Iterator[DrawnFrame]:
    """Draw fields of nuclei that have nothing to do with each other.

    Yields
    ------
    DrawnFrame
        Image and label image with labels 1..n, (height_px, width_px) uint16.
    """
    rng = np.random.default_rng(seed)
    for _ in range(settings.number):
        look = replace(
            settings.look,
            frames=1,
            nuclei=int(rng.integers(settings.nuclei[0], settings.nuclei[1] + 1)),
            diameter_um=float(rng.uniform(*settings.diameter_um)),
            brightness=float(rng.uniform(*settings.brightness)),
            clustering=float(rng.uniform(*settings.clustering)),
        )
        yield next(draw_frames(look, int(rng.integers(2**31))))
