"""The settings of the workflow: the one place of their names, defaults, limits and meanings.

The classes serve as defaults of the functions; the schema of the configuration and the table in
config/README.md are made from them (`python -m autonuclei.settings config/README.md`).
"""

import dataclasses
import os
import sys
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from autonuclei.errors import InputError


def _option(default: Any, meaning: str, **limits: Any) -> Any:
    """A setting: its default, what it does and when to touch it, and limits as in JSON Schema."""
    metadata = {"meaning": meaning, "limits": limits}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class PreprocessSettings:
    """Done to every image before anything else."""

    values: Literal["keep", "8bit"] = _option(
        "keep",
        "`keep` leaves grey values as they are. `8bit` maps each image to 0 to 255, as the "
        "published procedure does.",
    )
    crop: tuple[int, int, int, int] | None = _option(
        None,
        "Part of every image to use: `[first row, end row, first column, end column]` in px. For "
        "images with a frame or a scale bar in them. The rest is not read; all results count from "
        "the first pixel of this part, and densities are of its area.",
        minimum=0,
    )
    scale: float = _option(
        1.0,
        "Pixels after per pixels before. Below 1 for images with far more pixels than nuclei need: "
        "faster. Results stay in the pixels of the original.",
        exclusiveMinimum=0,
        maximum=8,
    )
    background_radius_px: float = _option(
        0.0,
        "Radius of the rolling ball that subtracts the background, as in Fiji. Several times a "
        "nucleus where the light is very uneven. 0: none.",
        minimum=0,
        maximum=1000,
    )
    block_px: int = _option(
        4096,
        "Side of the blocks in which larger images, from 1.5 times their pixels on, are worked "
        "on: a mosaic of any size then fits into memory, and a cluster shares it. Smaller where "
        "memory is short. The network finds the same in them; to learn from, each block of half "
        "this side is an image of its own.",
        minimum=128,
        maximum=65536,
    )

    @property
    def first_pixel(self) -> tuple[int, int]:
        """Row and column of images at which the part that is used begins."""
        return (0, 0) if self.crop is None else (self.crop[0], self.crop[2])


@dataclass(frozen=True)
class AnnotateSettings:
    """From an image to a label image without a drawn label."""

    smoothing_px: float = _option(
        1.0,
        "Gaussian filter (standard deviation) before the threshold. More for noisy images.",
        minimum=0,
        maximum=50,
    )
    threshold_factor: float = _option(
        0.8,
        "Where the threshold lies between background (0) and Otsu's threshold (1). Lower it if "
        "dimmer nuclei are missed.",
        exclusiveMinimum=0,
        maximum=2,
    )
    minimum_contrast: float = _option(
        1.0,
        "In units of the pixel noise; an image below it counts as empty. Raise it if empty images "
        "get nuclei. 0: off.",
        minimum=0,
        maximum=100,
    )
    minimum_area_px: int = _option(
        10,
        "Smaller specks are dropped. Lower it for nuclei of a few pixels.",
        minimum=1,
    )
    local_levels: bool = _option(
        True,
        "Nuclei are also looked for at brightness levels of their own: for uneven light, nuclei "
        "of very different brightness, tissue. `false`: one threshold for the image, faster.",
    )
    split_distance: float = _option(
        0.75,
        "Least distance of two nuclei, in nuclear radii. Larger if nuclei are cut in two, smaller "
        "if touching ones stay together.",
        exclusiveMinimum=0,
        maximum=5,
    )
    refine_boundaries: bool = _option(
        True,
        "Each nucleus is drawn anew at a level of brightness of its own. `false` for stains with "
        "strong texture, if outlines follow it: the edge is then that of the threshold.",
    )
    cut_clumps: bool = _option(
        True,
        "Touching nuclei that are still one object are cut between their notches, where the "
        "pieces are better ellipses. `false` for lobed nuclei.",
    )
    area_tolerance: float = _option(
        0.75,
        "0.75: objects down to 75 % below the median area count as nuclei. Lower it if debris is "
        "accepted.",
        exclusiveMinimum=0,
    )
    area_tolerance_above: float | None = _option(
        3.0,
        "3.0: up to 300 % above it. Lower it if clumps are accepted. `null`: as `area_tolerance`.",
        exclusiveMinimum=0,
    )
    share_at_border: float | None = _option(
        0.2,
        "Objects cut by the border of the image count as nuclei from this part of the median area "
        "on. `null`: judged as the others, as published.",
        minimum=0,
        maximum=1,
    )
    minimum_relative_contrast: float | None = _option(
        0.2,
        "Objects whose brightness above their background is less than this part of that of the "
        "typical nucleus of the image are rejected. Lower it if dim nuclei matter. `null`: none.",
        minimum=0,
        exclusiveMaximum=1,
    )
    solidity_tolerance: float | None = _option(
        0.05,
        "How much lower than the median its solidity (area over that of the convex hull) may be. "
        "Raise it for irregular nuclei. `null`: any.",
        exclusiveMinimum=0,
        maximum=1,
    )
    unusual_nuclei: bool = _option(
        True,
        "Nuclei outside these limits count if they are clear: dim ones that stand far out from the "
        "noise, and small or less convex ones that are bright, as in mitosis. `false` if debris is "
        "accepted.",
    )
    rejected: Literal["ignore", "noise"] = _option(
        "ignore",
        "`ignore`: the network learns nothing from rejected objects. `noise`: all but accepted "
        "nuclei is painted over with noise, as published.",
    )
    noise_grey: tuple[float, float] = _option(
        (0.0, 50.0),
        "Range of that noise in grey values, for images of 8 bits (`preprocess.values: 8bit`). "
        "Used with `rejected: noise` only.",
        minimum=0,
    )


