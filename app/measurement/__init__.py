"""What a model really gives: how well it predicts a text, how fast it is, the memory it takes."""
