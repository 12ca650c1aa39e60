"""Find the nuclei in a block of a large image."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import numpy as np
    import psutil

    from autonuclei.io.images import open_plane
    from autonuclei.labels.blocks import Block
    from autonuclei.segment.block_polygons import (
        FoundPolygons,
        find_block_polygons,
        read_numbers,
        write_polygons,
    )
    from autonuclei.segment.memory import LARGEST_PART, fit_tile
    from autonuclei.train.networks import load_network

    params = snakemake.params
    block = Block(*params.block)
    _, numbers = read_numbers(snakemake.input.numbers)
    if numbers is None or numbers.is_empty:
        log.info("the image has no nuclei, or cannot be read")
        nothing = np.zeros((0, 2)).astype(int)
        found = FoundPolygons(np.zeros((0, 2, 8)), np.zeros(0, np.float32), nothing)
    else:
        network, device = load_network(
            snakemake.input.model, device=params.device, threads=snakemake.threads
        )
        log.info("device: %s", device)
        # What the machine has free now may be less than what the job asked for.
        memory_mb = min(snakemake.resources.mem_mb, psutil.virtual_memory().available / 1e6)
        megapixels = block.shape[0] * block.shape[1] / 1e6
        enlarged = megapixels * (params.preprocess["scale"] * network.scale) ** 2
        seen = min(LARGEST_PART, enlarged)
        with open_plane(**params.plane | {"skip_broken": False}) as image:
            found = find_block_polygons(
                network,
                image,
                block,
                numbers,
                params.preprocess,
                megapixels_per_tile=fit_tile(network, memory_mb, megapixels, seen),
                minimum_probability=params.minimum_probability,
            )
        log.info("%d nuclei", len(found.probability))
    write_polygons(snakemake.output.polygons, found)
