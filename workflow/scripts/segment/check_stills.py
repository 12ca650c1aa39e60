"""Fail for images that could not be segmented."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.errors import InputError
    from autonuclei.io.files import write_beside
    from autonuclei.labels.measurement import read_table

    problems = [
        problem
        for path in snakemake.input.problems
        for problem in read_table(path, text=("problem",))["problem"].tolist()
    ]
    n_images = snakemake.params.n_images
    if problems:
        # The other images have their results; each of these has its line.
        raise InputError("\nERROR ".join(problems))
    with write_beside(snakemake.output[0]) as partial:
        partial.write_text(f"All {n_images} images are segmented.\n")
