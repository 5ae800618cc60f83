"""Render conversations to prompts with the model's chat template, in a sandboxed child process."""
