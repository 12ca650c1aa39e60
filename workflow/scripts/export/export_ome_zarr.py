"""Write the masks of a sample as OME-Zarr."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]):
    from autonuclei.export.ome_zarr import ZarrImage, find_axes, write_movie, write_stills
    from autonuclei.io.images import PlaneReader, read_movie_page
    from autonuclei.io.label_store import DeferredLabels, LabelStore

    params = snakemake.params
    names, movie = params.names, params.movie
    planes, is_movie = movie["planes"], params.is_movie
    axes = find_axes(planes, is_movie=is_movie)
    with LabelStore(snakemake.input.labels, names) as masks, PlaneReader() as read:

        def read_raw(frame):
            if frame in planes:
                return read.defer(**planes[frame])
            return read_movie_page(read, planes, frame, movie["shape"])

        options = {
            "labels": DeferredLabels(masks),
            "read_raw": read_raw if params.content == "image" else None,
        }
        if is_movie:
            image = ZarrImage(
                snakemake.wildcards.sample,
                range(movie["n_frames"]),
                axes[min(axes)],
                movie["pixel_size_um"],
                movie["frame_interval_min"],
                params.first_pixel,
            )
            write_movie(snakemake.output.folder, image, **options)
        else:
            # Stills that were passed over have no masks.
            images = [
                ZarrImage(
                    names[frame],
                    [frame],
                    axes[frame],
                    params.pixel_sizes_um[frame],
                    first_pixel=params.first_pixel,
                )
                for frame in names
                if masks.has(frame)
            ]
            write_stills(snakemake.output.folder, images, **options)
