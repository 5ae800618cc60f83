"""The library: download, load and delete models."""
