"""The library: download, load, delete."""
