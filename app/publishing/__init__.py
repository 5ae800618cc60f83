"""Publishing of models on the Hub: what is uploaded, its card, and the upload itself."""
