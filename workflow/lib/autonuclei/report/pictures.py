"""What figures of images are put together from: image, outlines, boxes, scale bar, legend."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from autonuclei.io.lazy_planes import ArrayLike
from autonuclei.labels.outlines import trace_outlines
from autonuclei.labels.strips import list_strips
from autonuclei.report.style import choose_bar_length, stretch_grey

Array = npt.NDArray[Any]
# A part of an image: first row, end row, first and end column, ends not included.
Box = tuple[int, int, int, int]

# Fewer pixels than this say nothing to the eye.
SMALLEST_BOX_PX = 48
# Longer side of the image in a figure; larger ones are shrunken before they are drawn.
LARGEST_PICTURE_PX = 2048


def choose_side(areas: Array, shape: tuple[int, ...], *, diameters: float = 9.0) -> int:
    """Side of a square box that shows some dozen nuclei, in px, no larger than the image.

    Parameters
    ----------
    areas
        Areas of the nuclei, in px; their median counts.
    shape
        Rows and columns of the image.
    diameters
        Side in diameters of the median nucleus.
    """
    median = float(np.median(areas)) if len(areas) else 0.0
    side = max(SMALLEST_BOX_PX, round(diameters * 2 * (median / np.pi) ** 0.5))
    return int(min(side, *shape))


def tile_image(shape: tuple[int, ...], side: int) -> list[Box]:
    """Boxes of about `side` px that cover an image of (rows, columns) side by side."""
    edges = []
    for length in shape:
        n = max(1, round(length / side))
        edges.append(np.linspace(0, length, n + 1).round().astype(int).tolist())
    rows, columns = (list(itertools.pairwise(ends)) for ends in edges)
    return [(*row, *column) for row in rows for column in columns]


def slide_box(shape: tuple[int, int], side: int) -> list[Box]:
    """Square boxes of `side` px that cover an image, each about half a side after the last."""
    starts = []
    for length in shape:
        last = max(0, length - side)
        n = 1 + -(-last // max(1, side // 2))
        starts.append(np.linspace(0, last, n).round().astype(int).tolist())
    return [(y, y + side, x, x + side) for y in starts[0] for x in starts[1]]


def find_inside(box: Box, y: Array, x: Array) -> Array:
    """Which places (px) lie in a box, as booleans."""
    return np.asarray((y >= box[0]) & (y < box[1]) & (x >= box[2]) & (x < box[3]))


def cut(image: ArrayLike, box: Box) -> Array:
    """The part of an image in a box."""
    return image[box[0] : box[1], box[2] : box[3]]


def shrink_image(image: ArrayLike, largest: int = LARGEST_PICTURE_PX) -> tuple[Array, int]:
    """The means of square blocks, a strip of rows at a time; and the side of a block in px.

    An image no larger than `largest` stays as it is, with blocks of 1 px.
    """
    block = -(-max(image.shape) // largest)
    if block <= 1:
        return image[:, :], 1
    rows, columns = image.shape[0] // block, image.shape[1] // block
    small = np.empty((rows, columns), np.float32)
    for part in list_strips((rows * block, columns * block), multiple=block):
        strip = image[part.slices]
        for row in range(len(strip) // block):
            squares = strip[row * block : (row + 1) * block].reshape(block, columns, block)
            small[part.row // block + row] = squares.mean(axis=(0, 2), dtype=np.float32)
    return small, block


def show_grey(axes: Axes, image: ArrayLike, *, title: str = "", brightness: float = 1.0) -> None:
    """Show an image, stretched for the eye, with axes in px and without ticks.

    Parameters
    ----------
    axes
    image : (height, width)
        Grey values; a very large image is shrunken first.
    title
    brightness
        Below 1 it dims the image behind what is drawn over it.
    """
    small, block = shrink_image(image)
    height, width = (size * block - 0.5 for size in small.shape)
    axes.imshow(
        brightness * stretch_grey(small),
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(-0.5, width, height, -0.5),
        interpolation="antialiased",
    )
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def add_outlines(
    axes: Axes,
    labels: Array,
    colours: str | Mapping[int, str],
    *,
    linewidth: float = 1.0,
    fill: Sequence[str] = (),
    dashed: bool = False,
) -> None:
    """Draw the outline of each object over an image, along the edges of its pixels.

    Parameters
    ----------
    axes
        With the image in px, the centre of the first pixel at zero.
    labels : (height, width) int
        Label image.
    colours
        One for all, or by label; labels that are absent from it are not drawn.
    linewidth
        In points.
    fill
        Colours whose objects are also tinted.
    dashed
        Whether lines are dashed.
    """
    outlines = trace_outlines(labels)
    shown: dict[str, list[Array]] = {}
    for label in outlines.labels.tolist():
        colour = colours if isinstance(colours, str) else colours.get(label)
        if colour is not None:
            # Corners of pixels, where the centre of the first pixel is at zero.
            shown.setdefault(colour, []).append(outlines.get_corners(label) - 0.5)
    for colour, corners in shown.items():
        face = (colour, 0.3) if colour in fill else "none"
        axes.add_collection(
            PolyCollection(
                corners,
                edgecolors=colour,
                facecolors=face,
                linewidths=linewidth,
                linestyles="--" if dashed else "-",
                rasterized=True,
            ),
            autolim=False,
        )


def add_box(axes: Axes, box: Box, *, name: str = "") -> None:
    """Draw the frame of a box into the picture of the whole image."""
    y, y_end, x, x_end = box
    axes.add_patch(
        Rectangle((x - 0.5, y - 0.5), x_end - x, y_end - y, fill=False, edgecolor="white", lw=1.4)
    )
    if name:
        axes.text(x, y, name, color="white", fontsize=9, va="bottom", path_effects=_halo())


def add_scale_bar(axes: Axes, width_px: float, pixel_size_um: float | None) -> None:
    """Draw a scale bar at the lower right of an image that is `width_px` wide.

    In micrometres, or in px where the pixel size is unknown.
    """
    size, unit = (1.0, "px") if pixel_size_um is None else (pixel_size_um, "µm")
    length = choose_bar_length(width_px * size)
    part = length / size / width_px
    axes.plot(
        [0.96 - part, 0.96],
        [0.05, 0.05],
        transform=axes.transAxes,
        color="white",
        linewidth=3,
        solid_capstyle="butt",
        path_effects=_halo(5),
        scalex=False,
        scaley=False,
    )
    axes.text(
        0.96 - part / 2,
        0.07,
        f"{length:g} {unit}",
        transform=axes.transAxes,
        color="white",
        fontsize=8,
        ha="center",
        va="bottom",
        path_effects=_halo(),
    )


def add_legend(figure: Figure, colours: Mapping[str, str], *, columns: int) -> None:
    """Say below a figure what each colour means, on a dark ground like that of the images."""
    handles = [
        Line2D([], [], color=colour, marker="s", markersize=8, linewidth=0, label=name)
        for name, colour in colours.items()
    ]
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=9)
    legend.get_frame().set_facecolor("#303030")
    for text in legend.get_texts():
        text.set_color("white")


def _halo(width: float = 2) -> list[withStroke]:
    return [withStroke(linewidth=width, foreground="black")]
