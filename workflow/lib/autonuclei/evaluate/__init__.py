"""How good a result is, with a ground truth and without one."""
