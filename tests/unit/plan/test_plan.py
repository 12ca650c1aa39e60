"""What a sheet and settings mean for the jobs, without Snakemake."""

import dataclasses
import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autonuclei.errors import InputError
from autonuclei.io.formats.base import ImageHeader
from autonuclei.plan.plan import MOSAIC_MEGAPIXELS, Plan, spread
from autonuclei.plan.resources import (
    DRAWING_BLOCK_MB,
    DRAWING_MB,
    SNAKEMAKE_MB,
    Requests,
    grow,
)
from autonuclei.plan.samples import Frame, Sample
from autonuclei.segment.memory import LARGEST_TILE, ONNX_MB, TENSORFLOW_MB, estimate_memory
from autonuclei.settings import read_settings


def make_sample(name: str, n: int = 4, side: int = 1000, **more: Any) -> Sample:
    frames = tuple(Frame(i, f"{name}{i}.tif", 0, f"{name}{i}", side, side) for i in range(n))
    return Sample(**{"experiment": "e", "kind": "stills"} | more, name=name, frames=frames)


def make_truth(*indices: int) -> dict[int, Frame]:
    return {i: Frame(0, f"truth{i}.tif", 0, f"truth{i}", 1000, 1000) for i in indices}


def make_plan(*samples: Sample, **settings: Any) -> Plan:
    return Plan(read_settings(settings), samples)


def wildcards(**more: str) -> SimpleNamespace:
    return SimpleNamespace(**{"experiment": "e", "sample": "a"} | more)


def numbers(places: list[tuple[Sample, Frame]]) -> list[tuple[str, int]]:
    return [(sample.name, frame.index) for sample, frame in places]


def test_frames_to_learn_from_and_to_annotate() -> None:
    plan = make_plan(
        make_sample("a", train=(0, 2), truth=make_truth(1)),
        make_sample("b", truth=make_truth(3)),
        make_sample("m", train=(0, 1), masks=make_truth(1, 2)),
    )
    assert numbers(plan.list_training("e")) == [("a", 0), ("a", 2), ("m", 1)]
    assert numbers(plan.list_checked("e")) == [("a", 0), ("a", 2)]
    assert numbers(plan.list_annotated("e")) == [("a", 0), ("a", 1), ("a", 2), ("b", 3)]
    assert numbers(plan.list_compared(wildcards())) == [("a", 0), ("a", 1), ("a", 2)]
    assert numbers(plan.list_compared(wildcards(sample="m"))) == [("m", 1)]
    assert numbers([plan.get_shown("e") or pytest.fail()]) == [("a", 2)]
    # Not learned from: these show how good the networks of several rounds are.
    assert numbers(plan.list_criterion("e")) == [
        ("a", 1), ("a", 3), ("b", 0), ("b", 1), ("b", 2), ("b", 3), ("m", 0), ("m", 2), ("m", 3),
    ]  # fmt: skip


def test_network_for_other_programs() -> None:
    export = {"models": ["fiji"]}
    trained = make_plan(make_sample("a", train=(0, 2, 3)), make_sample("b"), export=export)
    assert "<results>/e/model_exports" in trained.list_results()
    assert trained.list_example_files(wildcards()) == ["a2.tif"]
    given = make_plan(make_sample("a"), models={"e": "folder"}, export=export)
    assert "<results>/e/model_exports" in given.list_results()
    assert given.describe_example(wildcards()) == given.describe_plane(wildcards(frame="2"))
    finished = make_plan(make_sample("a", labels=make_truth(0, 1, 2, 3)), export=export)
    plain = make_plan(make_sample("a", train=(0,)), export={"models": "none"})
    for plan in (finished, plain):
        assert "<results>/e/model_exports" not in plan.list_results()


def test_outlines_where_they_are_asked_for() -> None:
    for wanted, is_there in (("none", False), ("all", True), (["qupath"], True)):
        plan = make_plan(make_sample("a", train=(0,)), export={"outlines": wanted})
        assert ("<results>/e/segmentation/a/outlines" in plan.list_results()) == is_there


def test_nothing_is_annotated_for_a_model_from_before_or_given_masks() -> None:
    given = make_plan(make_sample("a", train=(0,)), models={"e": "folder"})
    assert given.describe_samples(wildcards())[0]["training_frames"] == []
    masks = make_plan(make_sample("a", masks=make_truth(0, 1), truth=make_truth(2)))
    for plan in (given, masks):
        assert plan.list_annotated("e") == []
        assert plan.get_shown("e") is None
        assert plan.count_rounds("e") == 0
        assert plan.if_annotated("{experiment}.csv")(wildcards()) == []
    assert given.get_model(wildcards()) == "<results>/e/given_model"
    assert given.get_given_model(wildcards()) == "folder"
    assert given.list_fitted_files(wildcards()) == ["a0.tif", "a1.tif", "a2.tif"]
    assert masks.get_model(wildcards()) == "<results>/e/model"
    assert "<results>/e/model" not in given.list_results()
    assert "<results>/e/model" in masks.list_results()


