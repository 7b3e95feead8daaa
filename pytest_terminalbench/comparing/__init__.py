"""Results side by side: what got worse, what better, and how sure that is."""
