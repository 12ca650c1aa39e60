"""PNG and JPEG (provisional)."""

from pathlib import Path

import numpy as np

from autonuclei.io.formats.base import Array, FileHeader, ImageFile, ImageHeader, explain_damage


class PictureFile(ImageFile):
    def __init__(self, path: Path) -> None:
        from PIL import Image

        self._path = path
        with explain_damage(path), Image.open(path) as picture:
            width, height = picture.size
            mode = picture.mode
        dtypes = {"1": "bool", "I;16": "uint16", "I;16B": "uint16", "I": "int32", "F": "float32"}
        header = ImageHeader(
            height, width, dtypes.get(mode, "uint8"), is_rgb=mode not in ("L", *dtypes)
        )
        self.header = FileHeader((header,), (str(path),))

    def read(self, image: int, *, frame: int, z: int, channel: int) -> Array:
        from PIL import Image

        with Image.open(self._path) as picture:
            if picture.mode in ("P", "PA", "LA", "CMYK", "YCbCr", "LAB", "HSV"):
                return np.asarray(picture.convert("RGB"))
            plane = np.asarray(picture)
        return plane.astype(np.uint16) if self.header.images[0].dtype == "uint16" else plane

    def close(self) -> None:
        pass
