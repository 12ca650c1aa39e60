"""Ground floor: label images, their shapes, outlines, measures and overlaps."""
