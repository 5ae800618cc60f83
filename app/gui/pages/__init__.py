"""The pages, one package each; they don't know each other."""