def test_finished_labels_need_no_model() -> None:
    plan = make_plan(make_sample("a", labels=make_truth(0, 1, 2, 3), truth=make_truth(1)))
    assert not plan.has_training("e")
    assert plan.get_model(wildcards()) == []
    assert plan.list_annotated("e") == plan.list_training("e") == plan.list_criterion("e") == []
    made = plan.list_results()
    assert "<results>/e/segmentation/a/labels" in made
    assert not [path for path in made if "model" in path or "training" in path]
    assert [case["stage"] for case in plan.list_cases(wildcards())] == ["segmentation"]
    files = plan.for_stretches("found/{first}-{last}", given="given/{first}-{last}")
    assert files(wildcards()) == ["given/0000-0003"]
    job = wildcards(first="0000", last="0003")
    assert plan.list_label_files(job) == [f"truth{i}.tif" for i in range(4)]
    place = {"path": "truth2.tif", "page": 0, "window": None, "stamp": None}
    assert plan.describe_labels(job)[2] == place
    assert "truth3.tif" in plan.list_raw_files(wildcards())
    with pytest.raises(InputError, match="models: experiment 'e' needs no model"):
        make_plan(make_sample("a", labels=make_truth(0)), models={"e": "folder"})


def test_finished_labels_among_other_samples() -> None:
    given = make_sample("g", labels=make_truth(0, 1, 2, 3), truth=make_truth(1))
    plan = make_plan(make_sample("a", train=(0,)), given)
    assert plan.has_training("e")
    assert plan.get_model(wildcards()) == "<results>/e/model"
    assert numbers(plan.list_annotated("e")) == numbers(plan.list_training("e")) == [("a", 0)]
    assert numbers(plan.list_criterion("e")) == [("a", 1), ("a", 2), ("a", 3)]
    assert plan.list_compared(wildcards(sample="g")) == []
    files = plan.for_stretches("found/{first}-{last}", given="given/{first}-{last}")
    assert files(wildcards()) == ["found/0000-0003"]
    assert files(wildcards(sample="g")) == ["given/0000-0003"]
    with pytest.raises(InputError, match="no frame is selected for training"):
        make_plan(make_sample("a"), given)


def test_finished_labels_that_are_learned_from() -> None:
    labels = make_truth(0, 1, 2, 3)
    learned = make_sample("g", labels=labels, train=(1, 2), masks={i: labels[i] for i in (1, 2)})
    for plan in (make_plan(learned), make_plan(make_sample("a"), learned)):
        assert plan.has_training("e")
        assert numbers(plan.list_training("e")) == [("g", 1), ("g", 2)]
        assert plan.list_annotated("e") == []
        # Network and masks are not compared: no network looked at this sample.
        assert plan.list_compared(wildcards(sample="g")) == []


def test_few_of_many_frames_with_a_truth_are_annotated() -> None:
    plan = make_plan(make_sample("a", 100, train=(5,), truth=make_truth(*range(100))))
    assert [i for _, i in numbers(plan.list_annotated("e"))] == [0, 5, 12, 25, 37, 50, 62, 75, 87]


def test_experiments_are_checked_together() -> None:
    with pytest.raises(InputError) as told:
        make_plan(
            make_sample("a"),
            make_sample("a", experiment="f", train=(0,)),
            models={"g": "x"},
        )
    said = str(told.value)
    assert said.startswith("config/samples.tsv: 2 problem(s):")
    assert "experiment 'e': no frame is selected for training" in said
    assert "models: there is no experiment 'g'" in said


def test_stretches() -> None:
    plan = make_plan(make_sample("a", 5, train=(1, 2, 4)), predict={"megapixels_per_job": 2.5})
    files = plan.for_stretches("{experiment}/{sample}/{first}-{last}.tif")
    assert files(wildcards()) == ["e/a/0000-0001.tif", "e/a/0002-0003.tif", "e/a/0004-0004.tif"]
    job = wildcards(first="0002", last="0003")
    assert [frame.index for frame in plan.get_stretch(job)] == [2, 3]
    assert plan.list_stretch_files(job) == ["a2.tif", "a3.tif"]
    checked = wildcards(first="0001", last="0002", round="1")
    assert [frame.index for frame in plan.get_stretch(checked)] == [1, 2]
    assert (
        plan.for_checked_stretch("{round}/{first}-{last}")(wildcards(frame="0004", round="2"))
        == "2/0004-0004"
    )
    stretch, place = plan.find_checked(wildcards(frame="0002"))
    assert (len(stretch), place) == (2, 1)


