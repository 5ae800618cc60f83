"""HTTP client of the chat for OpenAI-compatible servers."""