@dataclass(frozen=True)
class TrainSettings:
    """The StarDist network and its training, once per experiment."""

    device: Literal["auto", "gpu", "cpu"] = _option(
        "auto",
        "`auto`: a GPU if there is one. `gpu`: an error if there is none, instead of hours on a "
        "CPU. `cpu`: never a GPU.",
    )
    rays: int = _option(
        32,
        "Directions in which the outline is learned. 64 for elongated or lobed nuclei.",
        minimum=8,
        maximum=256,
    )
    grid: Literal[1, 2, 4] = _option(
        2,
        "The network predicts on every n-th pixel. 1 for nuclei of a few pixels, slower.",
    )
    patch_px: int = _option(
        64,
        "Side of the training patches, a multiple of 16, in pixels of the network. Larger if you "
        "turn `diameter_px` off and nuclei are wider than half of it.",
        minimum=32,
        maximum=1024,
        multipleOf=16,
    )
    diameter_px: tuple[float, float] | None = _option(
        (18.0, 32.0),
        "Images are enlarged or shrunk for the network until the median diameter of the annotated "
        "nuclei is in this range. The masks have the pixels of your images. `null`: never, as "
        "published.",
        minimum=4,
        maximum=512,
    )
    batch: int = _option(
        4,
        "Patches per step. More on a GPU, with fewer steps.",
        minimum=1,
        maximum=256,
    )
    steps_per_epoch: int = _option(100, "Steps per epoch.", minimum=1)
    epochs: int = _option(
        60,
        "Epochs. More if the best one is among the last (see training/loss.png).",
        minimum=1,
    )
    learning_rate: float = _option(
        0.001,
        "Step size at the start. Lower it if the loss jumps.",
        exclusiveMinimum=0,
        maximum=1,
    )
    schedule: Literal["cosine", "plateau"] = _option(
        "cosine",
        "`cosine`: the step size falls to 0 at the last epoch. `plateau`: it is halved when the "
        "validation loss has not fallen for 40 epochs, as published.",
    )
    augment: Literal["none", "flip_rotate"] = _option(
        "none",
        "`flip_rotate` turns and mirrors patches at random: for very few training images.",
    )
    precision: Literal["float32", "mixed"] = _option(
        "float32",
        "`mixed`: layers compute with 16 bits (bfloat16), weights and loss keep 32. Faster on "
        "processors that have bfloat16; measured on one with AVX-512 BF16 only.",
    )


@dataclass(frozen=True)
class SelfTrainingSettings:
    """After the first training, network and annotation check each other."""

    rounds: int = _option(
        0,
        "Rounds in which a network is trained from scratch on what network and annotation agree "
        "on; the better network is kept. 1 or 2 if the verdict is not good; each costs one more "
        "training. See `docs/self_training.md`.",
        minimum=0,
        maximum=2,
    )


