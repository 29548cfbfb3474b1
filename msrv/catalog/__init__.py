"""Catalog: the releases and items for sale, from a folder of files."""
