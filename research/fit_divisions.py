"""Fit the weights of the division score in `autonuclei.track.divisions` to drawn movies.

    python -m research.fit_divisions workflow/lib/autonuclei/track/divisions.json

Draws 80 movies of many kinds (seeds 0 to 69: nuclei from 9 to 18 um, 3 to 30 min between frames,
sparse to dense, slow to fast, mitosis from striking to hardly visible; seeds 70 to 79: as of a
screen, 15 to 30 min between frames, mitosis seen in one frame or not at all, dim or noisy; some
4000 divisions), disturbs the measured objects as segmentation and cameras would, lists the
possible divisions of each movie as the linking does, and fits three logistic regressions: the first
on the features of all possible divisions; one, with the squares of some features and
`linking_loss`, on those that the first leaves over; and the final one, which also knows how like
each is to the divisions of its movie that the one before is sure of. Prints the recall of the
first; precision, recall and F1 of the divisions that the linking would take, in cross-validation
(four folds of whole movies; the first is fitted to all), and for each kind of movie F1 of a fit
that saw none of that kind; writes the weights to the file.

Three features (`BY_HAND`) tell faults of the segmentation that the drawn movies do not have. No
weight can be learned from them, so theirs are set by hand.

Takes about four CPU-minutes, most of it drawing. `--movies 2 --frames 12`, with a file
elsewhere, tries the script out in a few seconds.
"""

import argparse
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from autonuclei.example.drawn_movies import draw_frames
from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.io.tables import concatenate_tables
from autonuclei.labels.measurement import measure_objects
from autonuclei.settings import TrackSettings
from autonuclei.track.divisions import (
    DivisionScore,
    LinkingLoss,
    LogisticWeights,
    choose_divisions,
    compute_division_reach,
    describe_candidates,
)
from autonuclei.track.drift import remove_drift
from autonuclei.track.frame_links import FrameLinks, link_frames
from autonuclei.track.spots import read_spots
from autonuclei.track.statistics import measure_statistics

# A track that goes on after a gap, a nucleus split for a few frames, two that were merged.
BY_HAND = {"returns": -3.0, "remerges": -7.0, "mother_swells": -10.0}
# Features with a best value in the middle, or whose weight grows with the distance.
SQUARED = (
    "middle_moves",
    "separation",
    "lopsided",
    "area_differs",
    "mean_differs",
    "total_sum",
    "linking_loss",
)
# Features that are compared with the sure divisions of the movie: place and look, not links.
LOOKS = (
    "middle",
    "separation",
    "lopsided",
    "area_differs",
    "mean_differs",
    "total_sum",
    "larger_total",
    "larger_daughter_now",
    "mother_brightens",
    "daughters_grow",
    "daughters_fade",
    "daughters_across",
)
LONG_INTERVALS = 70  # from this seed on
LEAST_LOGIT = np.log(0.004 / 0.996)  # less likely ones are not looked at again
STRENGTH_FIRST, STRENGTH_FINAL = 0.05, 0.03  # inverse strengths of the L2 penalty
FOLDS = 4


# The order in which random numbers are drawn, unused ones too, makes the movies: a change gives
# other weights.


def choose_settings(seed):
    rng = np.random.default_rng(9000 + seed)
    diameter = rng.uniform(9, 18)
    interval = float(rng.choice([3, 5, 8, 10, 15, 20, 30]))
    pixel = diameter / rng.uniform(10, 28)
    side = int(rng.uniform(220, 420))
    covered = rng.uniform(0.08, 0.5) * (side * pixel) ** 2
    nuclei = int(np.clip(covered / (np.pi * diameter**2 / 4), 12, 260))
    mitosis = rng.uniform(15, 60)
    frames = int(rng.uniform(25, 45))
    # Divisions are not too rare within the movie.
    cycle = max(frames * interval / rng.uniform(0.25, 0.9), 3 * mitosis)
    step = rng.choice([0.03, 0.06, 0.1, 0.15, 0.22]) * diameter
    persistence = interval * rng.choice([0.3, 1, 3, 8])
    return MovieSettings(
        frames=frames,
        height_px=side,
        width_px=side,
        pixel_size_um=pixel,
        interval_min=interval,
        nuclei=nuclei,
        diameter_um=diameter,
        diameter_spread=rng.uniform(0.05, 0.2),
        elongation=rng.uniform(1.1, 1.6),
        irregularity=rng.uniform(0.02, 0.06),
        texture=rng.uniform(0.1, 0.4),
        brightness_spread=rng.uniform(0.1, 0.5),
        clustering=rng.choice([0, 0, 0.3, 0.6]),
        speed_um_per_min=step / interval * 1.2,
        persistence_min=persistence,
        drift_jitter_um=rng.choice([0, 0.1, 0.5]),
        drift_um_per_min=(rng.normal(0, 0.02), rng.normal(0, 0.02)),
        cycle_min=cycle,
        mitosis_min=mitosis,
        condensation=rng.choice([0.4, 0.5, 0.6, 0.75, 0.9]),
        brightening=rng.choice([0, 0.3, 0.6, 1.0]),
        separation=rng.uniform(0.7, 1.7),
        recovery_min=rng.uniform(20, 150),
        bleaching_per_frame=rng.uniform(0, 0.01),
    )


