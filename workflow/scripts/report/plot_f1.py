"""Plot F1 over the IoU threshold."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.labels.measurement import read_table
    from autonuclei.report.figures import plot_f1, save_figure

    def read_rows(path, **more):
        table = read_table(path, text=("stage", "sample"))
        cells = zip(*table.values(), strict=True)
        return [dict(zip(table, row, strict=True)) | more for row in cells]

    rows = read_rows(snakemake.input.metrics)
    rows += read_rows(snakemake.input.summary, sample="all", frame=-1)
    figure = plot_f1(rows, snakemake.wildcards.experiment)
    save_figure(figure, [snakemake.output.svg, snakemake.output.png])
