"""Which label image belongs to which image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autonuclei.errors import InputError
from autonuclei.plan.pairing import pair_labels


def pair(labels: list[str], images: list[str]) -> dict[str, str]:
    pairs = pair_labels(labels, images).pairs
    return {labels[i]: images[k] for k, i in pairs.items()}


def rule(labels: list[str], images: list[str]) -> str:
    return pair_labels(labels, images).rule


def refused(labels: list[str], images: list[str]) -> str:
    with pytest.raises(InputError, match="do not say which belongs to which") as error:
        pair_labels(labels, images)
    return str(error.value)


@pytest.mark.parametrize(
    "name",
    ["{}", "{}_mask", "{}-labels", "{}_gt", "{}_cp_masks", "{} seg", "{}_label_mask", "mask_{}"],
)
def test_by_name(name: str) -> None:
    images = [f"raw/{stem}.tif" for stem in ("a", "b", "x_1")]
    labels = [f"truth/{name.format(stem)}.png" for stem in ("a", "x_1")]
    assert pair(labels, images) == {labels[0]: images[0], labels[1]: images[2]}
    assert "equal names" in rule(labels, images)


def test_names_of_images_with_a_word_of_their_own() -> None:
    assert pair(["s1_a_mask.tif"], ["s1_a_raw.tif", "s1_b_raw.tif"]) == {
        "s1_a_mask.tif": "s1_a_raw.tif"
    }
    assert pair(["a.tif"], ["a.ome.tif", "b.ome.tif"]) == {"a.tif": "a.ome.tif"}


def test_equal_names_in_several_folders() -> None:
    images = ["raw/p1/x.tif", "raw/p2/x.tif"]
    for name in ("x", "x_mask"):
        assert pair([f"t/p1/{name}.tif", f"t/p2/{name}.tif"], images) == {
            f"t/p1/{name}.tif": images[0],
            f"t/p2/{name}.tif": images[1],
        }


def test_by_the_number_that_varies() -> None:
    images = [f"frame{n:02d}.tif" for n in (1, 2, 3, 12)]
    assert pair(["man_seg002.tif", "man_seg012.tif"], images) == {
        "man_seg002.tif": images[1],
        "man_seg012.tif": images[3],
    }
    assert rule(["man_seg002.tif"], images) == (
        "by the number in the names, 'frame#': 01, 02, 03, 12"
    )
    for version in (1, 2, 12):
        label = f"frame01_annotated_v{version}.tif"
        assert pair([label], images) == {label: images[0]}
    labels = ["v2_frame03.tif", "v3_frame02.tif"]
    assert pair(labels, images) == {labels[0]: images[2], labels[1]: images[1]}
    labels = ["2024_by_3_t1.tif", "2024_by_3_t2.tif"]
    assert pair(labels, images) == {labels[0]: images[0], labels[1]: images[1]}


def test_numbers_from_zero_and_from_one() -> None:
    images, labels = [f"t{n}.tif" for n in (1, 2, 3)], [f"m{n}.tif" for n in (0, 1, 2)]
    assert pair(labels, images) == dict(zip(labels, images, strict=True))
    assert "one counts from 0" in rule(labels, images)
    assert pair(images, labels) == dict(zip(images, labels, strict=True))
    assert "no image with the number 0" in refused(labels[:2], images)


def test_by_order() -> None:
    images, labels = ["x.tif", "y.tif"], ["of x.tif", "of y.tif"]
    assert pair(labels, images) == dict(zip(labels, images, strict=True))
    assert rule(labels, images) == "by order"
    assert pair_labels(["truth_2021.tif"] * 3, ["movie_2021.tif"] * 3).pairs == {0: 0, 1: 1, 2: 2}
    assert rule(["truth.tif"] * 2, ["t1.tif", "t2.tif"]) == "by order"
    assert rule(["m1.tif", "m2.tif"], ["movie.tif"] * 2) == "by order"
    assert rule(["truth.tif"], ["movie_1.tif"]) == "by order"
    assert rule(["l3.tif"] * 3, ["t0.tif", "t1.tif", "t3.tif"]) == "by order"


@pytest.mark.parametrize(
    ("labels", "images"),
    [
        (["B02_s1_mask", "B03_s1_mask", "B03_s2_mask"], ["B02_s1", "B02_s2", "B03_s1"]),
        (["gt_a_drug", "gt_b_control"], ["control", "drug"]),
        (["2024-01-02_mask", "2024-01-03_mask"], ["2024-01-01_x", "2024-01-02_x"]),
    ],
)
def test_an_order_that_names_contradict(labels: list[str], images: list[str]) -> None:
    assert " by order, but looks like that of " in refused(labels, images)


def test_an_order_that_names_bear_out() -> None:
    images, labels = ["A1_1", "A2_1", "A10_1"], ["A01_1_mask", "A02_1_mask", "A10_1_mask"]
    assert pair(labels, images) == dict(zip(labels, images, strict=True))


def test_what_is_unclear() -> None:
    images = ["t1.tif", "t2.tif", "t3.tif"]
    assert refused(["a.tif"], images).startswith("1 label images for 3 images")
    assert "no image with the number 4" in refused(["m2.tif", "m3.tif", "m4.tif"], images)
    assert "several numbers, such as 1_of_2" in refused(["1_of_2.tif"], images)
    assert "there twice" in refused(["m1.tif", "m01.tif", "m2.tif"], images)
    assert refused(["truth.tif"] * 4, images)
    assert refused(["m1_v2.tif", "m2_v1.tif", "m3_v3.tif"], images)


@given(
    images=st.lists(st.integers(0, 99), min_size=2, max_size=20, unique=True),
    chosen=st.sets(st.integers(0, 19), min_size=1),
    version=st.integers(0, 99),
)
def test_numbers_are_paired_with_themselves(
    images: list[int], chosen: set[int], version: int
) -> None:
    names = [f"frame{n}.tif" for n in sorted(images)]
    numbers = [n for i, n in enumerate(sorted(images)) if i in chosen]
    if numbers:
        labels = [f"seg_frame{n:03d}_v{version}.tif" for n in numbers]
        assert pair(labels, names) == {
            label: f"frame{n}.tif" for label, n in zip(labels, numbers, strict=True)
        }
