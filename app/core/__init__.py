"""Values and rules that every other package shares; imports nothing else of ours."""
