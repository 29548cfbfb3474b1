"""Parsing of untrusted files in a confined process without secrets."""