def choose_long_intervals(seed):
    """Movies as of many screens: 15 to 30 min between frames, mitosis seen once or not at all."""
    rng = np.random.default_rng(19_000 + seed)
    diameter = rng.uniform(10, 20)
    interval = float(rng.choice([15, 20, 30]))
    pixel = diameter / rng.uniform(16, 36)
    side = int(rng.uniform(320, 520))
    covered = rng.uniform(0.06, 0.3) * (side * pixel) ** 2
    frames = int(rng.uniform(18, 32))
    signal = rng.choice([400, 800, 2500])
    return MovieSettings(
        frames=frames,
        height_px=side,
        width_px=side,
        pixel_size_um=pixel,
        interval_min=interval,
        nuclei=int(np.clip(covered / (np.pi * diameter**2 / 4), 12, 120)),
        diameter_um=diameter,
        diameter_spread=rng.uniform(0.08, 0.2),
        elongation=rng.uniform(1.15, 1.5),
        irregularity=rng.uniform(0.03, 0.07),
        texture=rng.uniform(0.1, 0.3),
        brightness=signal,
        brightness_spread=rng.uniform(0.2, 0.8),
        clustering=rng.choice([0, 0.3, 0.6]),
        speed_um_per_min=rng.choice([0.05, 0.1, 0.2]) * diameter / interval,
        persistence_min=interval * rng.choice([0.5, 1, 3]),
        drift_um_per_min=(0.0, 0.0),
        drift_jitter_um=rng.choice([0, 0.3, 1.0]),
        cycle_min=max(frames * interval / rng.uniform(0.4, 0.9), 300),
        mitosis_min=rng.uniform(20, 50),
        condensation=rng.choice([0.35, 0.45, 0.6, 0.75]),
        brightening=rng.choice([0.2, 0.6, 1.0]),
        separation=rng.uniform(0.75, 1.4),
        recovery_min=rng.choice([40, 70, 120, 250]),
        bleaching_per_frame=rng.uniform(0, 0.01),
        read_noise=rng.choice([12, 60]),
    )


def choose_movie(seed):
    return choose_settings(seed) if seed < LONG_INTERVALS else choose_long_intervals(seed)


def name_kinds(seed):
    """Give the kinds of movie that a seed makes, for the test of a fit that saw none of a kind."""
    settings = choose_movie(seed)
    step = settings.speed_um_per_min * settings.interval_min / settings.diameter_um
    field = settings.height_px * settings.width_px * settings.pixel_size_um**2
    kinds = {
        "as of a screen": seed >= LONG_INTERVALS,
        "fast, mean step over 0.15 diameters": step > 0.15,
        "slower": step <= 0.15,
        "faint mitosis, area at least 0.7 of before": settings.condensation >= 0.7,
        "striking mitosis, at most 0.5": settings.condensation <= 0.5,
        "daughters over 1.3 diameters apart": settings.separation > 1.3,
        "daughters at most 0.9 diameters apart": settings.separation <= 0.9,
        "at least 20 min between frames": settings.interval_min >= 20,
        "at most 8 min between frames": settings.interval_min <= 8,
        "crowded, over 0.35 of the field covered": (
            settings.nuclei * np.pi * settings.diameter_um**2 / 4 > 0.35 * field
        ),
    }
    return {kind for kind, true in kinds.items() if true}


