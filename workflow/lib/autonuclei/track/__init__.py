"""From nuclei in frames to tracks with divisions."""
