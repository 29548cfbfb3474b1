"""Open connections: accepting, limiting, serving and closing them."""
