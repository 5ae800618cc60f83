"""Hugging Face Hub: names and contents of repositories, and resumable downloads."""
