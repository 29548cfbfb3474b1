"""TLS servers and certificates."""
