"""Who acts: agents, and the registry that makes them by name."""
