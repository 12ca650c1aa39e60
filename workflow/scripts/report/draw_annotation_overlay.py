"""Draw the annotated objects of one frame over its image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.io.images import read_image
    from autonuclei.io.tables import read_table
    from autonuclei.report.annotation_figures import draw_annotation_overlay, select_field
    from autonuclei.report.style import save_figure

    shown = snakemake.params.shown
    table = read_table(snakemake.input.table, text=("sample", "verdict"))
    figure = draw_annotation_overlay(
        read_image(snakemake.input.image),
        read_image(snakemake.input.objects),
        select_field(table, shown["sample"], shown["frame"], shown["block"]),
        name=shown["name"],
        pixel_size_um=shown["pixel_size_um"],
    )
    save_figure(figure, [snakemake.output.png])
