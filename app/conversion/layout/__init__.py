"""Layouts of models for the writer, weights unread."""
