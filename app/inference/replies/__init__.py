"""Replies parsed as they stream: reasoning, content and tool calls."""