def test_a_large_frame_is_a_stretch_of_its_own() -> None:
    frames = [make_sample("a", 4).frames, make_sample("a", 4, side=2000).frames]
    mixed = tuple(frames[i in (1, 2)][i] for i in range(4))
    sample = dataclasses.replace(make_sample("a", 4), frames=mixed)
    plan = make_plan(sample, models={"e": "m"}, preprocess={"block_px": 1500})
    files = plan.for_stretches("{first}-{last}")
    assert files(wildcards()) == ["0000-0000", "0001-0001", "0002-0002", "0003-0003"]
    large, other = wildcards(first="0002", last="0002"), wildcards(first="0003", last="0003")
    assert plan.if_large("{frame}.json")(large) == "0002.json"
    assert plan.if_large("{frame}.json")(other) == []
    blocks = plan.for_blocks("{frame}/{block}.npz")
    assert blocks(large) == [f"0002/0{i}.npz" for i in range(4)]
    assert blocks(other) == []
    assert plan.get_block(wildcards(frame="0002", block="01")) == (0, 1000, 1000, 2000)
    # In blocks of 4096 px none is large.
    usual = make_plan(sample, models={"e": "m"})
    assert usual.for_stretches("{first}-{last}")(wildcards()) == ["0000-0003"]
    # What a large frame asks for depends on its blocks.
    on_cpu = make_plan(
        sample, models={"e": "m"}, preprocess={"block_px": 1500}, train={"device": "cpu"}
    )
    need, block = Requests(on_cpu), wildcards(frame="0002", block="01")
    model = SimpleNamespace(model="not made yet")
    assert need.prediction_mb(large, model, 1) == DRAWING_MB + DRAWING_BLOCK_MB
    assert need.polygons_mb(block, model, 1) == estimate_memory(ONNX_MB, 1, 1, 1)


def test_templates_of_frames() -> None:
    plan = make_plan(
        make_sample("a", train=(0, 2)), make_sample("m", masks=make_truth(1), kind="movie")
    )
    assert plan.for_frames("{sample}/{frame}", plan.list_training)(wildcards()) == [
        "a/0000", "a/0002", "m/0001",
    ]  # fmt: skip
    assert plan.for_samples("{sample}.tif", stills="{sample}")(wildcards()) == ["a", "m.tif"]
    assert plan.by_kind(movie="x", stills="{sample}")(wildcards()) == "a"
    assert plan.by_masks("{frame}", masks="given")(wildcards(frame="0002")) == "0002"
    assert plan.by_masks("{frame}", masks="given")(wildcards(sample="m")) == "given"
    assert plan.for_compared("x{frame}", masks="y{frame}")(wildcards(sample="m")) == ["y0001"]
    assert plan.for_shown("{sample}/{frame}")(wildcards()) == "a/0002"
    assert plan.get_mask(wildcards(sample="m", frame="0001")).path == "truth1.tif"


def test_rounds() -> None:
    plan = make_plan(
        make_sample("a", train=(0,)),
        make_sample("m", masks=make_truth(1)),
        self_training={"rounds": 2},
    )
    assert plan.for_rounds("{round}")(wildcards()) == ["0", "1", "2"]
    assert plan.for_rounds("{round}", first=1)(wildcards()) == ["1", "2"]
    assert plan.for_earlier_rounds("{round}")(wildcards(round="2")) == ["0", "1"]
    assert plan.for_round_before("{round}", least=1)(wildcards(round="1")) == []
    assert plan.for_round_before("{round}", least=1)(wildcards(round="2")) == "1"
    assert plan.if_later_round("{round}")(wildcards(round="0")) == []
    assert plan.if_later_round("{round}")(wildcards(round="1")) == ["1"]
    files = plan.for_training("{sample}", checked="{round}/{sample}")
    assert files(wildcards(round="0")) == ["a", "m"]
    assert files(wildcards(round="1")) == ["1/a", "m"]
    once = make_plan(make_sample("a", train=(0,)))
    assert once.for_rounds("{round}")(wildcards()) == ["0"]
    assert once.for_rounds("{round}", least=2)(wildcards()) == []


