rule make_example_tracks:
    """Write the true tracks of the drawn example movie."""
    output:
        directory("resources/example/movie-tracks"),
    log:
        "<logs>/examples/movie-tracks.log",
    benchmark:
        "<logs>/examples/movie-tracks.tsv"
    conda:
        "../../envs/track.yaml"
    threads: 1
    resources:
        mem_mb=grow(SNAKEMAKE_MB + 400),
        runtime=grow(10),
    params:
        code=digest_imports("example/make_example_tracks"),
    message:
        "Writing the true tracks of the example movie"
    script:
        "../scripts/example/make_example_tracks.py"


rule make_example:
    """Write one of the built-in example data sets."""
    output:
        "resources/example/{example}.tif",
    log:
        "<logs>/examples/{example}.log",
    benchmark:
        "<logs>/examples/{example}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=grow(SNAKEMAKE_MB + 400),
        runtime=grow(10),
    params:
        code=digest_imports("example/make_example"),
    message:
        "Writing the example data {wildcards.example}"
    script:
        "../scripts/example/make_example.py"
