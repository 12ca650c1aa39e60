"""The page of an experiment that is read first."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from pathlib import Path

    from autonuclei.io.files import write_beside
    from autonuclei.plan.inputs import describe_input, list_remarks
    from autonuclei.report.results import Experiment, write_samples
    from autonuclei.report.summary import render_summary

    folder = Path(snakemake.output.page).parent
    experiment = Experiment(
        folder=folder,
        planned=frozenset(
            str(Path(path).relative_to(folder))
            for path in snakemake.input
            if Path(path).is_relative_to(folder)
        ),
        sizes=snakemake.params.sizes,
        inputs=[describe_input(row) for row in snakemake.params.inputs],
        remarks=list_remarks(snakemake.params.inputs),
        columns=snakemake.params.columns,
    )
    write_samples(snakemake.output.table, experiment)
    views = [Path(path) for path in snakemake.input.views]
    for path, shown in ((snakemake.output.page, views), (snakemake.output.short, None)):
        with write_beside(path) as partial:
            partial.write_text(render_summary(experiment, shown), encoding="utf-8")
