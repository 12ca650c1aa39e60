"""Find the nuclei in a stretch of frames."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np
    import psutil
    import tifffile

    from autonuclei.annotate.foreground import is_empty
    from autonuclei.errors import InputError
    from autonuclei.io.files import write_beside
    from autonuclei.io.images import check_pixels, read_plane
    from autonuclei.labels.measurement import concatenate_tables, write_table
    from autonuclei.segment.prediction import fit_tile, predict_nuclei
    from autonuclei.train.networks import choose_device, load_model, read_scale

    log.info("device: %s", choose_device(snakemake.params.device, snakemake.threads))
    model = load_model(snakemake.input.model)
    scale = read_scale(snakemake.input.model)
    # What the machine has free now may be less than what the job asked for.
    memory_mb = min(snakemake.resources.mem_mb, psutil.virtual_memory().available / 1e6)
    tables, problems = [], {}
    with (
        write_beside(snakemake.output.labels) as partial,
        tifffile.TiffWriter(partial, bigtiff=True) as tiff,
    ):
        for index, plane in zip(snakemake.params.frames, snakemake.params.planes, strict=True):
            try:
                image = read_plane(**plane)
                # A movie may have a dark frame; a still that is one is a mistake.
                if snakemake.params.pass_over or image.min() < image.max():
                    check_pixels(image, plane["path"])
                if is_empty(image, snakemake.params.minimum_contrast):
                    log.warning("frame %d: no contrast beyond its noise, no nuclei", index)
                    labels, probability = np.zeros(image.shape, np.int32), np.zeros(0)
                else:
                    tile = fit_tile(memory_mb, image.size / 1e6 * max(1, scale**2))
                    labels, probability = predict_nuclei(
                        model,
                        image,
                        preprocess=snakemake.params.preprocess,
                        megapixels_per_tile=min(tile, snakemake.params.megapixels_per_tile),
                        scale=scale,
                        least_probability=snakemake.params.least_probability,
                        refine=snakemake.params.refine,
                        least_sharpness=snakemake.params.least_sharpness,
                        cut=snakemake.params.cut,
                    )
            except InputError as error:
                if not snakemake.params.pass_over:
                    raise
                log.error("frame %d: passed over, %s", index, error)
                problems[index] = str(error)
                continue
            n = len(probability)
            log.info("frame %d: %d nuclei", index, n)
            tiff.write(
                labels,
                compression="zstd",
                compressionargs={"level": 1},
                contiguous=False,
                metadata=None,
            )
            tables.append(
                {
                    "frame": np.full(n, index),
                    "label": np.arange(1, n + 1),
                    "probability": probability,
                }
            )
    columns = ("frame", "label", "probability")
    write_table(snakemake.output.probability, concatenate_tables(tables, columns))
    write_table(
        snakemake.output.problems,
        {"frame": list(problems), "problem": list(problems.values())},
    )
