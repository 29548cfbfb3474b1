"""Length and kind of files, as their containers state them."""
