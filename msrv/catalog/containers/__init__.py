"""What files say of their own length and kind, by their containers."""
