"""Write down what made the results of an experiment."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import json
    import shutil
    from pathlib import Path

    import pandas as pd
    import yaml

    from autonuclei.io.files import read_json, write_beside
    from autonuclei.io.tables import read_table, write_table
    from autonuclei.plan.inputs import tabulate_inputs
    from autonuclei.report.provenance import (
        check_stamps,
        find_commit,
        hash_files,
        hash_inputs,
        list_versions,
        quote_command,
    )
    from autonuclei.segment.planes import TEXT_COLUMNS
    from autonuclei.settings import read_settings, to_dict
    from autonuclei.train.networks import MODEL_FILES, read_device, read_scale

    for path, stamps in zip(snakemake.input.planes, snakemake.params.stamps_of_frames, strict=True):
        check_stamps(read_table(path, text=TEXT_COLUMNS), stamps)
    settings = to_dict(read_settings(snakemake.config))
    # Where all masks are given, there is no model.
    model = Path(snakemake.input.model) if snakemake.input.model else None
    trained_on = read_device(model) if model else None
    # Another number of threads would give other weights.
    cores = str((trained_on or {}).get("threads") or "all")
    record = {
        "experiment": snakemake.wildcards.experiment,
        "workflow_commit": find_commit(Path(snakemake.scriptdir)),
        "package_digest": snakemake.params.package,
        "versions": list_versions(),
        "seed": settings["seed"],
        "settings": settings,
        "samples": snakemake.params.samples,
        "trained_on": trained_on,
        "thresholds": model and read_json(model / "thresholds.json"),
        "network_px_per_image_px": model and read_scale(model),
        "sha256": {
            "inputs": hash_inputs(snakemake.params.stamps),
            "model": hash_files(model / name for name in MODEL_FILES) if model else {},
        },
        "run_again": quote_command(
            ["snakemake", "--cores", cores, "--configfile", snakemake.output.config]
        ),
    }
    with write_beside(snakemake.output.record) as partial:
        partial.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    write_table(snakemake.output.inputs, pd.DataFrame(tabulate_inputs(snakemake.params.inputs)))
    with write_beside(snakemake.output.sheet) as partial:
        shutil.copyfile(settings["samples"], partial)
    # Nothing is left to the defaults in it, and the sheet may be another one tomorrow.
    again = settings | {"samples": snakemake.output.sheet}
    text = yaml.safe_dump(again, sort_keys=False, allow_unicode=True)
    with write_beside(snakemake.output.config) as partial:
        partial.write_text(text, encoding="utf-8")
