"""A small world of nuclei that move, grow and divide, for drawn movies.

The order in which random numbers are taken, unused ones too, makes the movies: a change of it
gives other ones.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]

TEXTURE_PX = 64  # side of the square that holds the texture of one nucleus


@dataclass(frozen=True, kw_only=True)
class MovieSettings:
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
    # Two more channels (`drawn_reporters`). A condition is a change of these, or of the cycle.
    reporters: bool = False
    cycle_brightness: float = 2000.0  # in the nucleus at the division
    shuttle_brightness: float = 1500.0  # where the shuttle is
    reporter_spread: float = 0.15  # between cells
    shuttle_min: float = 75.0  # when half of it is in the nucleus
    shuttle_spread_min: float = 8.0  # between cells
    shuttle_duration_min: float = 25.0  # from all in the cytoplasm to all in the nucleus
    cytoplasm_um: float = 6.0  # how far it reaches beyond the nucleus


class Look(NamedTuple):
    """How a nucleus looks at its age; area, brightness and texture over those of middle age."""

    area: float
    elongation: float
    brightness: float
    texture: float


@dataclass
class DrawnNucleus:
    """One nucleus of the world, and the label that it has in the movie."""

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
    mother: "DrawnNucleus | None" = None
    sister: "DrawnNucleus | None" = None
    label: int = 0
    last_seen: int = -10
    # Brightness of the two reporters, and when the shuttle enters, min; None: not drawn.
    expression: tuple[float, float, float] | None = None

    def look(self, settings: MovieSettings) -> Look:
        """The look at the present age."""
        growth = 0.7 + 0.6 * min(self.age / self.cycle, 1.0)
        # 1 at the moment of the division, 0 well before and well after it.
        before = float(np.clip(1 - (self.cycle - self.age) / settings.mitosis_min, 0, 1))
        after = 0.0
        if self.newborn:
            after = float(np.clip(1 - self.age / settings.recovery_min, 0, 1))
        depth = max(before, after)
        area = growth * (1 - (1 - settings.condensation) * depth)
        brightness = (growth / area) ** settings.brightening
        # First the nucleus rounds up, then it becomes a plate. Daughters start as plates.
        plate = 1 + 1.1 * (1 - settings.condensation) / 0.5
        if before > 0:
            elongation = float(np.interp(before, [0, 0.5, 1], [self.elongation, 1.1, plate]))
        else:
            elongation = self.elongation + (plate - self.elongation) * after
        return Look(area, elongation, brightness, 1 - 0.7 * depth)

    def measure_radius(self, settings: MovieSettings) -> float:
        """Radius of the circle of the same area, um."""
        return float(np.sqrt(self.area * self.look(settings).area / np.pi))


def make_nuclei(
    settings: MovieSettings, rng: np.random.Generator, low: Floats, high: Floats
) -> list[DrawnNucleus]:
    """Fill the world with nuclei of all ages.

    Parameters
    ----------
    settings : MovieSettings
    rng : Generator
    low, high : (2,) float64
        Corners of the world, um.
    """
    places = _choose_places(settings, rng, low, high)
    nuclei = [_make_nucleus(settings, rng, place) for place in places]
    # Ages are stratified: the number of divisions then hardly depends on the seed. Young
    # nuclei are twice as many as old ones in a growing population.
    shares = (rng.permutation(len(nuclei)) + rng.random(len(nuclei))) / len(nuclei)
    for nucleus, share in zip(nuclei, shares, strict=True):
        nucleus.age = (1 - np.log2(2 - share)) * nucleus.cycle
    _push_apart(nuclei, settings, rounds=60)
    return nuclei


def advance_nuclei(
    nuclei: list[DrawnNucleus],
    settings: MovieSettings,
    rng: np.random.Generator,
    low: Floats,
    high: Floats,
) -> list[DrawnNucleus]:
    """Move the world on by one frame interval; a nucleus that divides gives way to two.

    Parameters
    ----------
    nuclei : list of DrawnNucleus
        They are changed.
    settings : MovieSettings
    rng : Generator
    low, high : (2,) float64
        Corners of the world, um; nuclei turn back there.
    """
    minutes = settings.interval_min
    keep = np.exp(-minutes / max(settings.persistence_min, 1e-9))
    spread = settings.speed_um_per_min / np.sqrt(2) * np.sqrt(1 - keep**2)
    after: list[DrawnNucleus] = []
    for nucleus in nuclei:
        nucleus.age += minutes
        divides = nucleus.age >= nucleus.cycle
        after += _divide(nucleus, settings, rng) if divides else [nucleus]
    for nucleus in after:
        nucleus.velocity = keep * nucleus.velocity + rng.normal(0, spread, 2)
        still = nucleus.cycle - nucleus.age < settings.mitosis_min  # mitotic cells hardly move
        nucleus.position = nucleus.position + nucleus.velocity * minutes * (0.4 if still else 1)
        moved = 1 - np.exp(-(nucleus.age if nucleus.age < minutes else minutes) / 8.0)
        nucleus.position = nucleus.position + moved * nucleus.push
        nucleus.push = (1 - moved) * nucleus.push
        nucleus.angle += rng.normal(0, 0.03 * np.sqrt(minutes / 5))
        fresh = 1 - np.exp(-minutes / 90)
        waves = _draw_waves(settings, rng)
        nucleus.waves = (1 - fresh) * nucleus.waves + np.sqrt(1 - (1 - fresh) ** 2) * waves
    _push_apart(after, settings, rounds=6)
    for nucleus in after:
        outside = (nucleus.position < low) | (nucleus.position > high)
        nucleus.velocity[outside] *= -1
        nucleus.position = np.clip(nucleus.position, low, high)
    return after


def _choose_places(
    settings: MovieSettings, rng: np.random.Generator, low: Floats, high: Floats
) -> Floats:
    """Positions in the world (n, 2), spread evenly or in clumps."""
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
    return placed


def _make_nucleus(
    settings: MovieSettings, rng: np.random.Generator, position: Floats
) -> DrawnNucleus:
    diameter = settings.diameter_um * max(rng.normal(1, settings.diameter_spread), 0.4)
    return DrawnNucleus(
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


def _draw_waves(settings: MovieSettings, rng: np.random.Generator) -> Floats:
    waves: Floats = rng.normal(0, settings.irregularity, (2, 4))
    return np.asarray(waves / np.array([1.0, 1.0, 1.4, 1.8]))


def _draw_texture(rng: np.random.Generator) -> Floats:
    """Chromatin with a mean of 0 and a standard deviation of 1."""
    fine = gaussian_filter(rng.standard_normal((TEXTURE_PX, TEXTURE_PX)), 1.8)
    coarse = gaussian_filter(rng.standard_normal((TEXTURE_PX, TEXTURE_PX)), 5.0)
    pattern = fine / fine.std() + 0.8 * coarse / coarse.std()
    rows, columns = np.mgrid[:TEXTURE_PX, :TEXTURE_PX]
    for _ in range(rng.integers(0, 4)):  # nucleoli are dark
        row, column = rng.uniform(0.3, 0.7, 2) * TEXTURE_PX
        distance2 = (rows - row) ** 2 + (columns - column) ** 2
        pattern -= 2.2 * np.exp(-distance2 / (2 * rng.uniform(2.5, 4.5) ** 2))
    pattern -= pattern.mean()
    return np.asarray(pattern / pattern.std())


def _push_apart(nuclei: list[DrawnNucleus], settings: MovieSettings, rounds: int) -> None:
    """Move nuclei that overlap away from each other until they touch at most."""
    if len(nuclei) < 2:
        return
    positions = np.array([nucleus.position for nucleus in nuclei])
    radii = np.array([nucleus.measure_radius(settings) for nucleus in nuclei])
    for _ in range(rounds):
        pairs = cKDTree(positions).query_pairs(2.2 * radii.max(), output_type="ndarray")
        if len(pairs) == 0:
            break
        one, other = pairs.T
        offset = positions[other] - positions[one]
        distance = np.maximum(np.hypot(*offset.T), 1e-6)
        overlap = np.maximum(1.02 * (radii[one] + radii[other]) - distance, 0)
        shift = offset / distance[:, None] * (0.35 * overlap)[:, None]
        np.add.at(positions, one, -shift)
        np.add.at(positions, other, shift)
    for nucleus, position in zip(nuclei, positions, strict=True):
        nucleus.position = position


def _divide(
    mother: DrawnNucleus, settings: MovieSettings, rng: np.random.Generator
) -> list[DrawnNucleus]:
    """The two daughters, one on each side of the mother's plate."""
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
        daughter.age = mother.age - mother.cycle
        daughter.newborn, daughter.mother = True, mother
        distance = max(settings.separation * settings.diameter_um / 2 - start, 0)
        daughter.push = side * across * distance
        daughters.append(daughter)
    daughters[0].sister, daughters[1].sister = daughters[1], daughters[0]
    return daughters
