"""Write one of the built-in example data sets."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.example.data import make_example

    make_example(snakemake.wildcards.example, snakemake.output[0])
