"""The HTTP client of the chat: requests to OpenAI-compatible servers."""
