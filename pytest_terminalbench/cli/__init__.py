"""The command ``terminalbench``."""
