"""Metadata inside of files: tags, pictures, durations."""
