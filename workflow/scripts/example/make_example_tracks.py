"""Write the true tracks of the drawn example movie."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.example.data import make_example_tracks

    make_example_tracks(snakemake.output[0])
