"""How a model is laid over devices and memory: the options, what they cost, what fits."""
