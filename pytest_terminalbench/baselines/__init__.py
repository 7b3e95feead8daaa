"""Approved outcomes of cells: their files, the comparison with them, their approval."""
