"""What is asked: scenario files, datasets, their validation."""
