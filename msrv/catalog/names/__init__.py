"""Meaning of the names of files and folders in a library."""
