"""Cells without pytest: what a session is made of, and the trials of one cell."""
