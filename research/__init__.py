"""What measured the method: not part of the workflow, and not installed with it."""
