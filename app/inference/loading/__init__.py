"""Loading a model: engine parameters, fallbacks when memory runs out, the memory it took."""
