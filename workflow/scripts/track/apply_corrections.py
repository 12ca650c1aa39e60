"""Take nuclei and links from what the user corrected."""

from autonuclei.jobs import log_job

with log_job(snakemake.log[0]) as log:
    import pandas as pd
    import tifffile

    from autonuclei.export.ctc import read_ctc
    from autonuclei.io.files import write_beside
    from autonuclei.io.geff_folder import read_geff
    from autonuclei.io.hyperstack import label_dtype
    from autonuclei.io.label_frames import LabelFiles
    from autonuclei.io.label_images import LabelReader
    from autonuclei.io.label_store import LabelStore
    from autonuclei.io.tables import concatenate_tables, read_table, write_table
    from autonuclei.io.trackmate_file import read_trackmate
    from autonuclei.plan.corrections import CTC, GEFF, TRACKMATE
    from autonuclei.segment.given_labels import GivenLabels
    from autonuclei.track.corrected_masks import correct_ctc, correct_masks
    from autonuclei.track.corrected_spots import correct_geff, correct_trackmate
    from autonuclei.track.corrections import LINK_COLUMNS

    params, corrected = snakemake.params, snakemake.params.corrected
    kind, path = corrected["kind"], corrected["path"]
    nuclei = read_table(snakemake.input.nuclei)

    with (
        LabelStore(snakemake.input.labels, params.names) as ours,
        LabelReader() as read_labels,
        write_beside(snakemake.output.labels) as partial,
        tifffile.TiffWriter(partial, bigtiff=True) as tiff,
    ):
        known = [frame for frame in params.names if ours.has(frame)]
        movie = {"labels": ours, "n_frames": params.n_frames}
        frames = set(known)
        if kind == TRACKMATE:
            result = correct_trackmate(
                read_trackmate(path), tracks=nuclei, shape=params.shape, **movie
            )
        elif kind == GEFF:
            result = correct_geff(read_geff(path), tracks=nuclei, shape=params.shape, **movie)
        elif kind == CTC:
            table, files = read_ctc(path)
            result = correct_ctc(path, table, LabelFiles(files, params.shape), **movie)
        else:
            # The other frames stay as they were.
            frames &= set(corrected["labels"])
            given = GivenLabels(corrected["labels"], read_labels)
            result = correct_masks(given, labels=ours, frames=sorted(frames))
        for frame in known:
            labels = result[frame] if frame in frames else ours.read(frame)
            tiff.write(
                labels.astype(label_dtype(int(labels.max(initial=0)))),
                compression="zlib",
                contiguous=False,
                metadata=None,
            )
    for note in result.notes:
        log.warning("%s", note)
    write_table(snakemake.output.notes, pd.DataFrame({"note": result.notes}, dtype=str))
    # A nucleus that is as the network drew it keeps its probability.
    told = [name for name in ("probability", "found_by") if name in nuclei]
    given = nuclei[["frame", "label", *told]]
    kept = result.nuclei.loc[result.nuclei["change"] == "kept", ["frame", "label"]]
    others = given[~given["frame"].isin(frames)]
    known = concatenate_tables([others, given.merge(kept)]).dropna(subset=told, how="all")
    write_table(snakemake.output.probability, known)
    links = pd.DataFrame(columns=LINK_COLUMNS) if result.links is None else result.links
    write_table(snakemake.output.links, links)
