"""A session from its first cell to its closed run, without pytest."""
