"""Plot the losses of the networks with and without noise."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.labels.measurement import read_table
    from autonuclei.report.figures import plot_noise_comparison, save_figure

    histories = {
        snakemake.params.rejected: read_table(snakemake.input.history),
        "keep": read_table(snakemake.input.other),
    }
    figure = plot_noise_comparison(histories, snakemake.wildcards.experiment)
    save_figure(figure, [snakemake.output.svg, snakemake.output.png])
