"""Plot F1 over the IoU threshold."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.io.tables import concatenate_tables, read_table
    from autonuclei.report.evaluation_figures import plot_f1
    from autonuclei.report.style import save_figure

    images = read_table(snakemake.input.metrics, text=("stage", "sample"))
    pooled = read_table(snakemake.input.summary, text=("stage",)).assign(sample="all", frame=-1)
    figure = plot_f1(concatenate_tables([images, pooled]), snakemake.wildcards.experiment)
    save_figure(figure, [snakemake.output.svg, snakemake.output.png])
