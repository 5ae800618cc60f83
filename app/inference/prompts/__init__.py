"""Prompts: conversations rendered by the model's chat template, in a sandboxed child."""