def test_cases_to_compare() -> None:
    plan = make_plan(make_sample("a", train=(0,), truth=make_truth(0, 2)))
    cases = plan.list_cases(wildcards())
    assert [(case["stage"], case["frame"], case["labels"]) for case in cases] == [
        ("annotation", 0, "<results>/e/annotation/a/0000/labels.tif"),
        ("segmentation", 0, "<results>/e/segmentation/a/labels"),
        ("annotation", 2, "<results>/e/annotation/a/0002/labels.tif"),
        ("segmentation", 2, "<results>/e/segmentation/a/labels"),
    ]
    assert cases[0]["plane"]["path"] == "a0.tif"
    assert cases[0]["truth"] == "truth0.tif"


def test_results_of_a_movie_and_of_stills() -> None:
    plan = make_plan(
        make_sample("a", train=(0,), truth=make_truth(1)),
        make_sample("film", kind="movie", truth_tracks="TRA"),
        make_sample("large", 1, side=4000),
    )
    assert MOSAIC_MEGAPIXELS <= 4000**2 / 1e6
    results = {path.removeprefix("<results>/e/") for path in plan.list_results()}
    assert {"segmentation/film/labels.tif", "tracking/film/trackmate/film.xml"} <= results
    assert {"segmentation/a/labels", "segmentation/a/skipped.csv"} <= results
    assert {"figures/mosaic_large.png", "figures/comparison.png"} <= results
    assert {"evaluation/tracks_film.csv", "evaluation/metrics.csv"} <= results
    assert not any(path.startswith("tracking/a/") for path in results)
    assert "figures/mosaic_a.png" not in results
    inner = {path.removeprefix("<results>/e/") for path in plan.list_experiment("e", pages=False)}
    assert results - inner == {"summary.html", "summary_short.html", "summary.csv"}


def test_files_of_the_user() -> None:
    plan = make_plan(
        make_sample("a", 2, train=(0,), truth=make_truth(1)),
        make_sample("b", 2, masks=make_truth(0)),
    )
    assert plan.list_raw_files(wildcards()) == [
        "a0.tif", "a1.tif", "truth1.tif", "b0.tif", "b1.tif", "truth0.tif",
    ]  # fmt: skip
    assert plan.list_last_files(wildcards()) == ["a1.tif"]


def test_stamps_of_files_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a0.tif", "truth1.tif"):
        Path(name).write_text(name)
    plan = make_plan(make_sample("a", 2, train=(0,), truth=make_truth(1)))
    before = plan.stamp_raw_files(wildcards())
    assert set(before) == {"a0.tif", "truth1.tif"}
    os.utime("a0.tif", (1000, 1000))
    after = plan.stamp_raw_files(wildcards())
    assert after["a0.tif"] != before["a0.tif"]
    assert after["truth1.tif"] == before["truth1.tif"]


def test_spread() -> None:
    assert spread([1, 2], 5) == [1, 2]
    assert spread(list(range(10)), 4) == [0, 2, 5, 7]
    assert spread([], 3) == []


def test_resources_grow_with_the_image_and_the_attempt() -> None:
    plan = make_plan(make_sample("a", 3, side=2000, train=(0,), truth=make_truth(0)))
    need = Requests(plan)
    frame = wildcards(frame="0001")
    assert need.job_mb(100)(wildcards(), 1) == 100
    assert need.frame_mb(100, 20)(frame, 1) == 180
    assert need.frame_mb(100, 20)(frame, 2) == 180 * 1.5
    assert need.preprocessing_mb(100, 5, rescaling=20)(frame, 1) == 100 + 5 * 4 * 2
    assert need.frame_min(1, 0.05)(frame, 1) == 1
    assert need.sample_mb(10, 1, 2)(wildcards(), 1) == 10 + 4 + 24
    assert need.sample_mb(10, 1, 2, beyond=0)(wildcards(), 1) == 10 + 4 + 24
    assert need.sample_min(5, 1)(wildcards(), 1) == 17
    assert need.experiment_mb(10, 1)(wildcards(), 1) == 10 + 12
    assert need.objects_mb(10, 5)(wildcards(), 1) == 30
    assert need.training_mb(1000, 10, on_gpu=0)(wildcards(), 1) == 1040
    assert need.truth_mb(0, 10)(wildcards(), 1) == 40
    assert need.shown_mb(10, 1)(wildcards(), 1) == 14
    assert grow(3)(wildcards(), 1) == 3
    stretch = wildcards(first="0000", last="0002")
    assert need.stretch_min(10, 0.1)(stretch, 1) == 12


