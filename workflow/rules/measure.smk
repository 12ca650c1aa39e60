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
            chosen="<results>/{experiment}/segmentation/{sample}/chosen/nuclei.csv",
            corrected="<results>/{experiment}/segmentation/{sample}/corrected/probability.csv",
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
        mem_mb=NEEDS.sample_mb(200, 35, 1, beyond=5),
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
        quality="<results>/{experiment}/quality/samples/{sample}/images.csv",
    output:
        folder=report(
            directory("<results>/{experiment}/tracking/{sample}/motility"),
            patterns=["{figure}.png"],
            caption="../report/motility.rst",
            category="4 Tracking",
            subcategory="{experiment}",
            labels=PLAN.label_figure,
        ),
    log:
        "<logs>/{experiment}/tracking/{sample}/measure_motility.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/measure_motility.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(290, 40, 2, beyond=5),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        movie=PLAN.describe_movie,
        motility=to_dict(SETTINGS.motility),
        columns=PLAN.get_columns,
        code=digest_imports("measure/measure_motility"),
    script:
        "../scripts/measure/measure_motility.py"


rule measure_channels:
    """Measure every channel of the images in each nucleus and in a ring around it."""
    input:
        images=PLAN.list_channel_files,
        labels=PLAN.by_kind(
            movie="<results>/{experiment}/segmentation/{sample}/labels.tif",
            stills="<results>/{experiment}/segmentation/{sample}/labels",
        ),
    output:
        table="<results>/{experiment}/segmentation/{sample}/channels.csv",
        svg="<results>/{experiment}/segmentation/{sample}/channels.svg",
        png=report(
            "<results>/{experiment}/segmentation/{sample}/channels.png",
            caption="../report/channels.rst",
            category="6 Channels",
            subcategory="{experiment}",
            labels={"result": "Levels in nuclei and rings", "sample": "{sample}"},
        ),
    log:
        "<logs>/{experiment}/segmentation/{sample}/measure_channels.log",
    benchmark:
        "<logs>/{experiment}/segmentation/{sample}/measure_channels.tsv"
    conda:
        "../../envs/annotate.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(200, 40, 1, beyond=12),
        runtime=NEEDS.sample_min(10, 0.1),
    params:
        channels=PLAN.list_channel_names,
        planes=PLAN.describe_channels,
        are_files=lambda wildcards: bool(PLAN.get_sample(wildcards).file_channels),
        names=PLAN.get_names,
        rings_px=PLAN.get_ring_widths,
        gap_px=SETTINGS.channels.gap_px,
        subtract_background=SETTINGS.channels.subtract_background,
        columns=PLAN.get_columns,
        code=digest_imports("measure/measure_channels"),
    script:
        "../scripts/measure/measure_channels.py"


rule measure_lineages:
    """Cell cycles from birth to division, sisters, trees: tables and figures."""
    input:
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
        channels=PLAN.if_measured("<results>/{experiment}/segmentation/{sample}/channels.csv"),
    output:
        folder=report(
            directory("<results>/{experiment}/tracking/{sample}/lineages"),
            patterns=["{figure}.png"],
            caption="../report/cycles.rst",
            category="5 Divisions",
            subcategory="{experiment}",
            labels=PLAN.label_figure,
        ),
    log:
        "<logs>/{experiment}/tracking/{sample}/measure_lineages.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/measure_lineages.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(230, 0, 0.6),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        movie=PLAN.describe_movie,
        channels=PLAN.list_channel_names,
        columns=PLAN.get_columns,
        code=digest_imports("measure/measure_lineages"),
    script:
        "../scripts/measure/measure_lineages.py"


rule measure_traces:
    """Channels of the tracks over time, from birth on and up to the division."""
    input:
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
        channels="<results>/{experiment}/segmentation/{sample}/channels.csv",
        lineages="<results>/{experiment}/tracking/{sample}/lineages",
    output:
        folder=report(
            directory("<results>/{experiment}/tracking/{sample}/traces"),
            patterns=["{figure}.png"],
            caption="../report/traces.rst",
            category="6 Channels",
            subcategory="{experiment}",
            labels=PLAN.label_figure,
        ),
    log:
        "<logs>/{experiment}/tracking/{sample}/measure_traces.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/measure_traces.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(280, 0, 8),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        movie=PLAN.describe_movie,
        channels=PLAN.list_channel_names,
        columns=PLAN.get_columns,
        code=digest_imports("measure/measure_traces"),
    script:
        "../scripts/measure/measure_traces.py"


rule compare_conditions:
    """All nuclei, tracks and samples in a table each; conditions against each other; plates."""
    input:
        counts="<results>/{experiment}/figures/counts.csv",
        objects=PLAN.for_kind("stills", "<results>/{experiment}/segmentation/{sample}/objects.csv"),
        tracks=PLAN.for_kind("movie", "<results>/{experiment}/tracking/{sample}/tracks.csv"),
        channels=PLAN.for_measured("<results>/{experiment}/segmentation/{sample}/channels.csv"),
        motility=PLAN.for_kind("movie", "<results>/{experiment}/tracking/{sample}/motility"),
        lineages=PLAN.for_kind("movie", "<results>/{experiment}/tracking/{sample}/lineages"),
    output:
        folder=report(
            directory("<results>/{experiment}/conditions"),
            patterns=["{figure}.png"],
            caption="../report/conditions.rst",
            category="7 Conditions",
            subcategory="{experiment}",
            labels=PLAN.label_comparison,
        ),
    log:
        "<logs>/{experiment}/compare_conditions.log",
    benchmark:
        "<logs>/{experiment}/compare_conditions.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.experiment_mb(280, 8),
        runtime=grow(60),
    params:
        samples=PLAN.describe_compared,
        columns=PLAN.get_sample_columns,
        control=SETTINGS.conditions.control,
        code=digest_imports("measure/compare_conditions"),
    script:
        "../scripts/measure/compare_conditions.py"