@dataclass(frozen=True)
class PredictSettings:
    """Segmentation of all images with the trained network."""

    refine_boundaries: bool = _option(
        True,
        "Each nucleus that the network finds is drawn anew at a level of brightness found in the "
        "image. `false`: its outline is the network's, as published.",
    )
    minimum_sharpness: float | None = _option(
        0.75,
        "Nuclei whose edge is less steep are left out: light from out of focus, which a network "
        "fills with nuclei that are not there. The slope of the brightness at the edge times the "
        "radius of the median nucleus over the contrast; an edge that is blurred over half the "
        "radius has 0.8. Lower it if blurred nuclei matter. `null`: all stay.",
        minimum=0,
    )
    cut_clumps: bool = _option(
        True,
        "Touching nuclei found as one are cut between their notches. `false` for lobed nuclei.",
    )
    use_time: bool = _option(
        True,
        "In movies, a nucleus that the network passed over in a frame is taken where the frames "
        "before and after tell that it is one, and one that is found in two pieces for a few "
        "frames is made whole; `found_by` in the tables tells which. `false`: each frame for "
        "itself. Frames in blocks and given labels are never touched.",
    )
    megapixels_per_job: float = _option(
        200.0,
        "Images that travel together in one job; TensorFlow takes seconds to start. Lower it to "
        "spread few large images over many nodes. 200 are 48 frames of 2048 x 2048.",
        exclusiveMinimum=0,
    )


@dataclass(frozen=True)
class TrackSettings:
    """Tracks of movies. Distances in um, or in px if the pixel size is unknown."""

    max_link_distance: float | None = _option(
        None,
        "Longest way of a nucleus from one frame to the next. Set it lower if tracks jump between "
        "neighbours, higher if a few nuclei go much further than the others and their tracks "
        "break. `null`: derived from the movie; linking.json and the page say what was used.",
        exclusiveMinimum=0,
    )
    max_division_distance: float | None = _option(
        None,
        "Longest way from a mother to a daughter, which is looked for among the six nuclei nearest "
        "to her. `null`: derived from the movie.",
        exclusiveMinimum=0,
    )
    max_gap_distance: float | None = _option(
        None,
        "Longest way across frames in which a nucleus is missed. `null`: `max_link_distance` for "
        "each frame if that is given, else derived from the movie.",
        exclusiveMinimum=0,
    )
    max_frame_gap: int = _option(
        2,
        "2: a nucleus may be missed in one frame, as TrackMate counts. 1: no gap is closed.",
        minimum=1,
        maximum=20,
    )
    find_divisions: bool = _option(
        True,
        "Whether to look for divisions. `false` for cells that do not divide.",
    )
    min_division_score: float = _option(
        0.4,
        "Divisions with a lower score (0 to 1) are not taken. Raise it if divisions are made up.",
        minimum=0,
        maximum=1,
    )
    remove_drift: bool = _option(
        True,
        "Whether a drift of the stage is taken out for linking. `false` if nuclei move together "
        "in one part of the field only.",
    )


@dataclass(frozen=True)
class MotilitySettings:
    """Speeds and directions of movies."""

    remove_drift: bool = _option(
        True,
        "Whether the common movement of all nuclei, which drift of the stage makes, is taken out "
        "of speeds, displacements and directions. `false` for sheets that migrate as a whole.",
    )


@dataclass(frozen=True)
class ChannelSettings:
    """Measuring the channels of an image in nuclei and in rings around them."""

    measure: str | tuple[str, ...] = _option(
        "all",
        "`all`: every channel of images that have several. `none`: none. Or a list of names or "
        "numbers from 1: `[GFP, 3]`, of images with one channel too.",
        pattern="^(all|none)$",
    )
    ring_px: float = _option(
        5.0,
        "Width of the ring around a nucleus, which stands for the cytoplasm. It never holds "
        "pixels of another cell's side.",
        minimum=1,
        maximum=1000,
    )
    ring_um: float | None = _option(
        None,
        "The same in um, in place of `ring_px`; for images with a pixel size.",
        exclusiveMinimum=0,
    )
    gap_px: float = _option(
        2.0,
        "Free space between outline and ring, and as much within the outline, which the optics "
        "blur. Twice the blur of the image is right.",
        minimum=0,
        maximum=100,
    )
    subtract_background: bool = _option(
        True,
        "Take the light off that is around each nucleus, far from cells. `false` for images whose "
        "background is taken off already.",
    )


