import numpy as np
import pytest
import tifffile

from autonuclei.errors import InputError
from autonuclei.export.ctc import read_ctc, write_ctc
from autonuclei.io.label_frames import LabelFiles
from autonuclei.track.changes import compare_corrections, compare_masks
from autonuclei.track.corrected_masks import correct_ctc, correct_masks
from autonuclei.track.corrections import tabulate_links
from correction_examples import INTERVAL, SHAPE, find_links, make_movie, measure
from track_examples import N_FRAMES


@pytest.fixture(scope="module")
def movie():
    return make_movie()


class Folder:
    """A Cell Tracking Challenge folder in the hands of a user."""

    def __init__(self, path, movie):
        self.path = path
        tracks, labels = movie
        write_ctc(path, tracks, labels=labels, n_frames=N_FRAMES)
        self.masks = np.stack([tifffile.imread(path / f"mask{k:03d}.tif") for k in range(N_FRAMES)])
        lines = (path / "res_track.txt").read_text().splitlines()
        self.lines = {int(line.split()[0]): list(map(int, line.split())) for line in lines}

    def find(self, movie, frame, label):
        """The mask label of a nucleus of ours."""
        return int(self.masks[frame][movie[1][frame] == label][0])

    def save(self):
        for k, mask in enumerate(self.masks):
            tifffile.imwrite(self.path / f"mask{k:03d}.tif", mask)
        text = "".join(" ".join(map(str, line)) + "\n" for line in self.lines.values())
        (self.path / "res_track.txt").write_text(text)


@pytest.fixture
def folder(movie, tmp_path):
    return Folder(tmp_path / "ctc", movie)


def give_back(folder, movie):
    tracks, labels = movie
    folder.save()
    table, paths = read_ctc(folder.path)
    found = correct_ctc(
        folder.path, table, LabelFiles(paths, SHAPE), labels=labels, n_frames=N_FRAMES
    )
    images = np.stack([found[frame] for frame in range(N_FRAMES)])
    result = tabulate_links(measure(images), found.links, frame_interval_min=INTERVAL)
    changes = compare_corrections(tracks, result.tracks, labels, images, frames=range(N_FRAMES))
    return found, images, result, changes.sample.set_index("what")


def find_plain(movie, frame):
    """Label of the plain track in frames 0 to 3."""
    x = 60 + 2 * frame
    return int(movie[1][frame][50 if frame < 2 else 51, x - 2])


def test_untouched_all_comes_back(folder, movie):
    tracks, labels = movie
    found, images, result, sample = give_back(folder, movie)
    assert np.array_equal(images, labels)
    assert result.tracks.equals(tracks)
    assert found.links.equals(find_links(tracks))
    assert found.notes == []
    assert (sample["share_changed"] == 0).all()


def test_numbers_and_the_order_of_lines_do_not_matter(folder, movie):
    new = {label: 500 - 7 * label for label in folder.lines}
    table = np.zeros(501, folder.masks.dtype)
    table[list(new)] = list(new.values())
    folder.masks = table[folder.masks]
    folder.lines = {
        new[label]: [new[label], begin, end, new.get(parent, 0)]
        for label, begin, end, parent in reversed(list(folder.lines.values()))
    }
    _, images, result, _ = give_back(folder, movie)
    assert np.array_equal(images, movie[1])
    assert result.tracks.equals(movie[0])


def test_edits_of_masks_and_lines(folder, movie):
    _, labels = movie
    number = [folder.find(movie, frame, find_plain(movie, frame)) for frame in range(4)]
    assert len(set(number)) == 1
    plain = number[0]
    # Erased in one frame: a gap; grown in another; a new nucleus without a line.
    folder.masks[1][folder.masks[1] == plain] = 0
    folder.masks[3, 53:56, 64:66] = plain
    folder.masks[4:6, 44:49, 40:45] = 300
    # Two daughters less, and one more where there was none.
    mother = next(line[3] for line in folder.lines.values() if line[3])
    for line in folder.lines.values():
        if line[3] == mother:
            line[3] = 0
    folder.lines[301] = [301, 4, 4, plain]
    folder.lines[302] = [302, 5, 5, plain]
    folder.masks[4, 50:55, 60:64] = 301
    folder.masks[5, 50:55, 70:74] = 302
    found, images, result, sample = give_back(folder, movie)
    assert sample.loc["nuclei", ["edited", "added", "removed"]].tolist() == [1, 4, 1]
    assert sample.loc["divisions", ["added", "removed"]].tolist() == [1, 1]
    kept = find_plain(movie, 3)
    assert np.array_equal(images[3] == kept, folder.masks[3] == plain)
    links = set(found.links.itertuples(index=False, name=None))
    assert (0, find_plain(movie, 0), 2, find_plain(movie, 2)) in links
    number = found.nuclei.set_index(["frame", "id"])["label"]
    assert (3, kept, 4, number[4, 301]) in links
    assert (3, kept, 5, number[5, 302]) in links
    assert (4, number[4, 300], 5, number[5, 300]) in links
    assert number[4, 300] > labels[4].max()
    assert found.notes == [
        "1 label(s) are not in the track file: no parent: 300.",
        f"1 label(s) are missing in frames between: taken as gaps: {plain}.",
    ]
    assert len(result.lineages)


