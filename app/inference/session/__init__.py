"""A loaded model at work: slots, the prompt cache, generation, and the thread that owns them."""
