"""Links and divisions found in drawn movies, as the table of docs/tracking.md.

    python -m research.tracking_quality [KIND ...]

Links each movie from its true masks, with the package, with the package from measures that are
disturbed as by a segmentation, and with laptrack on distances alone. LNK is that of the Cell
Tracking Challenge for perfect masks (Matula et al. 2015, PLOS ONE 10(12): e0144959); a division is
right with the true mother and both true daughters in the true frames. laptrack gets the best of
three cut-offs for each movie, which the package does not.

All kinds take about five CPU-minutes, most of it drawing (estimated).
"""

import argparse
import itertools
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from laptrack import LapTrack

from autonuclei.example.drawn_nuclei import MovieSettings
from autonuclei.track.edges import find_edges
from autonuclei.track.link import link_nuclei
from research.fit_divisions import add_noise, add_oddities, measure_movie

BASE = MovieSettings()
# First seed and look of each kind.
KINDS = {
    "default of the generator": (0, BASE),
    "crowded, 30 min": (
        0,
        replace(
            BASE, frames=45, height_px=350, width_px=440, pixel_size_um=1.032, interval_min=30,
            nuclei=180, irregularity=0.05, cycle_min=1100, mitosis_min=45, recovery_min=90,
            separation=1.3, clustering=0.3, drift_jitter_um=0.5,
        ),
    ),
    "fast, 30 min": (
        0,
        replace(
            BASE, height_px=350, width_px=440, pixel_size_um=1.0, interval_min=30, nuclei=150,
            speed_um_per_min=0.28, persistence_min=20, cycle_min=900, mitosis_min=35,
            recovery_min=60, separation=1.6, drift_jitter_um=0.5,
        ),
    ),
    "epithelium, 10 min": (
        0,
        replace(
            BASE, frames=40, height_px=512, width_px=512, pixel_size_um=0.65, interval_min=10,
            nuclei=330, diameter_um=16, speed_um_per_min=0.2, persistence_min=60, cycle_min=700,
            mitosis_min=40, recovery_min=60, diameter_spread=0.15,
        ),
    ),
    "fast, few nuclei": (
        0,
        replace(
            BASE, frames=40, interval_min=10, nuclei=25, speed_um_per_min=0.9, persistence_min=25,
            cycle_min=400, mitosis_min=40, separation=1.4, recovery_min=60,
        ),
    ),
    "strong drift": (
        0,
        replace(
            BASE, nuclei=40, height_px=320, width_px=320, drift_um_per_min=(1.2, -0.9),
            drift_jitter_um=2.5, cycle_min=300,
        ),
    ),
    "no look of mitosis": (
        0,
        replace(
            BASE, frames=40, interval_min=10, nuclei=50, height_px=320, width_px=320,
            brightening=0.0, condensation=0.85, cycle_min=400, mitosis_min=20, recovery_min=30,
            separation=1.2,
        ),
    ),
    "sparse, 28 min": (
        0,
        replace(
            BASE, frames=65, height_px=512, width_px=512, interval_min=28, nuclei=35,
            diameter_um=16, persistence_min=60, cycle_min=1300, mitosis_min=30, recovery_min=200,
            brightening=0.4, condensation=0.7, separation=1.3, irregularity=0.05,
            drift_jitter_um=0.3,
        ),
    ),
    "faint mitosis, 30 min": (
        0,
        replace(
            BASE, frames=40, height_px=400, width_px=400, pixel_size_um=0.8, interval_min=30,
            nuclei=110, diameter_um=14, speed_um_per_min=0.15, cycle_min=1000, mitosis_min=20,
            recovery_min=60, brightening=0.3, condensation=0.8, separation=1.5,
        ),
    ),
    "screen, 30 min": (
        1000,
        replace(
            BASE, frames=22, height_px=420, width_px=640, pixel_size_um=0.645, interval_min=30,
            nuclei=65, diameter_um=18, diameter_spread=0.12, irregularity=0.05,
            brightness_spread=0.6, speed_um_per_min=0.07, cycle_min=1000, mitosis_min=40,
            condensation=0.45, separation=1.2, recovery_min=70, clustering=0.3,
            drift_jitter_um=0.5, drift_um_per_min=(0.01, 0.0),
        ),
    ),
    "noisy, large nuclei, 29 min": (
        1000,
        replace(
            BASE, frames=40, height_px=360, width_px=360, pixel_size_um=0.3, interval_min=29,
            nuclei=28, diameter_um=15, brightness=500, read_noise=60, speed_um_per_min=0.1,
            persistence_min=60, cycle_min=1300, mitosis_min=35, condensation=0.75,
            brightening=0.3, separation=0.85, recovery_min=250, irregularity=0.06,
            drift_jitter_um=0.3, drift_um_per_min=(0.0, 0.0),
        ),
    ),
    "steps of half the neighbour distance": (
        1000,
        replace(
            BASE, height_px=320, width_px=320, nuclei=60, interval_min=15, speed_um_per_min=0.55,
            persistence_min=10, cycle_min=350, mitosis_min=35, separation=1.2, recovery_min=60,
        ),
    ),
}  # fmt: skip


