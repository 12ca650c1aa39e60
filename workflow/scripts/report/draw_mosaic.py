"""Draw a very large image with all its nuclei."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from pathlib import Path

    import numpy as np

    from autonuclei.io.images import read_plane
    from autonuclei.labels.measurement import read_table
    from autonuclei.report.figures import save_figure
    from autonuclei.report.mosaics import draw_mosaic

    shown = snakemake.params.shown
    labels = Path(snakemake.input.labels)
    if labels.is_dir():
        found = read_plane(labels / f"{shown['name']}.tif")
    else:
        found = read_plane(labels, frame=shown["frame"])
    table = read_table(snakemake.input.table)
    own = table["frame"] == shown["frame"]
    figure = draw_mosaic(
        read_plane(**snakemake.params.plane),
        found,
        {name: np.asarray(column)[own] for name, column in table.items()},
        name=f"{snakemake.wildcards.sample}, frame {shown['frame']}",
        pixel_size_um=shown["pixel_size_um"],
    )
    save_figure(figure, [snakemake.output.png])
