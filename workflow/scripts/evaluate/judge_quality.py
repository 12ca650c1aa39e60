"""Say whether to trust the result of an experiment, from the figures of its images."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import json

    import numpy as np

    from autonuclei.annotate.selection import read_accepted_range
    from autonuclei.evaluate.calibration import pool_calibration
    from autonuclei.evaluate.verdicts import check_sizes, judge_experiment
    from autonuclei.io.files import write_beside
    from autonuclei.io.tables import add_sample_columns, concatenate_tables, read_table, write_table
    from autonuclei.report.quality_figures import plot_areas, plot_calibration, plot_indicators
    from autonuclei.report.style import save_figure

    params, experiment = snakemake.params, snakemake.wildcards.experiment
    objects = accepted_range = None
    if snakemake.input.get("objects"):
        objects = read_table(snakemake.input.objects, text=("sample", "verdict"))
        accepted_range = read_accepted_range(snakemake.input.accepted_range)
    images = [read_table(path, text=("image",)) for path in snakemake.input.images]
    for table, sample in zip(images, params.samples, strict=True):
        table.insert(0, "sample", sample["sample"])
    names = [sample["sample"] for sample in params.samples]
    nuclei = {
        name: read_table(path)[["area_px", "area_um2"]]
        for name, path in zip(names, snakemake.input.nuclei, strict=True)
    }
    images, verdict = judge_experiment(
        experiment,
        concatenate_tables(images),
        objects=objects,
        samples=params.samples,
        sizes=check_sizes(nuclei, params.sources),
        model_given=params.model_given,
        **params.settings,
    )
    log.info("%s: %s", verdict["verdict"], verdict["sentence"])
    with write_beside(snakemake.output.verdict) as partial:
        partial.write_text(json.dumps(verdict, indent=1, ensure_ascii=False) + "\n")
    write_table(snakemake.output.images, add_sample_columns(images, params.columns))
    checks = [read_table(path, text=("checked_by",)) for path in snakemake.input.calibration]
    calibration = pool_calibration(concatenate_tables(checks))
    write_table(snakemake.output.checks, calibration)
    figures = {
        "areas": plot_areas(
            experiment,
            objects=objects,
            accepted=accepted_range,
            nuclei_px=np.concatenate([table["area_px"] for table in nuclei.values()]),
            scale=params.settings["scale"],
        ),
        "indicators": plot_indicators(images, experiment),
        "calibration": plot_calibration(calibration, experiment),
    }
    for name, figure in figures.items():
        save_figure(figure, [snakemake.output[name], snakemake.output[f"{name}_svg"]])