def list_true_links(objects, parents):
    """Give {(earlier row, later row): is a division} of a table sorted by frame."""
    rows = objects.groupby("label").indices
    links = {pair: False for own in rows.values() for pair in itertools.pairwise(own)}
    links |= {
        (rows[parents[label]][-1], own[0]): True
        for label, own in rows.items()
        if parents[label] in rows
    }
    return links


def list_found_links(objects):
    tracks = link_nuclei(objects).tracks
    number = pd.Series(
        np.arange(len(objects)), index=pd.MultiIndex.from_frame(objects[["frame", "label"]])
    )
    row = number[pd.MultiIndex.from_frame(tracks[["frame", "label"]])].to_numpy()
    track = tracks["track"].to_numpy()
    return {
        (row[one], row[other]): track[one] != track[other]
        for one, other in find_edges(tracks).tolist()
    }


def list_links_of_laptrack(objects, reach):
    places = [own[["y_um", "x_um"]].to_numpy() for _, own in objects.groupby("frame")]
    start = np.concatenate([[0], np.cumsum([len(own) for own in places])])
    tree = LapTrack(
        cutoff=reach**2,
        gap_closing_cutoff=reach**2,
        gap_closing_max_frame_count=1,
        splitting_cutoff=reach**2,
    ).predict(places)
    pairs = [(start[f] + a, start[g] + b) for (f, a), (g, b) in tree.edges()]
    sources = pd.Series([source for source, _ in pairs])
    several = set(sources[sources.duplicated(keep=False)])
    return {pair: pair[0] in several for pair in pairs}


def score_links(true, found):
    """Give LNK, and the numbers of true, found and right divisions."""
    extra, missed = len(found.keys() - true.keys()), len(true.keys() - found.keys())
    changed = sum(true[pair] != found[pair] for pair in true.keys() & found.keys())
    lnk = 1 - (extra + 1.5 * missed + changed) / (1.5 * len(true))
    divisions = []
    for links in (true, found):
        daughters = {}
        for source, target in links:
            daughters.setdefault(source, set()).add(target)
        divisions.append({(m, *sorted(born)) for m, born in daughters.items() if len(born) == 2})
    return lnk, len(divisions[0]), len(divisions[1]), len(divisions[0] & divisions[1])


def give_micrometres(objects, pixel_size_um):
    for axis in "yx":
        objects[f"{axis}_um"] = objects[f"{axis}_px"] * pixel_size_um
    objects["area_um2"] = objects["area_px"] * pixel_size_um**2
    return objects.sort_values(["frame", "label"]).reset_index(drop=True)


def score_movie(settings, seed):
    """Give the scores of the three ways to link, by name."""
    measured, parents = measure_movie(settings, seed)
    plain = measured.assign(background_intensity=settings.background)
    plain = give_micrometres(plain, settings.pixel_size_um)
    true = list_true_links(plain, parents)
    scores = {"package": score_links(true, list_found_links(plain))}
    diameter = 2 * np.sqrt(plain["area_um2"].median() / np.pi)
    tries = [
        score_links(true, list_links_of_laptrack(plain, factor * diameter))
        for factor in (0.8, 1.2, 1.6)
    ]
    scores["laptrack"] = max(tries, key=lambda s: s[0] + 2 * s[3] / max(s[1] + s[2], 1))
    contrast = measured["mean_intensity"] - measured["background_intensity"]
    odd = measured.assign(mean_intensity=contrast, background_intensity=0.0)
    odd = add_oddities(add_noise(odd, seed + 4321), parents, seed + 987, 1.0)
    odd = give_micrometres(odd, settings.pixel_size_um)
    scores["disturbed"] = score_links(list_true_links(odd, parents), list_found_links(odd))
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", help=", ".join(KINDS))
    parser.add_argument("--movies", type=int, nargs="+", default=[2, 3])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    ways = ("package", "disturbed", "laptrack")
    print("| movies | divisions |", " | ".join(f"LNK, {w} | F1, {w}" for w in ways), "|")
    for kind in arguments.kinds or KINDS:
        first, settings = KINDS[kind]
        movies = [score_movie(settings, first + number) for number in arguments.movies]
        cells = []
        for way in ways:
            lnk, true, found, right = np.array([movie[way] for movie in movies]).T
            f1 = 2 * right.sum() / (true.sum() + found.sum())
            cells += [f"{lnk.mean():.3f} ({lnk.min():.3f} to {lnk.max():.3f})", f"{f1:.3f}"]
        true = sum(movie["package"][1] for movie in movies)
        print("|", " | ".join([kind, str(true), *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
