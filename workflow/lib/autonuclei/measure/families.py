"""All tables on cycles and lineages that are made from the tracks of a movie."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from autonuclei.io.files import write_beside
from autonuclei.io.tables import add_columns, write_table
from autonuclei.measure.lineages import (
    correlate_sisters,
    estimate_survival,
    name_area,
    pair_sisters,
    summarise_cycles,
    tabulate_cycles,
)
from autonuclei.measure.trees import format_newick
from autonuclei.measure.units import Units

TABLES = ("cycles", "summary", "survival", "sisters", "correlations")


@dataclass(frozen=True)
class Families:
    """The tables of one movie; see the functions of `autonuclei.measure.lineages`.

    Attributes
    ----------
    units : Units
    compared : columns of `cycles` in which sisters are compared
    cycles : `tabulate_cycles`
    summary : `summarise_cycles`
    survival : `estimate_survival`
    sisters : `pair_sisters`
    correlations : `correlate_sisters`
    """

    units: Units
    compared: list[str]
    cycles: pd.DataFrame
    summary: pd.DataFrame
    survival: pd.DataFrame
    sisters: pd.DataFrame
    correlations: pd.DataFrame


def measure_families(
    tracks: pd.DataFrame,
    *,
    frames: Sequence[int],
    pixel_size_um: float | None,
    frame_interval_min: float | None,
    channels: Sequence[str] = (),
) -> Families:
    """Make all tables on cycles and lineages of a movie.

    Parameters
    ----------
    tracks : DataFrame
        Table of tracks, with the columns of `channels`.
    frames : sequence of int
        The frame numbers that were recorded, ascending.
    pixel_size_um, frame_interval_min : float or None
        None where unknown.
    channels : sequence of str
        Columns whose value at birth is wanted beside the mean intensity.
    """
    units = Units(pixel_size_um, frame_interval_min)
    values = ("mean_intensity", *channels)
    cycles = tabulate_cycles(tracks, frames=frames, units=units, channels=values)
    compared = [f"duration_{units.time}", f"birth_{name_area(units)}"]
    compared += [f"birth_{name}" for name in (channels or values)]
    sisters = pair_sisters(cycles, compared)
    return Families(
        units,
        compared,
        cycles,
        summarise_cycles(cycles, units=units),
        estimate_survival(cycles, units=units),
        sisters,
        correlate_sisters(sisters, compared),
    )


def write_families(
    folder: str | os.PathLike[str], families: Families, *, columns: Mapping[str, str]
) -> None:
    """Write the tables as CSV, each by its name, and all trees as `lineages.nwk`.

    Parameters
    ----------
    folder
        Is there already.
    families
    columns
        Last columns of each table: what the sheet says of the sample.
    """
    for name in TABLES:
        table = getattr(families, name)
        write_table(Path(folder) / f"{name}.csv", add_columns(table, columns))
    with write_beside(Path(folder) / "lineages.nwk") as partial:
        partial.write_text(format_newick(families.cycles, units=families.units))
