"""What a session leaves behind: its folder, its summary, its report."""
