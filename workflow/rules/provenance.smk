# What made the results of an experiment.


rule write_provenance:
    """Write versions, settings, seeds and input checksums beside the results."""
    input:
        raw=list_raw_files,
        sheet=SETTINGS.samples,
        model=get_model,
        tables=lambda wildcards: [
            f"<results>/{wildcards.experiment}/segmentation/{sample.name}/objects.csv"
            for sample in list_samples(wildcards.experiment)
        ],
    output:
        record=report(
            "<results>/{experiment}/provenance/provenance.json",
            caption="../report/provenance.rst",
            category="6 Provenance",
            subcategory="{experiment}",
            labels={"result": "Versions, settings, checksums"},
        ),
        config=report(
            "<results>/{experiment}/provenance/config.yaml",
            caption="../report/provenance.rst",
            category="6 Provenance",
            subcategory="{experiment}",
            labels={"result": "Configuration to run it again"},
        ),
        sheet=report(
            "<results>/{experiment}/provenance/samples.tsv",
            caption="../report/provenance.rst",
            category="6 Provenance",
            subcategory="{experiment}",
            labels={"result": "Sample sheet"},
        ),
    log:
        "<logs>/{experiment}/write_provenance.log",
    benchmark:
        "<logs>/{experiment}/write_provenance.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=grow(SNAKEMAKE_MB + 500),
        runtime=grow(60),
    params:
        settings=to_dict(SETTINGS),
        samples=lambda wildcards: [
            {
                "sample": sample.name,
                "kind": sample.kind,
                "images": list_frame_files(sample),
                "n_frames": len(sample.frames),
                "training_frames": list_training(sample),
                "channel": sample.channel,
                "projection": sample.projection,
                "pixel_size_um": sample.pixel_size_um,
                "frame_interval_min": sample.frame_interval_min,
                "notes": list(sample.notes),
            }
            for sample in list_samples(wildcards.experiment)
        ],
        code=digest_imports("report/write_provenance"),
        package=digest_package(),
    message:
        "Writing down what made {wildcards.experiment}"
    script:
        "../scripts/report/write_provenance.py"
