"""Reproducing the numbers of Englbrecht, Ruider and Bausch 2021: see `make paper`."""
