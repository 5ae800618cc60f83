"""Other engines: OpenAI-compatible servers that a person has added, and what they offer."""
