"""Layouts of models for the writer, made without reading weights."""
