"""The catalog: from a folder of files to what the store offers."""
