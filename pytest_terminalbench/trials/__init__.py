"""One trial from start to outcome, and what schedules them."""
