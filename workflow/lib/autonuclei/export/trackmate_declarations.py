"""The features that a TrackMate file declares, with TrackMate's own names for them."""

from typing import NamedTuple


class Feature(NamedTuple):
    """What TrackMate is told of a feature; `dimension` chooses the unit that it shows."""

    name: str
    short_name: str
    dimension: str
    is_int: bool = False


SPOT_FEATURES: dict[str, Feature] = {
    "QUALITY": Feature("Quality", "Quality", "QUALITY"),
    "POSITION_X": Feature("X", "X", "POSITION"),
    "POSITION_Y": Feature("Y", "Y", "POSITION"),
    "POSITION_Z": Feature("Z", "Z", "POSITION"),
    "POSITION_T": Feature("T", "T", "TIME"),
    "FRAME": Feature("Frame", "Frame", "NONE", True),
    "RADIUS": Feature("Radius", "R", "LENGTH"),
    "VISIBILITY": Feature("Visibility", "Visibility", "NONE", True),
    "LABEL": Feature("Label in the label image", "Label", "NONE", True),
    "UNBRANCHED_TRACK": Feature("Track between divisions", "Unbr. track", "NONE", True),
    "PROBABILITY": Feature("Probability of the nucleus", "Prob.", "NONE"),
    "TOUCHES_BORDER": Feature("Touches the image border", "Border", "NONE", True),
    "MEAN_INTENSITY_CH1": Feature("Mean intensity ch1", "Mean ch1", "INTENSITY"),
    "MAX_INTENSITY_CH1": Feature("Max intensity ch1", "Max ch1", "INTENSITY"),
    "TOTAL_INTENSITY_CH1": Feature("Sum intensity ch1", "Sum ch1", "INTENSITY"),
    "STD_INTENSITY_CH1": Feature("Std intensity ch1", "Std ch1", "INTENSITY"),
    "ELLIPSE_X0": Feature("Ellipse center x0", "El. x0", "LENGTH"),
    "ELLIPSE_Y0": Feature("Ellipse center y0", "El. y0", "LENGTH"),
    "ELLIPSE_MAJOR": Feature("Ellipse long axis", "El. long axis", "LENGTH"),
    "ELLIPSE_MINOR": Feature("Ellipse short axis", "El. sh. axis", "LENGTH"),
    "ELLIPSE_THETA": Feature("Ellipse angle", "El. angle", "ANGLE"),
    "ELLIPSE_ASPECTRATIO": Feature("Ellipse aspect ratio", "El. a.r.", "NONE"),
    "AREA": Feature("Area", "Area", "AREA"),
    "PERIMETER": Feature("Perimeter", "Perim.", "LENGTH"),
    "CIRCULARITY": Feature("Circularity", "Circ.", "NONE"),
    "SOLIDITY": Feature("Solidity", "Solidity", "NONE"),
    "SHAPE_INDEX": Feature("Shape index", "Shape index", "NONE"),
}
EDGE_FEATURES: dict[str, Feature] = {
    "SPOT_SOURCE_ID": Feature("Source spot ID", "Source ID", "NONE", True),
    "SPOT_TARGET_ID": Feature("Target spot ID", "Target ID", "NONE", True),
    "LINK_COST": Feature("Edge cost", "Cost", "COST"),
    "DIRECTIONAL_CHANGE_RATE": Feature("Directional change rate", "\u03b3 rate", "ANGLE_RATE"),
    "SPEED": Feature("Speed", "Speed", "VELOCITY"),
    "DISPLACEMENT": Feature("Displacement", "Disp.", "LENGTH"),
    "EDGE_TIME": Feature("Edge time", "Edge T", "TIME"),
    "EDGE_X_LOCATION": Feature("Edge X", "Edge X", "POSITION"),
    "EDGE_Y_LOCATION": Feature("Edge Y", "Edge Y", "POSITION"),
    "EDGE_Z_LOCATION": Feature("Edge Z", "Edge Z", "POSITION"),
}
TRACK_FEATURES: dict[str, Feature] = {
    "TRACK_INDEX": Feature("Track index", "Index", "NONE", True),
    "TRACK_ID": Feature("Track ID", "ID", "NONE", True),
    "NUMBER_SPOTS": Feature("Number of spots in track", "N spots", "NONE", True),
    "NUMBER_GAPS": Feature("Number of gaps", "N gaps", "NONE", True),
    "NUMBER_SPLITS": Feature("Number of split events", "N splits", "NONE", True),
    "NUMBER_MERGES": Feature("Number of merge events", "N merges", "NONE", True),
    "NUMBER_COMPLEX": Feature("Number of complex points", "N complex", "NONE", True),
    "LONGEST_GAP": Feature("Longest gap", "Lgst gap", "NONE", True),
    "TRACK_DURATION": Feature("Track duration", "Duration", "TIME"),
    "TRACK_START": Feature("Track start", "Track start", "TIME"),
    "TRACK_STOP": Feature("Track stop", "Track stop", "TIME"),
    "TRACK_DISPLACEMENT": Feature("Track displacement", "Track disp.", "LENGTH"),
    "TRACK_X_LOCATION": Feature("Track mean X", "Track X", "POSITION"),
    "TRACK_Y_LOCATION": Feature("Track mean Y", "Track Y", "POSITION"),
    "TRACK_Z_LOCATION": Feature("Track mean Z", "Track Z", "POSITION"),
    "TRACK_MEAN_SPEED": Feature("Track mean speed", "Mean sp.", "VELOCITY"),
    "TRACK_MAX_SPEED": Feature("Track max speed", "Max speed", "VELOCITY"),
    "TRACK_MIN_SPEED": Feature("Track min speed", "Min speed", "VELOCITY"),
    "TRACK_MEDIAN_SPEED": Feature("Track median speed", "Med. speed", "VELOCITY"),
    "TRACK_STD_SPEED": Feature("Track std speed", "Std speed", "VELOCITY"),
    "TRACK_MEAN_QUALITY": Feature("Track mean quality", "Mean Q", "QUALITY"),
    "TOTAL_DISTANCE_TRAVELED": Feature("Total distance traveled", "Total dist.", "LENGTH"),
    "MAX_DISTANCE_TRAVELED": Feature("Max distance traveled", "Max dist.", "LENGTH"),
    "CONFINEMENT_RATIO": Feature("Confinement ratio", "Cfn. ratio", "NONE"),
    "MEAN_STRAIGHT_LINE_SPEED": Feature("Mean straight line speed", "Mn. v. line", "VELOCITY"),
    "LINEARITY_OF_FORWARD_PROGRESSION": Feature(
        "Linearity of forward progression", "Fwd. progr.", "NONE"
    ),
    "MEAN_DIRECTIONAL_CHANGE_RATE": Feature(
        "Mean directional change rate", "Mn. \u03b3 rate", "ANGLE_RATE"
    ),
}
