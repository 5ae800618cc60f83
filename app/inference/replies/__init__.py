"""Parse replies as they stream: reasoning, content and tool calls."""
