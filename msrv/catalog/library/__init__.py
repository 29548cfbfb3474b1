"""From the files of a library to its catalog."""
