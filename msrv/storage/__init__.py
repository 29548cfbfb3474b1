"""Storage of the library's bytes: one protocol, and a local folder."""
