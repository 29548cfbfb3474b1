"""The pages: what a visitor does, each a handler of a few lines."""