@dataclass(frozen=True)
class ConditionSettings:
    """Comparing the conditions of the sample sheet."""

    control: str | None = _option(
        None,
        "The condition that all others are compared with. `null`: the first one of the sheet.",
        minLength=1,
    )


@dataclass(frozen=True)
class FilmSettings:
    """The films of movies."""

    width_px: int = _option(1024, "Width of the films. Less for slides.", minimum=64, maximum=8192)
    frames_per_second: float = _option(
        8.0, "Frames of the movie per second of film.", exclusiveMinimum=0, maximum=120
    )
    tail_frames: int = _option(
        12, "Length of the drawn tracks, in frames. Less in dense fields.", minimum=1
    )


# Kinds of files that `export.models` can name.
MODEL_EXPORTS = ("onnx", "fiji", "qupath", "bioimage")
# Kinds of files that `export.outlines` can name.
OUTLINE_EXPORTS = ("imagej", "qupath")


@dataclass(frozen=True)
class ExportSettings:
    """Files for other programs that not every run needs."""

    ome_zarr: Literal["none", "labels", "image"] = _option(
        "none",
        "The masks as OME-Zarr 0.4 too, for napari, Fractal and others: "
        "`segmentation/<sample>/labels.ome.zarr`. `labels`: the masks alone. `image`: with a copy "
        "of the raw pixels that they were made from, to look at both. `none`: no such file.",
    )
    models: str | tuple[str, ...] = _option(
        "all",
        "The network for other programs, in `model_exports`: `all`, `none`, or a list of `onnx` "
        "(ONNX Runtime, OpenVINO, OpenCV), `fiji` (its StarDist and TrackMate-StarDist), `qupath` "
        "and `bioimage` (a package of bioimage.io). Each is compared with the network on an image "
        "of the experiment.",
        pattern="^(all|none)$",
    )
    outlines: str | tuple[str, ...] = _option(
        "none",
        "The outlines of all nuclei for other programs, in `segmentation/<sample>/outlines`: "
        "`all`, `none`, or a list of `imagej` (regions for Fiji's ROI Manager, a zip for each "
        "image or movie) and `qupath` (GeoJSON with all measures and, of movies, tracks).",
        pattern="^(all|none)$",
    )


