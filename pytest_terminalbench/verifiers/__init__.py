"""Who judges, after the agent has stopped."""
