"""The conversations: a tree of messages each, kept in one SQLite file, exported on request."""
