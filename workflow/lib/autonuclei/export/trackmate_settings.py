"""What a TrackMate file says beside its spots and tracks: movie, detector, tracker, display."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autonuclei.export.trackmate_xml import XmlWriter

SPOT_ANALYZERS = {
    "Spot intensity": ("MEAN_INTENSITY_CH1", "MAX_INTENSITY_CH1", "STD_INTENSITY_CH1"),
    "Spot fit 2D ellipse": ("ELLIPSE_MAJOR", "ELLIPSE_MINOR", "ELLIPSE_THETA"),
    "Spot 2D shape descriptors": ("AREA", "PERIMETER", "CIRCULARITY", "SOLIDITY", "SHAPE_INDEX"),
}
EDGE_ANALYZERS = ("Directional change", "Edge speed", "Edge target", "Edge location")
TRACK_ANALYZERS = (
    "Branching analyzer",
    "Track duration",
    "Track index",
    "Track location",
    "Track speed",
    "Track quality",
    "Track motility analysis",
)

# Outlines coloured by track, with the last ten links of each track.
_DISPLAY = {
    "name": "CurrentDisplaySettings",
    "spotUniformColor": "204, 51, 204, 255",
    "spotColorByType": "TRACKS",
    "spotColorByFeature": "TRACK_INDEX",
    "spotDisplayRadius": 1.0,
    "spotDisplayedAsRoi": True,
    "spotMin": 0.0,
    "spotMax": 1.0,
    "spotShowName": False,
    "trackMin": 0.0,
    "trackMax": 1.0,
    "trackColorByType": "TRACKS",
    "trackColorByFeature": "TRACK_INDEX",
    "trackUniformColor": "204, 204, 51, 255",
    "undefinedValueColor": "0, 0, 0, 255",
    "missingValueColor": "89, 89, 89, 255",
    "highlightColor": "51, 230, 51, 255",
    "trackDisplayMode": "LOCAL_BACKWARD",
    "colormap": "Jet",
    "limitZDrawingDepth": False,
    "drawingZDepth": 10.0,
    "fadeTracks": True,
    "fadeTrackRange": 10,
    "useAntialiasing": True,
    "spotVisible": True,
    "trackVisible": True,
    "font": {
        "name": "Arial",
        "style": 1,
        "size": 12,
        "pointSize": 12.0,
        "fontSerializedDataVersion": 1,
    },
    "lineThickness": 1.0,
    "selectionLineThickness": 4.0,
    "trackschemeBackgroundColor1": "128, 128, 128, 255",
    "trackschemeBackgroundColor2": "192, 192, 192, 255",
    "trackschemeForegroundColor": "0, 0, 0, 255",
    "trackschemeDecorationColor": "0, 0, 0, 255",
    "trackschemeFillBox": False,
    "spotFilled": False,
    "spotTransparencyAlpha": 1.0,
}


@dataclass(frozen=True)
class MovieInfo:
    """The movie that lies beside a TrackMate file.

    Attributes
    ----------
    filename : str
        Its name without a folder; TrackMate looks beside the XML file.
    width, height : int
        In pixels.
    n_frames : int
        Number of time points.
    pixel_size_um : float or None
        Micrometres per pixel; None if unknown: the unit is then "pixel", the size 1.
    frame_interval_min : float or None
        Minutes between frames; None if unknown: the unit is then "frame", the interval 1.
    """

    filename: str
    width: int
    height: int
    n_frames: int
    pixel_size_um: float | None = None
    frame_interval_min: float | None = None

    @property
    def pixel_size(self) -> float:
        """Length of a pixel in the unit of the file."""
        return 1.0 if self.pixel_size_um is None else float(self.pixel_size_um)

    @property
    def interval(self) -> float:
        """Time between frames in the unit of the file."""
        return 1.0 if self.frame_interval_min is None else float(self.frame_interval_min)


@dataclass(frozen=True)
class LapSettings:
    """Settings of TrackMate's LAP tracker, so that a user can link again from its window.

    Distances are in the units of the file: micrometres, or pixels without a pixel size.
    `max_frame_gap` is TrackMate's: 2 lets a nucleus be missed in one frame.
    """

    linking_max_distance: float
    gap_closing_max_distance: float
    splitting_max_distance: float
    merging_max_distance: float
    max_frame_gap: int = 2
    allow_gap_closing: bool = True
    allow_splitting: bool = True
    allow_merging: bool = False
    cutoff_percentile: float = 0.9
    alternative_cost_factor: float = 1.05


def choose_tracker(used: Mapping[str, Any]) -> LapSettings | None:
    """Choose what TrackMate is preset to, so that it links within the limits of our tracks.

    Parameters
    ----------
    used
        `LinkResult.parameters`.

    Returns
    -------
    LapSettings or None
        None for tracks that were not linked by us, such as corrected ones.
    """
    longest = used.get("max_link_distance")
    if longest is None:
        return None
    gap, division = used["max_gap_distance"], used["max_division_distance"]
    return LapSettings(
        linking_max_distance=longest,
        # TrackMate wants a distance also of what it does not look for.
        gap_closing_max_distance=longest if gap is None else gap,
        splitting_max_distance=longest if division is None else division,
        merging_max_distance=longest,
        max_frame_gap=used["settings"]["max_frame_gap"],
        allow_gap_closing=gap is not None,
        allow_splitting=division is not None,
    )


def write_settings(
    xml: XmlWriter, movie: MovieInfo, tracker: LapSettings | None, features: Sequence[str]
) -> None:
    """Write the element `Settings`.

    Parameters
    ----------
    xml : XmlWriter
    movie : MovieInfo
    tracker : LapSettings or None
        What to preset for linking again; None sets the tracker to manual.
    features : sequence of str
        The spot features in the file; their analyzers are listed.
    """
    with xml.element("Settings"):
        xml.write_empty(
            "ImageData",
            filename=movie.filename,
            folder="",
            width=movie.width,
            height=movie.height,
            nslices=1,
            nframes=movie.n_frames,
            pixelwidth=movie.pixel_size,
            pixelheight=movie.pixel_size,
            voxeldepth=1.0,
            timeinterval=movie.interval,
        )
        xml.write_empty(
            "BasicSettings",
            xstart=0,
            xend=movie.width - 1,
            ystart=0,
            yend=movie.height - 1,
            zstart=0,
            zend=0,
            tstart=0,
            tend=movie.n_frames - 1,
        )
        xml.write_empty(
            "DetectorSettings",
            DETECTOR_NAME="LABEL_IMAGE_DETECTOR",
            TARGET_CHANNEL=1,
            # As TrackMate has it by default: along edges of pixels it measures a perimeter a fifth
            # longer, and so a circularity a third lower.
            SIMPLIFY_CONTOURS=True,
        )
        xml.write_empty("InitialSpotFilter", feature="QUALITY", value=0.0, isabove=True)
        xml.write_empty("SpotFilterCollection")
        if tracker is None:
            xml.write_empty("TrackerSettings", TRACKER_NAME="MANUAL_TRACKER")
        else:
            _write_tracker(xml, tracker)
        xml.write_empty("TrackFilterCollection")
        present = [key for key, needs in SPOT_ANALYZERS.items() if set(needs) & set(features)]
        with xml.element("AnalyzerCollection"):
            for tag, keys in (
                ("SpotAnalyzers", present),
                ("EdgeAnalyzers", EDGE_ANALYZERS),
                ("TrackAnalyzers", TRACK_ANALYZERS),
            ):
                with xml.element(tag):
                    for key in keys:
                        xml.write_empty("Analyzer", key=key)


def _write_tracker(xml: XmlWriter, tracker: LapSettings) -> None:
    parts: dict[str, dict[str, bool | float]] = {
        "Linking": {"LINKING_MAX_DISTANCE": float(tracker.linking_max_distance)},
        "GapClosing": {
            "ALLOW_GAP_CLOSING": tracker.allow_gap_closing,
            "GAP_CLOSING_MAX_DISTANCE": float(tracker.gap_closing_max_distance),
            "MAX_FRAME_GAP": tracker.max_frame_gap,
        },
        "TrackSplitting": {
            "ALLOW_TRACK_SPLITTING": tracker.allow_splitting,
            "SPLITTING_MAX_DISTANCE": float(tracker.splitting_max_distance),
        },
        "TrackMerging": {
            "ALLOW_TRACK_MERGING": tracker.allow_merging,
            "MERGING_MAX_DISTANCE": float(tracker.merging_max_distance),
        },
    }
    with xml.element(
        "TrackerSettings",
        TRACKER_NAME="SPARSE_LAP_TRACKER",
        CUTOFF_PERCENTILE=float(tracker.cutoff_percentile),
        ALTERNATIVE_LINKING_COST_FACTOR=float(tracker.alternative_cost_factor),
        BLOCKING_VALUE="Infinity",
    ):
        for tag, attributes in parts.items():
            with xml.element(tag, **attributes):
                xml.write_empty("FeaturePenalties")


def write_display(xml: XmlWriter, n_tracks: int) -> None:
    """Write the elements that say what TrackMate shows first: tracks, coloured by their index."""
    last = float(max(1, n_tracks - 1))
    xml.write_empty("GUIState", state="ConfigureViews")
    display = _DISPLAY | {"spotMax": last, "trackMax": last}
    xml.write_text("DisplaySettings", json.dumps(display, indent=2))
