"""Gristmill: from a Hugging Face repository to a GGUF file to a reply, on your own machine."""

__version__ = "0.1.0"