def test_what_goes_part_by_part_needs_no_more_for_a_larger_frame() -> None:
    need = Requests(make_plan(make_sample("a", 1, side=10_000, train=(0,))))
    in_one = 2**24 / 1e6
    assert need.sample_mb(10, 2)(wildcards(), 1) == 210
    assert need.sample_mb(10, 2, beyond=0)(wildcards(), 1) == math.ceil(10 + 2 * in_one)
    assert need.sample_mb(10, 2, beyond=1)(wildcards(), 1) == math.ceil(110 + in_one)


def test_a_prediction_asks_for_what_the_network_sees(tmp_path: Path) -> None:
    sample = make_sample("a", 3, side=1000, train=(0,), truth=make_truth(0))
    plan = make_plan(sample, preprocess={"scale": 0.5}, train={"device": "cpu"})
    need, made = Requests(plan), SimpleNamespace(model=tmp_path)
    stretch = wildcards(first="0000", last="0002")
    # Without a model, whose scale is not known.
    assert need.prediction_mb(stretch, made, 1) == math.ceil(
        estimate_memory(ONNX_MB, 1, 0.25, 0.25)
    )
    (tmp_path / "scale.json").write_text('{"network_px_per_image_px": 4.0}')
    assert need.prediction_mb(stretch, made, 1) == math.ceil(estimate_memory(ONNX_MB, 1, 4, 4))
    assert need.criterion_mb(wildcards(), made, 1) == math.ceil(
        estimate_memory(ONNX_MB, 0.25, 4, 4)
    )
    (tmp_path / "scale.json").write_text('{"network_px_per_image_px": 16.0}')
    assert need.prediction_mb(stretch, made, 1) == math.ceil(
        estimate_memory(ONNX_MB, 1, 64, LARGEST_TILE)
    )
    (tmp_path / "scale.json").write_text("broken")
    assert need.prediction_mb(stretch, made, 1) == math.ceil(
        estimate_memory(ONNX_MB, 1, 0.25, 0.25)
    )
    # A node may have a GPU.
    plan = make_plan(sample, preprocess={"scale": 0.5})
    asked = Requests(plan, lambda: True).prediction_mb(stretch, made, 1)
    assert asked == math.ceil(SNAKEMAKE_MB + estimate_memory(TENSORFLOW_MB, 1, 0.25, 0.25))


def test_a_submitted_job_starts_snakemake_too() -> None:
    submitted = []
    plan = make_plan(make_sample("a", 1, train=(0,)))
    need = Requests(plan, lambda: bool(submitted))
    ask = need.frame_mb(100, 0)
    assert ask(wildcards(frame="0000"), 1) == 100
    submitted.append(True)
    assert ask(wildcards(frame="0000"), 1) == SNAKEMAKE_MB + 100
    assert ask(wildcards(frame="0000"), 2) == 1.5 * (SNAKEMAKE_MB + 100)


@pytest.mark.parametrize(
    ("dtype", "is_rgb", "n_bytes"), [("uint8", False, 1), ("float32", False, 4), ("uint8", True, 3)]
)
def test_preprocessing_is_asked_for_by_bytes(dtype: str, is_rgb: bool, n_bytes: int) -> None:
    header = ImageHeader(1000, 1000, dtype=dtype, is_rgb=is_rgb)
    need = Requests(make_plan(make_sample("a", 1, side=1000, train=(0,), header=header)))
    assert need.preprocessing_mb(100, 5, rescaling=0)(wildcards(frame="0000"), 1) == (
        100 + 5 * n_bytes
    )


@pytest.mark.parametrize("scale", [0.25, 8.0])
def test_rescaled_images_are_asked_for(scale: float) -> None:
    sample = make_sample("a", 1, side=1000, train=(0,), truth=make_truth(0))
    plan = make_plan(sample, preprocess={"scale": scale}, train={"device": "gpu"})
    need, frame, own = Requests(plan), wildcards(frame="0000"), wildcards()
    assert need.frame_mb(100, 10)(frame, 1) == math.ceil(100 + 10 * scale**2)
    rescaled = need.preprocessing_mb(100, 5, rescaling=10)(frame, 1)
    assert rescaled == math.ceil(100 + 10 + 10 * scale**2)
    assert need.frame_min(2, 1)(frame, 1) == math.floor(2 + scale**2)
    assert need.training_mb(100, 16, on_gpu=50)(own, 1) == 150 + 16 * scale**2
    assert need.shown_mb(100, 16)(own, 1) == 100 + 16 * scale**2
    assert need.truth_mb(100, 10)(own, 1) == 100 + 10 * max(1, scale**2)
    # Results are in the pixels of the original.
    assert need.sample_mb(100, 10)(own, 1) == 110
