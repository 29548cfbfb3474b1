"""Storage: where the library's bytes live, and how they are opened."""
