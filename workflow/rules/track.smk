# Tracks of movies: links and divisions.


rule link_nuclei:
    """Link the nuclei of all frames to tracks and find the divisions."""
    input:
        table="<results>/{experiment}/segmentation/{sample}/objects.csv",
    output:
        tracks="<results>/{experiment}/tracking/{sample}/tracks.csv",
        lineages=report(
            "<results>/{experiment}/tracking/{sample}/lineages.csv",
            caption="../report/lineages.rst",
            category="4 Tracking",
            subcategory="{experiment}",
            labels={"result": "Tracks and divisions (table)", "sample": "{sample}"},
        ),
        used="<results>/{experiment}/tracking/{sample}/linking.json",
    log:
        "<logs>/{experiment}/tracking/{sample}/link_nuclei.log",
    benchmark:
        "<logs>/{experiment}/tracking/{sample}/link_nuclei.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=NEEDS.sample_mb(300, 0, 3),
        runtime=NEEDS.sample_min(10, 0.05),
    params:
        settings=to_dict(SETTINGS.track),
        frame_interval_min=lambda wildcards: PLAN.get_sample(wildcards).frame_interval_min,
        columns=PLAN.get_columns,
        code=digest_imports("track/link_nuclei"),
    script:
        "../scripts/track/link_nuclei.py"
