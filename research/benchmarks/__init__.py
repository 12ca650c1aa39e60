"""Cost of the workflow against bare scripts: see `make benchmark`."""
