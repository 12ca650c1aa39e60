"""Write down what made the results of an experiment."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    import json
    from pathlib import Path

    from autonuclei.files import write_beside
    from autonuclei.networks import MODEL_FILES
    from autonuclei.provenance import find_commit, hash_files, list_versions

    model = Path(snakemake.input.model)
    record = {
        "experiment": snakemake.wildcards.experiment,
        "workflow_commit": find_commit(Path(snakemake.scriptdir)),
        "package_digest": snakemake.params.package,
        "versions": list_versions(),
        "seed": snakemake.params.settings["seed"],
        "settings": snakemake.params.settings,
        "samples": snakemake.params.samples,
        "thresholds": json.loads((model / "thresholds.json").read_text()),
        "sha256": {
            "inputs": hash_files(snakemake.input.raw),
            "model": hash_files(model / name for name in MODEL_FILES),
        },
        # Snakemake reads JSON as it reads YAML, and nothing is left to the defaults in it.
        "command": f"snakemake --cores all --configfile {snakemake.output.settings}",
    }
    with write_beside(snakemake.output.settings) as partial:
        partial.write_text(json.dumps(snakemake.params.settings, indent=1) + "\n")
    with write_beside(snakemake.output.json) as partial:
        partial.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