def measure_movie(settings, seed):
    """Draw and measure a movie; give the object table and the mother of each label."""
    tables, parents = [], {}
    for frame, drawn in enumerate(draw_frames(settings, seed)):
        tables.append(pd.DataFrame(measure_objects(drawn.labels, drawn.image, frame=frame)))
        parents |= drawn.new_parents
    return concatenate_tables(tables), parents


def make_objects(seed, frames):
    """Draw and measure a movie; give the disturbed object table and the mother of each label."""
    settings = choose_movie(seed)
    settings = replace(settings, frames=min(frames, settings.frames))
    objects, parents = measure_movie(settings, seed)
    return disturb(objects, parents, settings, seed), parents


def disturb(objects, parents, settings, seed):
    """Disturb a measured movie as segmentation and cameras do; changes `parents`."""
    rng = np.random.default_rng(seed + 5)
    objects = objects.assign(
        mean_intensity=objects["mean_intensity"] - settings.background, background_intensity=0.0
    )
    objects = add_noise(objects, seed + 78_777)
    objects = add_oddities(objects, parents, seed + 130, rng.choice([0.5, 1, 1.5]))
    objects = spoil_intensity(objects, rng)
    for axis in "yx":
        objects[f"{axis}_um"] = objects[f"{axis}_px"] * settings.pixel_size_um
    objects["area_um2"] = objects["area_px"] * settings.pixel_size_um**2
    if rng.random() < 0.08:  # a table that knows no area and shape
        objects = objects.assign(area_px=50.0, area_um2=np.nan, eccentricity=0.1)
    if rng.random() < 0.3:
        objects = objects[rng.random(len(objects)) > 0.01]
    return objects.reset_index(drop=True)


def spoil_intensity(objects, rng):
    """Let some movies have no intensity, a lamp that flickers, saturation, or an unknown zero."""
    kind = rng.random()
    value = objects["mean_intensity"].to_numpy(float)
    if kind < 0.1:
        value = np.full(len(value), np.nan)
    elif kind < 0.2:
        gain = np.exp(rng.normal(0, 0.3, objects["frame"].max() + 1))
        value = value * gain[objects["frame"]]
    elif kind < 0.3:
        value = np.minimum(value, rng.uniform(1, 1.5) * np.median(value))
    elif kind < 0.5:
        value = value + rng.choice([0.0, 0.3, 3.0, 30.0]) * np.median(value)
        return objects.assign(mean_intensity=value, background_intensity=np.nan)
    return objects.assign(mean_intensity=value)


def add_noise(objects, seed):
    """Disturb area, brightness and place of each object, as an uncertain outline does."""
    rng = np.random.default_rng(seed)
    objects, n = objects.copy(), len(objects)
    area, light, place = rng.uniform(0.03, 0.12), rng.uniform(0.03, 0.12), rng.uniform(0.01, 0.05)
    objects["area_px"] *= np.exp(rng.normal(0, area, n))
    each = rng.normal(0, light, n)
    lamp = rng.normal(0, 0.05, objects["frame"].max() + 1)
    objects["mean_intensity"] *= np.exp(each + lamp[objects["frame"]])
    rng.random()  # unused
    shift = place * 2 * np.sqrt(objects["area_px"].median() / np.pi)
    objects["y_px"] += rng.normal(0, shift, n)
    objects["x_px"] += rng.normal(0, shift, n)
    return objects


