"""Parsing of the library's files in a process that has no secret."""
