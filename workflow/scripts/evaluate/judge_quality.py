"""Say whether to trust the result of an experiment, from the figures of its images."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import json

    import numpy as np
    import pandas as pd

    from autonuclei.annotate.selection import read_accepted_range
    from autonuclei.evaluate.quality import CALIBRATION_COLUMNS, pool_calibration
    from autonuclei.evaluate.verdicts import (
        add_verdicts,
        describe_missing,
        judge_experiment,
        judge_images,
        list_findings,
        summarize_images,
    )
    from autonuclei.io.files import write_beside
    from autonuclei.labels.measurement import read_table, write_table
    from autonuclei.report.quality_figures import plot_areas, plot_calibration, plot_indicators
    from autonuclei.report.style import save_figure

    def read_rows(path, text):
        table = read_table(path, text=text)
        return [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]

    params, experiment = snakemake.params, snakemake.wildcards.experiment
    objects = accepted = None
    if snakemake.input.get("objects"):
        objects = read_table(snakemake.input.objects, text=("sample", "verdict"))
        accepted = read_accepted_range(snakemake.input.accepted_range)
    images, calibration, n_training = [], [], 0
    for sample, table, checks in zip(
        params.samples, snakemake.input.images, snakemake.input.calibration, strict=True
    ):
        rows = [{"sample": sample["sample"]} | row for row in read_rows(table, ("image",))]
        n_training += sum(r["n_accepted"] for r in rows if r["frame"] in sample["training"])
        images += rows
        calibration += read_rows(checks, ("checked_by",))
    if objects is not None:
        add_verdicts(images, objects)
    judge_images(images)
    values = summarize_images(
        images,
        objects=objects,
        n_training=float("nan") if params.model_given else n_training,
        **params.network,
    )
    missing = describe_missing(params.samples, model_given=params.model_given)
    findings = list_findings(images, values, objects=objects, missing=missing)
    verdict = judge_experiment(experiment, findings)
    log.info("%s: %s", verdict["verdict"], verdict["sentence"])
    with write_beside(snakemake.output.verdict) as partial:
        partial.write_text(json.dumps(verdict, indent=1, ensure_ascii=False) + "\n")
    columns = list(dict.fromkeys(name for row in images for name in row))
    write_table(
        snakemake.output.images,
        {name: [row.get(name, float("nan")) for row in images] for name in columns},
    )
    pooled = pool_calibration(calibration)
    write_table(
        snakemake.output.checks,
        {name: [row[name] for row in pooled] for name in CALIBRATION_COLUMNS},
    )
    areas = [read_table(path)["area_px"] for path in snakemake.input.nuclei]
    figures = {
        "areas": plot_areas(
            experiment,
            objects=None if objects is None else pd.DataFrame(objects),
            accepted=accepted,
            nuclei_px=np.concatenate(areas),
            scale=params.scale,
        ),
        "indicators": plot_indicators(pd.DataFrame(images), experiment),
        "calibration": plot_calibration(
            pd.DataFrame(pooled, columns=CALIBRATION_COLUMNS), experiment
        ),
    }
    for name, figure in figures.items():
        save_figure(figure, [snakemake.output[name], snakemake.output[f"{name}_svg"]])
