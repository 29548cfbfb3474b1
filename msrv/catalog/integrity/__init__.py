"""Detection of truncated files, from what their containers state."""
