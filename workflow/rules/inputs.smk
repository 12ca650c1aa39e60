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
    """The frames that one job predicts: of the whole sample, or of those learned from."""
    sample = get_sample(wildcards)
    first, last = int(wildcards.first), int(wildcards.last)
    frames = list_checked(sample) if hasattr(wildcards, "round") else sample.frames
    return [frame for frame in frames if first <= frame.index <= last]


def describe_stretch(wildcards):
    """How each frame of a stretch is read, by frame number."""
    sample = get_sample(wildcards)
    return {frame.index: describe_plane(sample, frame) for frame in list_stretch(wildcards)}


def count_stretch_megapixels(wildcards):
    return sum(frame.height * frame.width for frame in list_stretch(wildcards)) / 1e6


def estimate_predict_memory(wildcards):
    largest = max(frame.height * frame.width / 1e6 for frame in list_stretch(wildcards))
    tile = min(largest, LARGEST_TILE)
    return SNAKEMAKE_MB + estimate_memory(largest, tile)


def list_stretch_files(suffix):
    def files(wildcards):
        folder = f"<results>/{wildcards.experiment}/segmentation/{wildcards.sample}/stretches"
        return [
            f"{folder}/{first:04d}-{last:04d}.{suffix}"
            for first, last in list_stretches(get_sample(wildcards).frames)
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
            case |= {"truth_page": truth.page, "name": sample.frame(index).name}
            if index in annotated:
                annotation = f"{folder}/{index:04d}/labels.tif"
                cases.append(case | {"stage": "annotation", "labels": annotation})
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


def get_last_file(wildcards):
    """The file that holds the last frame of a movie."""
    return get_sample(wildcards).frames[-1].path


def list_raw_files(wildcards):
    files = []
    for sample in list_samples(wildcards.experiment):
        files += list_frame_files(sample)
        files += [label.path for label in (*sample.truth.values(), *sample.masks.values())]
    return list(dict.fromkeys(files))


def list_checked(sample):
    """Frames that a round of self-training annotates anew: those without given masks."""
    return [sample.frame(index) for index in sample.train] if is_annotated(sample) else []


def count_rounds(experiment):
    """Rounds of self-training after the first training; none where masks are given."""
    if any(map(is_annotated, list_samples(experiment))):
        return SETTINGS.self_training.rounds
    return 0


def list_round_pairs(name):
    """Images or labels of a round's training; frames with given masks stay as they are."""

    def files(wildcards):
        folder = f"<results>/{wildcards.experiment}"
        found = []
        for sample in list_samples(wildcards.experiment):
            is_checked = int(wildcards.round) > 0 and is_annotated(sample)
            for index in list_training(sample):
                place = f"annotation/{sample.name}/{index:04d}"
                if is_checked and name == "labels":
                    found.append(f"{folder}/rounds/{wildcards.round}/{place}/labels.tif")
                else:
                    found.append(f"{folder}/{place}/{'' if is_checked else 'training_'}{name}.tif")
        return found

    return files


def list_earlier_rounds(name):
    """The file `name` of every round before that of the wildcard."""

    def files(wildcards):
        folder = f"<results>/{wildcards.experiment}/rounds"
        return [f"{folder}/{number}/{name}" for number in range(int(wildcards.round))]

    return files


def list_all_rounds(name):
    """The file `name` of every round of an experiment."""

    def files(wildcards):
        folder = f"<results>/{wildcards.experiment}/rounds"
        return [f"{folder}/{n}/{name}" for n in range(count_rounds(wildcards.experiment) + 1)]

    return files


def list_round_changes(wildcards):
    """What a round's annotation changed; the first training has none before it."""
    folder = f"<results>/{wildcards.experiment}/rounds/{wildcards.round}"
    return [f"{folder}/changes.csv"] if int(wildcards.round) > 0 else []


def get_annotation_before(wildcards):
    """What the round before learned from in a frame; none where that is the first annotation."""
    folder, number = f"<results>/{wildcards.experiment}", int(wildcards.round) - 1
    place = f"annotation/{wildcards.sample}/{wildcards.frame}"
    return f"{folder}/rounds/{number}/{place}/labels.tif" if number else []


def list_criteria(wildcards):
    """What the rounds of an experiment are compared by, where there are several."""
    if count_rounds(wildcards.experiment) == 0:
        return []
    return list_all_rounds("criterion.json")(wildcards)


def find_round_stretch(wildcards):
    """First and last frame number of the stretch of training frames that a frame is in."""
    stretches = list_stretches(list_checked(get_sample(wildcards)))
    return next(pair for pair in stretches if pair[0] <= int(wildcards.frame) <= pair[1])


def get_round_stretch(suffix):
    """The prediction by the round before of the stretch that a training frame is in."""

    def file(wildcards):
        first, last = find_round_stretch(wildcards)
        folder = f"<results>/{wildcards.experiment}/rounds/{wildcards.round}/network"
        return f"{folder}/{wildcards.sample}/{first:04d}-{last:04d}.{suffix}"

    return file


def find_round_page(wildcards):
    """Which page of that prediction a training frame is."""
    first, _ = find_round_stretch(wildcards)
    frames = [frame.index for frame in list_checked(get_sample(wildcards))]
    return frames.index(int(wildcards.frame)) - frames.index(first)


def list_criterion_frames(wildcards):
    """Up to ten frames on which rounds are compared: not learned from, where there are such."""
    samples = list_samples(wildcards.experiment)
    frames = [
        (sample, frame)
        for sample in samples
        for frame in sample.frames
        if frame.height and frame.index not in list_training(sample)
    ] or [(sample, frame) for sample in samples for frame in list_checked(sample)]
    n = min(10, len(frames))
    return [frames[i * len(frames) // n] for i in range(n)]


def list_criterion_files(name):
    """The file `name` of the annotation of each of these frames."""

    def files(wildcards):
        return [
            f"<results>/{wildcards.experiment}/annotation/{sample.name}/{frame.index:04d}/{name}"
            for sample, frame in list_criterion_frames(wildcards)
        ]

    return files


def estimate_criterion_memory(wildcards):
    largest = max(frame.height * frame.width / 1e6 for _, frame in list_criterion_frames(wildcards))
    tile = min(largest, LARGEST_TILE)
    return SNAKEMAKE_MB + estimate_memory(largest, tile)


def label_motility(wildcards):
    """How the report lists a figure: `density_and_mitoses` as "Density and mitoses"."""
    words = wildcards.figure.replace("msd", "mean squared displacement").replace("_", " ")
    return {"result": words.capitalize(), "sample": wildcards.sample}


def list_summarised(wildcards):
    """Every result of the experiment but the page itself."""
    own = [f"<results>/{wildcards.experiment}/summary.{suffix}" for suffix in ("html", "csv")]
    return [path for path in list_experiment_results(wildcards.experiment) if path not in own]


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
    if sample.experiment in SETTINGS.models:
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
    return {"objects": f"{folder}/objects.csv", "accepted_range": f"{folder}/area_window.json"}


def list_quality_tables(name):
    def files(wildcards):
        folder = f"<results>/{wildcards.experiment}/quality/samples"
        return [f"{folder}/{sample.name}/{name}" for sample in list_samples(wildcards.experiment)]

    return files
