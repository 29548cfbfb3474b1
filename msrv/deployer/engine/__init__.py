"""The container engine: client of its API, and containers as it shows them."""
