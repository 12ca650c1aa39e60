"""All samples of an experiment in a table each of images, nuclei, tracks and samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from autonuclei.measure.conditions import SHEET_COLUMNS, average_samples, gather_samples

Tables = Mapping[str, pd.DataFrame]
Columns = Mapping[str, Mapping[str, str]]

# What is taken over from a table of cycles, by the beginnings of the columns.
CYCLE_COLUMNS = (
    "parent", "generation", "start", "end", "birth_", "division_", "cycle_", "observed_",
    "area_growth_",
)  # fmt: skip


@dataclass(frozen=True)
class Gathered:
    """The tables of an experiment, with what the sheet says of each sample in front.

    Attributes
    ----------
    images
        A row per image that was segmented: `frame`, `n_nuclei`, and `nuclei_per_mm2`, or
        `nuclei_per_megapixel` unless the pixel size of all images is known.
    nuclei
        A row per nucleus and frame: its measures, those of the channels, its track.
    tracks
        A row per track: its movement and its cell cycle; empty without movies.
    samples
        A row per sample: `n_images`, `n_nuclei`, `n_tracks`, `n_mitoses`, and the mean of each of
        `measures` (over images, nuclei or tracks).
    measures
        For each measure the table with a row per image, nucleus or track ("images", "nuclei",
        "tracks"), or "samples".
    """

    images: pd.DataFrame
    nuclei: pd.DataFrame
    tracks: pd.DataFrame
    samples: pd.DataFrame
    measures: dict[str, str]


def count_images(
    counts: pd.DataFrame,
    megapixels: Mapping[str, Mapping[int, float]],
    pixel_sizes_um: Mapping[str, Mapping[int, float | None]],
) -> dict[str, pd.DataFrame]:
    """Count the nuclei of each image that was segmented, and over its area.

    Parameters
    ----------
    counts
        Columns `sample`, `frame`, `quality` and `predicted`, which is NaN where an image was
        passed over.
    megapixels, pixel_sizes_um
        By sample and frame; a pixel size may be None.

    Returns
    -------
    dict of DataFrame
        By sample: `frame`, `n_nuclei`, the density (see `Gathered`) and `quality`.
    """
    known = counts.dropna(subset=["predicted"])
    places = list(zip(known["sample"].tolist(), known["frame"].tolist(), strict=True))
    sizes = [pixel_sizes_um[sample][frame] for sample, frame in places]
    has_sizes = None not in sizes
    area = np.array([megapixels[sample][frame] for sample, frame in places], np.float64)
    if has_sizes:
        area *= np.array(sizes, np.float64) ** 2
    table = pd.DataFrame(
        {
            "sample": known["sample"],
            "frame": known["frame"],
            "n_nuclei": known["predicted"].astype(np.int64),
            "nuclei_per_mm2" if has_sizes else "nuclei_per_megapixel": known["predicted"] / area,
            "quality": known["quality"],
        }
    )
    return {name: table[table["sample"] == name].drop(columns="sample") for name in megapixels}


def add_quality(nuclei: Tables, counts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Add to each nucleus the `quality` of its image, by which a user leaves some out.

    Parameters
    ----------
    nuclei
        By sample, with the column `frame`.
    counts
        Columns `sample`, `frame` and `quality`; a row per image, in the order of the samples.
    """
    return {
        str(name): nuclei[str(name)].merge(own[["frame", "quality"]], on="frame", validate="m:1")
        for name, own in counts.groupby("sample", sort=False)
    }


def join_tracks(motility: pd.DataFrame, cycles: pd.DataFrame) -> pd.DataFrame:
    """Join what a track does and its cycle, whose duration is named `cycle_duration_<time>`."""
    named = cycles.rename(
        columns=lambda name: f"cycle_{name}" if str(name).startswith("duration_") else name
    )
    kept = [name for name in map(str, named) if name.startswith(CYCLE_COLUMNS)]
    return motility.merge(named[["track", *kept]], on="track", how="left", validate="1:1")


