"""The public benchmark: `make evaluate DATA=folder`."""
