"""Loading of a library: scan, file index, releases, catalog."""