def summarise_movie(frames: pd.DataFrame, cycles: pd.DataFrame) -> dict[str, float]:
    """Count the mitoses of a movie, and over the time that its nuclei were seen.

    Parameters
    ----------
    frames : DataFrame
        From `autonuclei.measure.frames.count_nuclei`.
    cycles : DataFrame
        From `autonuclei.measure.lineages.summarise_cycles`.

    Returns
    -------
    dict of float
        `n_mitoses`; `mitoses_per_nucleus_and_hour` (or `_frame`), over all frames;
        `median_cycle_<time>` (Kaplan-Meier, so unfinished cycles count; NaN if not known).
    """
    (rate,) = (name for name in map(str, frames) if name.startswith("mitoses_per_nucleus"))
    unit = "min" if rate.endswith("hour") else "frames"
    times = frames[f"time_{unit}"].to_numpy(np.float64) / (60 if unit == "min" else 1)
    seen = float((frames["n_nuclei"].to_numpy()[:-1] * np.diff(times)).sum())
    n_mitoses = int(frames["n_mitoses"].sum())
    return {
        "n_mitoses": n_mitoses,
        rate: n_mitoses / seen if seen > 0 else np.nan,
        f"median_cycle_{unit}": float(cycles[f"median_{unit}"].iloc[0]),
    }


def gather_experiment(
    images: Tables,
    nuclei: Tables,
    tracks: Tables,
    movies: Mapping[str, Mapping[str, float]],
    columns: Columns,
    *,
    channels: Sequence[str] = (),
    own_channels: Sequence[str] = (),
) -> Gathered:
    """Put the tables of all samples together and average them by sample.

    Parameters
    ----------
    images
        From `count_images`.
    nuclei
        By sample, with the columns of its channels.
    tracks
        By movie, from `join_tracks`.
    movies
        Further numbers of each movie, from `summarise_movie`.
    columns
        What the sheet says of each sample.
    channels
        Beginnings of the columns of channels that are compared; without any, the mean intensity
        is.
    own_channels
        Those of the nuclei, for which nucleus over ring says nothing and is not compared.
    """
    all_images = gather_samples(images, columns)
    all_nuclei = gather_samples(nuclei, columns)
    all_tracks = gather_samples(tracks, columns)
    numbers = pd.DataFrame([{"sample": name, **known} for name, known in movies.items()])
    (density,) = (name for name in map(str, all_images) if name.startswith("nuclei_per_"))
    has_areas = "area_um2" in all_nuclei and all_nuclei["area_um2"].notna().all()
    of_channels = [
        f"{name}_{value}"
        for name in channels
        for value in ("core_mean", "ring_ratio")
        if value == "core_mean" or name not in own_channels
    ]
    levels: dict[str, list[str]] = {
        "images": [density],
        "nuclei": ["area_um2" if has_areas else "area_px", *(of_channels or ["mean_intensity"])],
        "tracks": _find_shared(tracks, "mean_speed_"),
        "samples": [name for name in list(map(str, numbers))[1:] if not name.startswith("n_")],
    }
    samples = average_samples(all_images, [density]).rename(columns={"n_rows": "n_images"})
    for table, kind in ((all_nuclei, "nuclei"), (all_tracks, "tracks")):
        if len(table) == 0:
            continue
        means = average_samples(table, levels[kind]).rename(columns={"n_rows": f"n_{kind}"})
        means = means.drop(columns=[n for n in SHEET_COLUMNS if n != "sample"], errors="ignore")
        samples = samples.merge(means, on="sample", how="left", validate="1:1")
    if len(numbers):
        samples = samples.merge(numbers, on="sample", how="left", validate="1:1")
    # Without a nucleus there are none; stills have no tracks.
    for name, own in (("n_nuclei", list(nuclei)), ("n_tracks", list(tracks))):
        if name in samples:
            is_empty = samples["sample"].isin(own) & samples[name].isna()
            samples[name] = samples[name].mask(is_empty, 0)
    measures = {
        name: kind
        for kind, names in levels.items()
        for name in names
        if name in samples and samples[name].notna().any()
    }
    return Gathered(all_images, all_nuclei, all_tracks, samples, measures)


def _find_shared(tables: Tables, beginning: str) -> list[str]:
    """The columns with a beginning that all tables have: units may differ."""
    shared: set[str] | None = None
    for table in tables.values():
        own = {name for name in map(str, table) if name.startswith(beginning)}
        shared = own if shared is None else shared & own
    return sorted(shared or ())
