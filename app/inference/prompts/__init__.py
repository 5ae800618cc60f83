"""Render conversations into prompts with the model's chat template, in a sandboxed process."""
