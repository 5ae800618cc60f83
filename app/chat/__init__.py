"""Conversations: trees of messages, stored in an SQLite file and exported on request."""
