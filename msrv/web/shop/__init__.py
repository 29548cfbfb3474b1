"""Pages of the shop, and their JSON for programs."""
