"""Metadata inside files: tags, pictures, durations."""
