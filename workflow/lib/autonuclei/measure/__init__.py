"""What is measured of nuclei and tracks."""
