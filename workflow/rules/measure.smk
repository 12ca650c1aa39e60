# What is measured of nuclei and of their tracks.


rule measure_nuclei:
    """Measure every segmented nucleus in the raw images, and list what was read of each image."""
    input:
        images=PLAN.list_sample_files,
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
        probability=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.csv",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.csv",
        ),
        planes=PLAN.for_stretches(
            "<results>/{experiment}/segmentation/{sample}/stretches/{first}-{last}.planes.csv",
            given="<results>/{experiment}/segmentation/{sample}/given/{first}-{last}.planes.csv",
        ),
    output:
        table="<results>/{experiment}/segmentation/{sample}/objects.csv",
        planes="<results>/{experiment}/segmentation/{sample}/planes.csv",
    log:
        "<logs>/{experiment}/segmentation/{sample}/measure_nuclei.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/measure_nuclei.tsv"
    localrule: IN_SUBMITTED_JOB
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(180, 60, 1),
        runtime=NEEDS.sample_min(5, 0.03),
    params:
        planes=PLAN.describe_planes,
        names=PLAN.get_names,
        pixel_sizes_um=PLAN.get_pixel_sizes,
        columns=PLAN.get_columns,
        code=digest_imports("measure/measure_nuclei"),
    script:
        "../scripts/measure/measure_nuclei.py"


rule measure_motility:
    """Speeds, displacements, densities, mitoses: tables and figures."""
    input:
        image=PLAN.list_last_files,
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
    output:
        folder=report(
            directory("<results>/{experiment}/tracking/{sample}/motility"),
            patterns=["{figure}.png"],
            caption="../report/motility.rst",
            category="4 Tracking",
            subcategory="{experiment}",
            labels=PLAN.label_motility,
        ),
    log:
        "<logs>/{experiment}/tracking/{sample}/measure_motility.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/measure_motility.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(500, 40, 2),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        movie=PLAN.describe_movie,
        motility=to_dict(SETTINGS.motility),
        columns=PLAN.get_columns,
        code=digest_imports("measure/measure_motility"),
    script:
        "../scripts/measure/measure_motility.py"