def add_oddities(objects, parents, seed, level):
    """Make divisions less symmetric, let nuclei come and go inside the field, brighten dead ones.

    Changes `parents`: the one of a nucleus that appears late becomes 0.
    """
    rng = np.random.default_rng(seed)
    diameter = 2 * np.sqrt(objects["area_px"].median() / np.pi)
    names = ["y_px", "x_px", "area_px", "mean_intensity"]
    y, x, area, mean = objects[names].to_numpy(float).T.copy()
    frame = objects["frame"].to_numpy()
    rows = dict(sorted(objects.groupby("label").indices.items()))
    daughters = {}
    for label, mother in parents.items():
        if mother:
            daughters.setdefault(mother, []).append(label)
    spread = rng.uniform(0.3, 1) * level
    shrinks, brightens = rng.uniform(0, 0.6), rng.uniform(0, 0.5)
    small, bright = rng.uniform(0, 0.4), rng.uniform(-0.1, 0.4)
    duration = rng.choice([0.7, 1.5, 3])  # frames in which mitosis changes the look
    for mother, born in daughters.items():
        q = rows[mother]
        fades = np.exp(-(frame[q[-1]] - frame[q]) / duration)
        strength = rng.uniform(0.5, 1.2)
        area[q] *= np.exp(-shrinks * fades * strength)
        mean[q] *= np.exp(brightens * fades * strength)
        for q in (rows[label] for label in born):
            fades = np.exp(-(frame[q] - frame[q[0]]) / (2 * duration))
            area[q] *= np.exp(-small * fades)
            mean[q] *= np.exp(bright * fades)
        common = rng.normal(0, 0.14 * diameter * spread, 2)
        for q in (rows[label] for label in born):
            shift = common + rng.normal(0, 0.1 * diameter * spread, 2)
            fades = np.exp(-(frame[q] - frame[q[0]]) / 3)
            y[q] += shift[0] * fades
            x[q] += shift[1] * fades
            area[q] *= np.exp(rng.normal(0, 0.16 * spread) * fades)
            mean[q] *= np.exp(rng.normal(0, 0.12 * spread) * fades)
    lost = np.zeros(len(objects), bool)
    for label, q in rows.items():
        fate = rng.random()
        if fate < 0.05 * level and len(q) > 6 and label not in daughters:
            lost[q[rng.integers(3, len(q)) :]] = True
        elif fate < 0.11 * level and len(q) > 6:
            lost[q[: rng.integers(1, len(q) - 2)]] = True
            parents[label] = 0
        elif fate < 0.14 * level:
            area[q] *= 0.6
            mean[q] *= 1.6
    values = dict(zip(names, (y, x, area, mean), strict=True))
    return objects.assign(**values)[~lost].reset_index(drop=True)


def list_true_divisions(objects, parents):
    """Give mother and sorted daughters of each division as row numbers."""
    rows = objects.groupby("label").indices
    daughters = {}
    for label, q in rows.items():
        if parents[label] in rows:
            daughters.setdefault(rows[parents[label]][-1], []).append(q[0])
    return {(mother, *sorted(born)) for mother, born in daughters.items() if len(born) == 2}


@dataclass
class Candidates:
    """The possible divisions of a movie.

    `trios` are the rows of mother and daughters, `features` a table without `linking_loss` at
    first, `true` tells which are divisions, `found` is what `link_frames` gave, `n_true` the number
    of all true divisions.
    """

    trios: np.ndarray
    features: pd.DataFrame
    true: np.ndarray
    found: FrameLinks
    n_true: int

    def keep(self, promising):
        """Keep some, as the linking does before it measures their `linking_loss`."""
        self.trios, self.true = self.trios[promising], self.true[promising]
        loss = LinkingLoss(self.found).measure(self.trios)
        self.features = self.features[promising].assign(linking_loss=loss)

    def compare(self, score):
        """Give the features with `like_others`."""
        return pd.DataFrame(score.compare_with_sure(self.trios, self.features, self.found.links))

    def count(self, score):
        """Give the numbers of true, found and right divisions, as the linking chooses them."""
        scores = score.compute_scores(self.trios, self.features, self.found.links)
        least = TrackSettings.min_division_score
        chosen = choose_divisions(self.trios, scores, least, self.found.links)
        return np.array([self.n_true, len(chosen), self.true[chosen].sum()])


def list_candidates(objects, parents):
    """List the possible divisions of a movie as `link_nuclei` does."""
    spots = read_spots(objects)
    spots, _ = remove_drift(spots, measure_statistics(spots))
    found = link_frames(spots, measure_statistics(spots), max_frame_gap=TrackSettings.max_frame_gap)
    reach = compute_division_reach(found.statistics)
    trios, features = zip(*describe_candidates(spots, found, reach=reach), strict=True)
    trios = np.concatenate(trios)
    features = pd.concat(map(pd.DataFrame, features), ignore_index=True)
    divisions = list_true_divisions(objects, parents)
    true = [(mother, *sorted(born)) in divisions for mother, *born in trios.tolist()]
    return Candidates(trios, features, np.array(true), found, len(divisions))


