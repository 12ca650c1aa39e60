"""Batches of patches for the network, drawn while it computes."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autonuclei.settings import TrainSettings
from autonuclei.train.pairs import Pair
from autonuclei.train.stored import StoredLabels

Array = npt.NDArray[Any]

VALIDATION_PATCHES = 64


class Patches:
    """Images to draw patches from, and where patches can lie in them.

    Parameters
    ----------
    pairs
        Images and label images, none smaller than a patch.
    patch_px
        Side of the patches.
    """

    def __init__(self, pairs: Sequence[Pair], patch_px: int) -> None:
        self.images = [image for image, _ in pairs]
        self.labels = [labels for _, labels in pairs]
        self.places = [PatchPlaces(labels, patch_px) for labels in self.labels]


class PatchPlaces:
    """The centres that patches of an image can have: all of them, or those with a nucleus.

    StarDist lists them, at 8 bytes each; here they are counted row by row, and the one that is
    drawn is looked for. They have the same order, so that the same numbers draw the same patches.

    Parameters
    ----------
    labels
        Of an image, not smaller than a patch.
    patch_px
        Side of a patch, even.
    strip
        Rows that are counted together.
    """

    def __init__(self, labels: StoredLabels, patch_px: int, *, strip: int = 1024) -> None:
        self._labels, self._side = labels, patch_px
        self._n_rows, self._n_columns = (size - patch_px + 1 for size in labels.shape)
        self._up_to_row = np.cumsum(self._count_rows(strip))

    def choose(self, *, nuclei: bool) -> tuple["_Centres", "_Centres"]:
        """Rows and columns of all centres of patches; with `nuclei`, of those with a nucleus."""
        if nuclei:
            n, find = int(self._up_to_row[-1]), self._find_with_nucleus
        else:
            n, find = self._n_rows * self._n_columns, self._find
        return _Centres(n, find, 0), _Centres(n, find, 1)

    def _count_rows(self, strip: int) -> npt.NDArray[np.int64]:
        """How many patches of each row have a nucleus."""
        from scipy.ndimage import maximum_filter

        half, side = self._side // 2, self._side
        counts = []
        for top in range(0, self._n_rows, strip):
            n = min(strip, self._n_rows - top)
            nuclei = self._labels[top : top + n + side - 1, :] > 0
            found = maximum_filter(nuclei.astype(np.uint8), side, mode="constant")
            counts.append(found[half : half + n, half : half + self._n_columns].sum(axis=1))
        return np.concatenate(counts).astype(np.int64)

    def _find(self, number: int) -> tuple[int, int]:
        row, column = divmod(number, self._n_columns)
        return row + self._side // 2, column + self._side // 2

    def _find_with_nucleus(self, number: int) -> tuple[int, int]:
        from scipy.ndimage import maximum_filter1d

        half, side = self._side // 2, self._side
        row = int(np.searchsorted(self._up_to_row, number, side="right"))
        before = int(self._up_to_row[row - 1]) if row else 0
        nuclei = (self._labels[row : row + side, :] > 0).any(axis=0)
        found = maximum_filter1d(nuclei.astype(np.uint8), side, mode="constant")
        columns = np.flatnonzero(found[half : half + self._n_columns])
        return row + half, int(columns[number - before]) + half


class _Centres:
    """Rows (axis 0) or columns (1) of `n` centres; those that are asked for are found."""

    def __init__(self, n: int, find: Callable[[int], tuple[int, int]], axis: int) -> None:
        self._n, self._find, self._axis = n, find, axis

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, numbers: Sequence[int]) -> list[int]:
        return [self._find(number)[self._axis] for number in numbers]


def draw_batches(
    patches: Patches, settings: TrainSettings, seed: int, *, validation: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Draw the batches of one epoch, or the one batch of patches to validate with.

    Parameters
    ----------
    patches
        What to draw from.
    seed
        The same seed gives the same patches.
    validation
        One batch of `VALIDATION_PATCHES` patches as they are, instead of an epoch.

    Yields
    ------
    Images, and what the network is to give for them.
    """
    from stardist.models.model2d import StarDistData2D

    class Batches(StarDistData2D):  # type: ignore[misc]
        """StarDist's own, which would list the places of all patches of all images."""

        def get_valid_inds(self, k: int, foreground_prob: float | None = None) -> Any:
            wanted = self.foreground_prob if foreground_prob is None else foreground_prob
            nuclei = np.random.uniform() < wanted  # noqa: NPY002
            centres = patches.places[k].choose(nuclei=nuclei)
            return centres if len(centres[0]) else self.get_valid_inds(k, foreground_prob=0)

    np.random.seed(seed % 2**32)  # noqa: NPY002 - StarDist draws from numpy's global numbers
    # Of lists StarDist makes arrays; what else can be numbered it leaves as it is.
    data = Batches(
        dict(enumerate(patches.images)),
        dict(enumerate(patches.labels)),
        batch_size=VALIDATION_PATCHES if validation else settings.batch,
        n_rays=settings.rays,
        length=1 if validation else settings.steps_per_epoch,
        patch_size=(settings.patch_px, settings.patch_px),
        grid=(settings.grid, settings.grid),
        augmenter=flip_rotate if settings.augment == "flip_rotate" and not validation else None,
        foreground_prob=0.9,
    )
    yield from (data[i] for i in range(len(data)))


def flip_rotate(image: Array, labels: Array) -> tuple[Array, Array]:
    """Mirror and turn a patch at random; draws from numpy's global numbers as StarDist does."""
    turns, mirror = np.random.randint(4), np.random.randint(2)  # noqa: NPY002
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    return (image[:, ::-1], labels[:, ::-1]) if mirror else (image, labels)


def prefetch(batches: Iterable[Any], depth: int = 8) -> Iterator[Any]:
    """Draw up to `depth` batches ahead in a thread, while the network computes."""
    waiting: queue.Queue[Any] = queue.Queue(depth)
    end = object()

    def fill() -> None:
        try:
            for batch in batches:
                waiting.put(batch)
            waiting.put(end)
        except BaseException as error:
            waiting.put(error)

    threading.Thread(target=fill, daemon=True).start()
    while (item := waiting.get()) is not end:
        if isinstance(item, BaseException):
            raise item
        yield item
