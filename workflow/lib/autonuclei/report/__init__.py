"""Figures, films and pages for people."""
