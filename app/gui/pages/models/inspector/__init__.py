"""A model's page: facts, metadata that can be changed, tensors and the chat template."""
