"""Channels of the tracks of a movie over time: tables and figures."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from pathlib import Path

    import pandas as pd

    from autonuclei.io.files import write_beside
    from autonuclei.io.tables import add_columns, read_table, write_table
    from autonuclei.measure.traces import average_traces, tabulate_traces
    from autonuclei.measure.units import Units
    from autonuclei.report.channel_figures import draw_aligned, draw_traces
    from autonuclei.report.style import save_figure

    movie, names = snakemake.params.movie, snakemake.params.channels
    units = Units(movie["pixel_size_um"], movie["frame_interval_min"])
    tracks = read_table(snakemake.input.tracks)
    nuclei = tracks[["track", "lineage", "frame", "label"]].merge(
        read_table(snakemake.input.channels), on=["frame", "label"], validate="1:1"
    )
    cycles = read_table(Path(snakemake.input.lineages) / "cycles.csv")
    traces = tabulate_traces(nuclei, cycles, channels=names, units=units)
    log.info("%d traces of %d channels", traces["track"].nunique(), len(names))
    averages = pd.concat(
        [
            average_traces(traces, time=f"{time}_{units.time}", value=value)
            .rename(columns={f"{time}_{units.time}": f"time_{units.time}"})
            .assign(aligned=time, value=value)
            for time in ("time", "since_birth", "to_division")
            for value in ("core_mean", "ring_mean", "ring_ratio")
        ]
    )
    with write_beside(snakemake.output.folder) as folder:
        folder.mkdir()
        for name, table in (("traces", traces), ("averages", averages)):
            write_table(folder / f"{name}.csv", add_columns(table, snakemake.params.columns))
        for name, figure in (
            ("traces", draw_traces(traces, names, units=units)),
            ("aligned", draw_aligned(traces, names, units=units)),
        ):
            save_figure(figure, [folder / f"{name}.{suffix}" for suffix in ("svg", "png")])
