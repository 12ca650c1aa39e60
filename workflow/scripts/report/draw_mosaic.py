"""Draw a very large image with all its nuclei."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.io.images import read_plane
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import read_table
    from autonuclei.report.segmentation_figures import draw_mosaic
    from autonuclei.report.style import save_figure

    shown = snakemake.params.shown
    frame = shown["frame"]
    table = read_table(snakemake.input.table)
    with LabelStore(snakemake.input.labels, {frame: shown["name"]}) as masks:
        figure = draw_mosaic(
            read_plane(**shown["plane"]),
            masks.defer(frame),
            table[table["frame"] == frame],
            name=f"{snakemake.wildcards.sample}, frame {frame}",
            pixel_size_um=shown["pixel_size_um"],
        )
    save_figure(figure, [snakemake.output.png])
