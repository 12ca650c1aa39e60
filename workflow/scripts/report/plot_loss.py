"""Plot the loss over the epochs."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.io.tables import read_table
    from autonuclei.report.style import save_figure
    from autonuclei.report.training_figures import plot_loss

    figure = plot_loss(read_table(snakemake.input.history), snakemake.wildcards.experiment)
    save_figure(figure, [snakemake.output.svg, snakemake.output.png])