@dataclass(frozen=True)
class Settings:
    """All settings, as in config/config.yaml."""

    samples: str = _option("config/samples.tsv", "The sample sheet.", minLength=1)
    pathvars: Mapping[str, str] = _option(
        {},
        "Other folders for results and logs, relative to where Snakemake runs: "
        "`{results: path, logs: path}`. For results on another disk.",
        properties={
            "results": {"type": "string", "minLength": 1},
            "logs": {"type": "string", "minLength": 1},
        },
        additionalProperties=False,
    )
    seed: int = _option(
        42,
        "Start of all random numbers: the same seed gives the same result on the same machine "
        "with as many cores (`--cores`), if networks are trained on its CPU. On a GPU results "
        "differ from run to run. "
        "Change it to see how much a result depends on chance.",
        minimum=0,
        maximum=4294967295,
    )
    models: Mapping[str, str] = _option(
        {},
        "`{experiment: folder}` of a StarDist model from before, to use instead of training one.",
        additionalProperties={"type": "string"},
    )
    container: str | None = _option(
        None,
        "Image with the software, a file or an address, for `snakemake --sdm apptainer`. "
        "`profiles/README.md` says how to build it.",
        minLength=1,
    )
    skip_unreadable: bool = _option(
        False,
        "`true`: images that cannot be read or used (damaged pixels, NaN, one value everywhere) "
        "are passed over and not learned from. Stills are listed in "
        "`segmentation/<sample>/skipped.csv`; a frame of a movie counts as black, without nuclei, "
        "and `planes.csv` beside it says why. `false`: they end the run, with a line for each; "
        "a dark frame of a movie only if it is learned from.",
    )
    preprocess: PreprocessSettings = field(default_factory=PreprocessSettings)
    annotate: AnnotateSettings = field(default_factory=AnnotateSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    self_training: SelfTrainingSettings = field(default_factory=SelfTrainingSettings)
    predict: PredictSettings = field(default_factory=PredictSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    motility: MotilitySettings = field(default_factory=MotilitySettings)
    channels: ChannelSettings = field(default_factory=ChannelSettings)
    conditions: ConditionSettings = field(default_factory=ConditionSettings)
    film: FilmSettings = field(default_factory=FilmSettings)
    export: ExportSettings = field(default_factory=ExportSettings)


def check_configuration(path: str | os.PathLike[str]) -> None:
    """Refuse a file of which Snakemake could only say that it stumbled over it.

    What else is wrong with it is for Snakemake and `read_settings` to tell.

    Raises
    ------
    InputError
        It is not UTF-8, has anchors (which can blow it up without end), or its `pathvars` are no
        names with values.
    """
    import yaml

    place = Path(path)
    if not place.is_file():
        return
    try:
        text = place.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{place}: is not UTF-8 text (byte {error.start + 1}). Save it as UTF-8 in your editor."
        ) from None
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise InputError(f"{place}: has an anchor ('*name'). Write what it stands for.")
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    if isinstance(content, dict) and not isinstance(content.get("pathvars", {}), dict):
        raise InputError(
            f"{place}: pathvars is {content['pathvars']!r}. Give {{results: path, logs: path}}."
        )


def read_settings(config: Mapping[str, Any]) -> Settings:
    """The settings that a configuration gives, with defaults where a key is left out.

    Raises
    ------
    InputError
        Unknown keys, wrong types or values out of range; all problems are told at once.
    """
    problems = list_problems(config, build_schema())
    settings: Settings | None = None if problems else _fill(Settings, config)
    problems += _check_ranges(settings) if settings else []
    if settings is None or problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise InputError(f"configuration: {len(problems)} problem(s):\n{listed}")
    return settings


def _fill(kind: type, given: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    values = {}
    for key, value in given.items():
        if dataclasses.is_dataclass(hints[key]):
            values[key] = _fill(cast(type, hints[key]), value or {})
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
            if hints[key] == WORDS and isinstance(value, list):  # YAML reads 3 as a number
                values[key] = tuple(map(str, value))
    return kind(**values)


def _check_ranges(settings: Settings) -> list[str]:
    """What is wrong with values that are right one by one."""
    problems = []
    crop, diameter = settings.preprocess.crop, settings.train.diameter_px
    if crop and not (crop[0] < crop[1] and crop[2] < crop[3]):
        problems.append(f"preprocess.crop: {list(crop)} is empty; give [first row, end row, ...].")
    for name, pair in (
        ("annotate.noise_grey", settings.annotate.noise_grey),
        ("train.diameter_px", diameter),
    ):
        if pair and pair[0] > pair[1]:
            problems.append(f"{name}: {list(pair)}; give the least first.")
    for key, wanted, known in (
        ("models", settings.export.models, MODEL_EXPORTS),
        ("outlines", settings.export.outlines, OUTLINE_EXPORTS),
    ):
        problems += [
            f"export.{key}: '{name}' is not known. Known are: {', '.join(known)}."
            for name in (wanted if isinstance(wanted, tuple) else ())
            if name not in known
        ]
    return problems


def to_dict(settings: Any) -> dict[str, Any]:
    """Settings, or a section of them, as plain dictionaries and lists."""

    def simplify(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            return {f.name: simplify(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            return dict(value)
        return list(value) if isinstance(value, tuple) else value

    return cast(dict[str, Any], simplify(settings))


def list_steps(settings: PreprocessSettings) -> dict[str, Any]:
    """What is done to grey values: the arguments of `annotate.preprocessing.preprocess_image`."""
    steps = to_dict(settings)
    for name in ("crop", "block_px"):  # of reading, and of planning
        del steps[name]
    return steps


# A word of a few, or a list of names.
WORDS = str | tuple[str, ...]

_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def build_schema(kind: type = Settings) -> dict[str, Any]:
    """JSON schema of a class of settings."""
    hints = typing.get_type_hints(kind)
    properties = {}
    for option in dataclasses.fields(kind):
        hint = hints[option.name]
        properties[option.name] = (
            build_schema(cast(type, hint))
            if dataclasses.is_dataclass(hint)
            else _describe_type(option, hint)
        )
    return {
        "type": "object",
        "additionalProperties": False,
        "description": kind.__doc__,
        "properties": properties,
    }


def _describe_type(option: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    limits = dict(option.metadata["limits"])
    rule: dict[str, Any] = {"description": option.metadata["meaning"]}
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if hint == WORDS:
        names = {"items": {"type": ["string", "integer"]}, "minItems": 1}
        return rule | names | {"type": ["string", "array"], **limits}
    optional = ["null"] if types.NoneType in kinds else []
    (main,) = (kind for kind in kinds if kind is not types.NoneType)
    if typing.get_origin(main) is Literal:
        rule["enum"] = [*typing.get_args(main), *([None] if optional else [])]
    elif typing.get_origin(main) is tuple:
        items = typing.get_args(main)
        rule |= {"type": ["array", *optional], "minItems": len(items), "maxItems": len(items)}
        rule["items"] = {"type": _JSON_TYPES[items[0]], **limits}
    else:
        name = _JSON_TYPES.get(main, "object")
        rule |= {"type": [name, *optional] if optional else name, **limits}
    return rule


def list_problems(given: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Every way in which `given` breaks `schema`, one line each, in the user's words."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(given), key=lambda error: list(map(str, error.path)))
    return [
        line
        for error in errors
        for line in _explain(
            ".".join(str(part) for part in error.absolute_path),
            str(error.validator),
            error.instance,
            error.schema if isinstance(error.schema, Mapping) else {},
        )
    ]


def _explain(where: str, broken: str, given: Any, rule: Mapping[str, Any]) -> list[str]:
    def name(key: Any) -> str:
        return ".".join(filter(None, (where, str(key))))

    if broken == "additionalProperties":
        known = sorted(rule.get("properties", {}))
        return [
            f"'{name(key)}' is not known here. Known are: {', '.join(known)}."
            for key in sorted(set(given) - set(known), key=str)
        ]
    if broken == "required":
        missing = [key for key in rule.get("required", []) if key not in given]
        return [f"'{name(key)}' is missing." for key in missing]
    said = {
        "enum": f"must be one of {_join(rule.get('enum', []), ', ')}",
        "type": f"must be of type {_join(rule.get('type', ''), ' or ')}",
        "minimum": f"must be at least {rule.get('minimum')}",
        "maximum": f"must be at most {rule.get('maximum')}",
        "exclusiveMinimum": f"must be more than {rule.get('exclusiveMinimum')}",
        "maxLength": f"must be no longer than {rule.get('maxLength')} letters",
        "exclusiveMaximum": f"must be less than {rule.get('exclusiveMaximum')}",
    }.get(broken, "is not of the right form")
    meaning = " ".join(str(rule.get("description", "")).split())
    return [f"'{where}' {said}, but is {given!r}. {meaning}".rstrip()]


def _join(words: str | Iterable[Any], between: str) -> str:
    return words if isinstance(words, str) else between.join(map(str, words))


def tabulate_settings() -> str:
    """The settings as a table in Markdown: key, default, meaning."""
    lines = ["| key | default | meaning |", "|---|---|---|"]

    def add(kind: type, prefix: str) -> None:
        hints = typing.get_type_hints(kind)
        for option in dataclasses.fields(kind):
            if dataclasses.is_dataclass(hints[option.name]):
                add(hints[option.name], f"{option.name}.")
                continue
            meaning = option.metadata["meaning"]
            lines.append(f"| `{prefix}{option.name}` | {_show(option.default)} | {meaning} |")

    add(Settings, "")
    return "\n".join(lines) + "\n"


def _show(default: Any) -> str:
    if default is dataclasses.MISSING:
        return "none"
    if isinstance(default, tuple):
        return f"`[{', '.join(f'{value:g}' for value in default)}]`"
    if default is None:
        return "`null`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


TABLE_BEGINS, TABLE_ENDS = "<!-- settings: made by `make docs` -->\n", "<!-- end -->\n"


def update_table(path: str | Path) -> None:
    """Write the table of settings between its two marks in a Markdown file."""
    text = Path(path).read_text(encoding="utf-8")
    before, rest = text.split(TABLE_BEGINS)
    after = rest.split(TABLE_ENDS)[1]
    table = f"{before}{TABLE_BEGINS}{tabulate_settings()}{TABLE_ENDS}{after}"
    Path(path).write_text(table, encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Update the table in the files named on the command line."""
    for path in arguments:
        update_table(path)


if __name__ == "__main__":
    main(sys.argv[1:])
