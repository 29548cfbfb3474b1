"""Configuration of a library: `store.toml` and `release.toml`."""
