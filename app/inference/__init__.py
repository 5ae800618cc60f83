"""A model that answers: llama.cpp's session, prompts, sampling, the OpenAI-compatible server."""
