"""The units of lengths and times in the tables of a movie."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """The units of a movie, for column names and axis labels.

    Attributes
    ----------
    pixel_size_um, frame_interval_min : None where unknown.
    """

    pixel_size_um: float | None = None
    frame_interval_min: float | None = None

    @property
    def length(self) -> str:
        return "px" if self.pixel_size_um is None else "um"

    @property
    def time(self) -> str:
        return "frames" if self.frame_interval_min is None else "min"

    @property
    def length_factor(self) -> float:
        """Length units per pixel."""
        return 1.0 if self.pixel_size_um is None else self.pixel_size_um

    @property
    def time_factor(self) -> float:
        """Time units per frame."""
        return 1.0 if self.frame_interval_min is None else self.frame_interval_min

    @property
    def speed(self) -> str:
        """Unit of speed in column names, such as `um_per_min`."""
        return f"{self.length}_per_{'frame' if self.time == 'frames' else 'min'}"

    @property
    def density(self) -> str:
        """Column of the density: per mm2, or per million pixels."""
        return "nuclei_per_megapixel" if self.pixel_size_um is None else "nuclei_per_mm2"

    @property
    def mitosis_rate(self) -> str:
        """Column of the rate of mitosis: per nucleus and hour, or per nucleus and frame."""
        time = "frame" if self.frame_interval_min is None else "hour"
        return f"mitoses_per_nucleus_and_{time}"
