"""Cycles, sisters and trees of a movie: tables and figures."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    from autonuclei.io.files import write_beside
    from autonuclei.io.tables import read_table
    from autonuclei.measure.families import measure_families, write_families
    from autonuclei.report.lineage_figures import draw_cycles, draw_lineages, draw_sisters
    from autonuclei.report.style import save_figure

    movie = snakemake.params.movie
    tracks = read_table(snakemake.input.tracks)
    levels = [f"{name}_core_mean" for name in snakemake.params.channels]
    if levels:
        channels = read_table(snakemake.input.channels)[["frame", "label", *levels]]
        tracks = tracks.merge(channels, on=["frame", "label"], validate="1:1")
    families = measure_families(
        tracks,
        frames=sorted(movie["planes"]),
        pixel_size_um=movie["pixel_size_um"],
        frame_interval_min=movie["frame_interval_min"],
        channels=levels,
    )
    log.info("%s", families.summary.iloc[0].to_dict())
    units = families.units
    figures = {
        "trees": draw_lineages(families.cycles, units=units),
        "cycles": draw_cycles(families.cycles, units=units),
        "sisters": draw_sisters(families.sisters, families.compared, units=units),
    }
    figures |= {
        f"trees_{name}": draw_lineages(families.cycles, units=units, tracks=tracks, channel=level)
        for name, level in zip(snakemake.params.channels, levels, strict=True)
    }
    with write_beside(snakemake.output.folder) as folder:
        folder.mkdir()
        write_families(folder, families, columns=snakemake.params.columns)
        for name, figure in figures.items():
            save_figure(figure, [folder / f"{name}.{suffix}" for suffix in ("svg", "png")])
