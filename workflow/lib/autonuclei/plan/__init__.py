"""The sample sheet, and what sheet and settings mean for the jobs of the workflow."""
