"""Pages of the shop, and what programs ask of it."""
