# Input functions of the rules, and what their parameters are made of.


def get_objects(wildcards):
    """All objects of a frame and the accepted ones; given masks are all accepted."""
    folder = f"<results>/{wildcards.experiment}/annotation/{wildcards.sample}/{wildcards.frame}"
    if get_sample(wildcards).masks:
        return {"objects": f"{folder}/masks.tif", "labels": f"{folder}/masks.tif"}
    return {"objects": f"{folder}/objects.tif", "labels": f"{folder}/labels.tif"}


def count_training_megapixels(wildcards):
    return sum(
        frame.height * frame.width / 1e6
        for sample in list_samples(wildcards.experiment)
        for frame in map(sample.frame, list_training(sample))
    )


def list_stretch(wildcards):
    sample = get_sample(wildcards)
    first, last = int(wildcards.first), int(wildcards.last)
    return [frame for frame in sample.frames if first <= frame.index <= last]


def count_stretch_megapixels(wildcards):
    return sum(frame.height * frame.width for frame in list_stretch(wildcards)) / 1e6


def estimate_predict_memory(wildcards):
    largest = max(frame.height * frame.width / 1e6 for frame in list_stretch(wildcards))
    tile = min(largest, SETTINGS["predict"]["megapixels_per_tile"])
    return SNAKEMAKE_MB + estimate_memory(largest, tile)


def list_stretch_files(suffix):
    def files(wildcards):
        folder = f"<results>/{wildcards.experiment}/segmentation/{wildcards.sample}/stretches"
        return [
            f"{folder}/{first:04d}-{last:04d}.{suffix}"
            for first, last in list_stretches(get_sample(wildcards))
        ]

    return files


def get_frame_names(wildcards):
    """File names for the results of each frame, by frame number."""
    return {frame.index: frame.name for frame in get_sample(wildcards).frames}


def list_cases(wildcards):
    """Every frame with a ground truth, once per stage: what is compared with what."""
    cases = []
    for sample in list_samples(wildcards.experiment):
        annotated = set(list_annotated(sample))
        labels = get_labels(wildcards.experiment, sample.name)
        folder = f"<results>/{wildcards.experiment}/annotation/{sample.name}"
        for index, truth in sample.truth.items():
            case = {"sample": sample.name, "frame": index, "truth": truth.path}
            case |= {"truth_page": truth.page, "page": 0, "file": ""}
            if index in annotated:
                annotation = f"{folder}/{index:04d}/labels.tif"
                cases.append(case | {"stage": "annotation", "labels": annotation})
            if sample.kind == "stills":
                case["file"] = f"{sample.frame(index).name}.tif"
            else:
                case["page"] = index
            cases.append(case | {"stage": "segmentation", "labels": labels})
    return cases


def list_truth_megapixels(wildcards):
    return [
        frame.height * frame.width / 1e6
        for sample in list_samples(wildcards.experiment)
        for frame in map(sample.frame, sample.truth)
    ]


def get_movie(wildcards):
    """What the scripts need to know of a movie beside its files."""
    sample = get_sample(wildcards)
    frame = sample.frames[0]
    return {
        "planes": {frame.index: describe_plane(sample, frame) for frame in sample.frames},
        "shape": (frame.height, frame.width),
        "n_frames": sample.n_frames,
        "pixel_size_um": sample.pixel_size_um,
        "frame_interval_min": sample.frame_interval_min,
    }


def list_movie_files(wildcards):
    return list_frame_files(get_sample(wildcards))


def list_raw_files(wildcards):
    files = []
    for sample in list_samples(wildcards.experiment):
        files += list_frame_files(sample)
        files += [label.path for label in (*sample.truth.values(), *sample.masks.values())]
    return list(dict.fromkeys(files))


def label_motility(wildcards):
    """How the report lists a figure: `density_and_mitoses` as "Density and mitoses"."""
    words = wildcards.figure.replace("msd", "mean squared displacement").replace("_", " ")
    return {"result": words.capitalize(), "sample": wildcards.sample}


def list_summarised(wildcards):
    """Every result of the experiment but the page itself, and what may fail for a few images."""
    own = [f"<results>/{wildcards.experiment}/summary.{suffix}" for suffix in ("html", "csv")]
    return [
        path
        for path in list_experiment_results(wildcards.experiment)
        if path not in own and Path(path).name != "complete.txt"
    ]


def list_views(wildcards):
    return [
        f"<results>/{wildcards.experiment}/segmentation/{sample.name}/overview.json"
        for sample in list_samples(wildcards.experiment)
    ]


def get_found_nuclei(wildcards):
    """The nuclei of a sample, with their tracks in a movie."""
    folder = f"<results>/{wildcards.experiment}"
    if get_sample(wildcards).kind == "movie":
        return f"{folder}/tracking/{wildcards.sample}/tracks.csv"
    return f"{folder}/segmentation/{wildcards.sample}/objects.csv"


def list_compared(sample):
    """Frames on which the network can be compared with what it learned from, or with more of it."""
    if sample.experiment in SETTINGS["models"]:
        return []
    return list_training(sample) if sample.masks else list_annotated(sample)


def get_annotation_pairs(wildcards):
    """All annotated objects and the accepted ones, of each frame of `list_compared`."""
    folder = f"<results>/{wildcards.experiment}/annotation/{wildcards.sample}"
    sample = get_sample(wildcards)
    names = ("masks.tif", "masks.tif") if sample.masks else ("objects.tif", "labels.tif")
    return {
        key: [f"{folder}/{index:04d}/{name}" for index in list_compared(sample)]
        for key, name in zip(("objects", "nuclei"), names, strict=True)
    }


def get_objects_table(wildcards):
    """The verdicts of the annotation, where there is one."""
    if not any(list_annotated(sample) for sample in list_samples(wildcards.experiment)):
        return {}
    folder = f"<results>/{wildcards.experiment}/annotation"
    return {"objects": f"{folder}/objects.csv", "window": f"{folder}/area_window.json"}


def list_quality_tables(name):
    def files(wildcards):
        folder = f"<results>/{wildcards.experiment}/quality/samples"
        return [f"{folder}/{sample.name}/{name}" for sample in list_samples(wildcards.experiment)]

    return files
