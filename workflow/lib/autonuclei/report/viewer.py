"""A view as a picture to zoom and hover over, for a page without a server."""

from typing import Any

import numpy as np
from bokeh.embed import components
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    HoverTool,
    PanTool,
    Range1d,
    ResetTool,
    WheelZoomTool,
    ZoomInTool,
    ZoomOutTool,
)
from bokeh.plotting import figure
from bokeh.resources import Resources

from autonuclei.report.style import OUTLINE_COLOUR
from autonuclei.report.views import View

# What is told of a nucleus under the pointer: column, words, value in Bokeh's format.
TOLD = (
    ("label", "number", "@label{0}"),
    ("track", "track", "@track{0}"),
    ("area_um2", "area", "@area_um2{0.0} µm²"),
    ("area_px", "area", "@area_px{0} px"),
    ("probability", "probability", "@probability{0.00}"),
    ("mean_intensity", "mean intensity", "@mean_intensity{0.0}"),
)


def load_library() -> str:
    """Bokeh's code, to be put once into the page, as HTML."""
    return str(Resources(mode="inline", components=["bokeh"]).render())


def embed_views(views: list[View]) -> list[tuple[str, str]]:
    """Make a viewer of each view: its place in the page and its data, as HTML.

    The page shows the code of `load_library` once before them.
    """
    return [components(draw_viewer(view)) for view in views]


def draw_viewer(view: View) -> Any:
    """A Bokeh figure: the image, the outlines, and what is known of each nucleus."""
    # Rows run downwards.
    top, left = -view.top, view.left
    plot = figure(
        x_range=_make_range(left, left + view.width),
        y_range=_make_range(top - view.height, top),
        aspect_ratio=view.width / view.height,
        sizing_mode="stretch_width",
        toolbar_location="above",
        tools=[],
        min_border=0,
        outline_line_color=None,
        background_fill_color="black",
        name=f"nuclei of {view.sample}, frame {view.frame}",
    )
    plot.axis.visible = False
    plot.grid.visible = False
    plot.toolbar.logo = None
    plot.image_url(
        url=[f"data:image/jpeg;base64,{view.image}"],
        x=left,
        y=top,
        w=view.width,
        h=view.height,
        anchor="top_left",
    )
    told = [
        (column, words, value)
        for column, words, value in TOLD
        if view.nuclei
        and column in view.nuclei[0]
        # Square micrometres where they are known, else pixels.
        and not (column == "area_px" and "area_um2" in view.nuclei[0])
    ]
    source = ColumnDataSource(
        {
            "xs": [nucleus["outline_x"] for nucleus in view.nuclei],
            "ys": [[-y for y in nucleus["outline_y"]] for nucleus in view.nuclei],
            **{
                column: np.array([nucleus[column] for nucleus in view.nuclei], np.float64)
                for column, _, _ in told
            },
        }
    )
    patches = plot.patches(
        "xs",
        "ys",
        source=source,
        line_color=OUTLINE_COLOUR,
        line_width=1.5,
        fill_alpha=0,
        hover_fill_color=OUTLINE_COLOUR,
        hover_fill_alpha=0.35,
        hover_line_color="white",
    )
    hover = HoverTool(
        renderers=[patches],
        tooltips=[(words, value) for _, words, value in told],
        point_policy="follow_mouse",
    )
    # The wheel scrolls the page; with the control key it zooms.
    wheel = WheelZoomTool(modifiers="ctrl")
    pan = PanTool()
    plot.add_tools(pan, wheel, BoxZoomTool(match_aspect=True), ZoomInTool(), ZoomOutTool())
    plot.add_tools(ResetTool(), hover)
    plot.toolbar.active_drag = pan
    plot.toolbar.active_scroll = wheel
    return plot


def _make_range(start: int, end: int) -> Range1d:
    """A range that cannot be left by moving or zooming."""
    return Range1d(start=start, end=end, bounds=(start, end))