def fit_logistic(features, true, usual, strength, squared=()):
    """Fit the weights of a table of features, of the squares of some too; add those by hand.

    `usual` are the values in the place of unknown ones.
    """
    features = features.drop(columns=list(BY_HAND))
    usual, scale = usual[features.columns].to_numpy(), np.nanstd(features, axis=0)
    odd = np.nan_to_num((features - usual) / scale)
    squares = [features.columns.get_loc(name) for name in squared]
    model = LogisticRegression(C=strength, max_iter=4000)
    model.fit(np.column_stack([odd, odd[:, squares] ** 2]), true)
    linear = model.coef_[0, : len(usual)] / scale
    square = np.zeros(len(usual))
    square[squares] = model.coef_[0, len(usual) :] / scale[squares] ** 2
    rows = np.column_stack([usual, linear, square]).round(3).tolist()
    by_hand = {name: [0.0, weight, 0.0] for name, weight in BY_HAND.items()}
    weights = dict(zip(features.columns, rows, strict=True)) | by_hand
    return LogisticWeights(round(model.intercept_[0], 3), weights)


def fit_score(movies):
    """Fit the score to the promising possible divisions of movies."""
    features = pd.concat([movie.features for movie in movies])
    true = np.concatenate([movie.true for movie in movies])
    alone = fit_logistic(features, true, features.median(), STRENGTH_FINAL, SQUARED)
    born = features.loc[true, list(LOOKS)]
    looks = {name: [born[name].mean().round(3), born[name].var().round(4)] for name in LOOKS}
    score = DivisionScore(alone, looks, alone)
    compared = pd.concat([movie.compare(score) for movie in movies])
    final = fit_logistic(compared, true, compared.median(), STRENGTH_FINAL, SQUARED)
    return replace(score, final=final)


def compute_f1(counts):
    true, found, right = np.sum(counts, axis=0)
    return 2 * right / (true + found)


def format_weights(first, score):
    """Format the weights as the text of divisions.json."""
    content = {
        "first": {**asdict(first), "least_logit": round(LEAST_LOGIT, 2)},
        "alone": asdict(score.alone),
        "looks": score.looks,
        "final": asdict(score.final),
    }
    text = json.dumps(content, indent=1)
    return re.sub(r"\[\s*([^]]*?)\s*\]", lambda row: f"[{' '.join(row[1].split())}]", text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="where to write the weights")
    parser.add_argument("--movies", type=int, default=80, help="with the seeds 0, 1, ...")
    parser.add_argument("--frames", type=int, default=1000, help="at most so many of each movie")
    arguments = parser.parse_args()
    movies = []
    for seed in range(arguments.movies):
        movies.append(list_candidates(*make_objects(seed, arguments.frames)))
        print(f"movie {seed}: {len(movies[-1].true)} possible, {movies[-1].n_true} true divisions")
    features = pd.concat([movie.features for movie in movies])
    true = np.concatenate([movie.true for movie in movies])
    # What is unknown is taken as in a division, so that it is looked at again.
    first = fit_logistic(features, true, features[true].median(), STRENGTH_FIRST)
    for movie in movies:
        movie.keep(first.compute_logit(movie.features) > LEAST_LOGIT)
    kept, true = (sum(n) for n in zip(*((len(m.true), m.true.sum()) for m in movies), strict=True))
    total = sum(movie.n_true for movie in movies)
    print(f"first logit: {kept} kept, recall {true / total:.3f}")

    def leave_out(out):
        score = fit_score([movie for movie, left in zip(movies, out, strict=True) if not left])
        return {i: movies[i].count(score) for i in np.flatnonzero(out)}

    fold = np.arange(len(movies)) % FOLDS
    counts = {}
    for one in np.unique(fold):
        counts |= leave_out(fold == one)
    n, found, right = np.sum(list(counts.values()), axis=0)
    print(
        f"cross-validated at score {TrackSettings.min_division_score}: precision"
        f" {right / found:.3f}, recall {right / n:.3f}, F1 {compute_f1(list(counts.values())):.3f}"
    )
    kinds = [name_kinds(seed) for seed in range(arguments.movies)]
    for kind in sorted(set.union(*kinds)):
        has = np.array([kind in own for own in kinds])
        if has.all():
            continue
        within, without = [counts[i] for i in np.flatnonzero(has)], leave_out(has)
        print(
            f"{kind}: {np.sum(within, axis=0)[0]} divisions, F1 {compute_f1(within):.3f}, left out"
            f" {compute_f1(list(without.values())):.3f}"
        )
    arguments.file.write_text(format_weights(first, fit_score(movies)))


if __name__ == "__main__":
    main()