def test_where_lines_and_masks_disagree_it_is_told(folder, movie):
    daughter = next(line for line in folder.lines.values() if line[3])
    for mask in folder.masks:
        mask[mask == daughter[3]] = 0
    folder.lines[400] = [400, 0, 1, 0]
    folder.lines[daughter[0]][1] += 1
    found, _, _, _ = give_back(folder, movie)
    assert [note.split(":")[0] for note in found.notes] == [
        "2 label(s) are in the track file and in no mask",
        "1 label(s) begin or end elsewhere than in the track file",
        "2 label(s) have a parent that is in no mask",
    ]


def test_what_cannot_be_is_refused(folder, movie):
    plain = folder.find(movie, 0, find_plain(movie, 0))
    folder.masks[2, 40:44, 40:44] = 300
    folder.lines[300] = [300, 2, 2, plain]
    with pytest.raises(InputError, match=f"track 300 begins in frame 2, but its parent {plain} is"):
        give_back(folder, movie)
    folder.lines["again"] = [plain, 0, 1, 0]
    with pytest.raises(InputError, match=f"lists label {plain} twice"):
        give_back(folder, movie)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.zeros((3, 4), np.uint16), "has shape"),
        (np.zeros((*SHAPE, 3), np.uint8), "has shape"),
        (np.full(SHAPE, np.nan, np.float32), "values that are no numbers from 0"),
        (np.full(SHAPE, 2**31 - 1, np.int32), "values that are no numbers from 0"),
        (np.full(SHAPE, -1, np.int16), "values that are no numbers from 0"),
        (np.full(SHAPE, 0.5, np.float32), "no whole numbers"),
    ],
)
def test_masks_that_are_none(tmp_path, mask, reason):
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, mask)
    with pytest.raises(InputError, match=reason):
        LabelFiles([path], SHAPE)[0]


def test_files_that_are_no_images(tmp_path):
    path = tmp_path / "mask.tif"
    for content in (b"", b"II*\0abc", b"text"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"cannot be read|is empty") as refused:
            LabelFiles([path], SHAPE)[0]
        assert "\n" not in str(refused.value)


def test_masks_alone(movie):
    _, labels = movie
    given = np.zeros_like(labels, dtype=np.uint16)
    for frame in range(N_FRAMES):  # every nucleus under another number
        given[frame][labels[frame] > 0] = 200 - labels[frame][labels[frame] > 0]
    plain = given[3, 51, 64]
    given[3, 53:56, 64:66] = plain
    given[2, 40:44, 40:44] = 7
    given[0][given[0] == given[0, 50, 58]] = 0
    found = correct_masks(given, labels=labels, frames=range(N_FRAMES))
    assert found.links is None
    counted = found.nuclei["change"].value_counts()
    assert (counted["edited"], counted["added"]) == (1, 1)
    images = np.stack([found[frame] for frame in range(N_FRAMES)])
    for frame in (1, 4, 5):
        assert np.array_equal(images[frame], labels[frame])
    sample = compare_masks(labels, found, frames=range(N_FRAMES)).sample.iloc[0]
    n = len(movie[0])
    assert sample.to_dict() == {
        "what": "nuclei",
        "before": n,
        "after": n,
        "unchanged": n - 2,
        "edited": 1,
        "added": 1,
        "removed": 1,
        "share_changed": pytest.approx(3 / (n + 1)),
    }


def test_a_nucleus_cut_in_halves_is_one_removed_and_two_new():
    ours = np.zeros((10, 10), np.int32)
    ours[2:6, 2:6] = 3
    given = ours.copy()
    given[2:6, 4:6] = 9
    found = correct_masks([given], labels=[ours], frames=[0])
    assert found.nuclei["label"].tolist() == [4, 5]
    assert compare_masks([ours], found, frames=[0]).frames.iloc[0].tolist() == [0, 1, 2, 0, 0, 2, 1]


def test_masks_of_another_size_are_refused(movie):
    _, labels = movie
    with pytest.raises(InputError, match="frame 0 has shape"):
        correct_masks(labels[:, 1:], labels=labels, frames=range(N_FRAMES))


def test_no_frames():
    found = correct_masks([], labels=[], frames=[])
    assert len(found.nuclei) == 0
    assert compare_masks([], found, frames=[]).frames.empty
