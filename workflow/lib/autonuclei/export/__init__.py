"""Masks and tracks in the formats of other programs."""
