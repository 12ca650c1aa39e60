"""Find the nuclei in a stretch of frames, or draw those that were found in a large frame."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import functools
    import tempfile

    import numpy as np
    import psutil

    from autonuclei.annotate.foreground import is_empty
    from autonuclei.errors import InputError
    from autonuclei.segment.memory import fit_tile
    from autonuclei.segment.stretches import write_stretch
    from autonuclei.settings import PreprocessSettings

    params = snakemake.params
    drawing = {
        "refine_boundaries": params.refine_boundaries,
        "minimum_sharpness": params.minimum_sharpness,
        "cut_clumps": params.cut_clumps,
    }

    def find_nothing(frame, image):
        log.warning("frame %d: no contrast beyond its noise, no nuclei", frame)
        return np.broadcast_to(np.int32(0), image.shape), None

    def predict_images():
        """Ask the network for the nuclei of each frame."""
        from autonuclei.segment.prediction import predict_nuclei
        from autonuclei.train.networks import load_network

        network, device = load_network(
            snakemake.input.model, device=params.device, threads=snakemake.threads
        )
        log.info("device: %s", device)
        preprocess = PreprocessSettings(**params.preprocess)
        # What the machine has free now may be less than what the job asked for.
        memory_mb = min(snakemake.resources.mem_mb, psutil.virtual_memory().available / 1e6)

        def find_nuclei(frame, image):
            if is_empty(image, params.minimum_contrast):
                return find_nothing(frame, image)
            labels, probability = predict_nuclei(
                network,
                image,
                preprocess=preprocess,
                megapixels_per_tile=fit_tile(
                    memory_mb, image.size / 1e6 * max(1, network.scale**2)
                ),
                minimum_probability=params.minimum_probability,
                **drawing,
            )
            log.info("frame %d: %d nuclei", frame, len(probability))
            return labels, probability

        write(find_nuclei)

    def draw_image(folder):
        """Draw the nuclei that were found in the blocks of a large frame."""
        from pathlib import Path

        from autonuclei.io.scratch import copy_image
        from autonuclei.segment.block_polygons import read_numbers, read_polygons
        from autonuclei.segment.blockwise import draw_in_blocks

        record, numbers = read_numbers(snakemake.input.numbers)

        def read_large(read, frame, plane):
            try:
                return read.defer(**plane), record
            except InputError:  # its problem is in the record
                return None, record

        def find_nuclei(frame, image):
            if numbers.is_empty:
                return find_nothing(frame, image)
            found = read_polygons(snakemake.input.polygons)
            labels, probability = draw_in_blocks(
                copy_image(image, Path(folder, "image.raw")),
                found.polygons,
                found.probability,
                noise=numbers.noise,
                side=params.block_px,
                folder=folder,
                **drawing,
            )
            log.info("frame %d: %d nuclei", frame, len(probability))
            return labels, probability

        write(find_nuclei, read_frame=read_large)

    write = functools.partial(
        write_stretch,
        planes=params.planes,
        labels=snakemake.output.labels,
        probability=snakemake.output.probability,
        record=snakemake.output.planes,
        is_movie=params.is_movie,
        keep_pages=params.keep_pages,
        skip_unreadable=params.skip_unreadable,
        log=log,
    )
    if snakemake.input.get("numbers"):
        with tempfile.TemporaryDirectory(dir=snakemake.resources.tmpdir) as folder:
            draw_image(folder)
    else:
        predict_images()
