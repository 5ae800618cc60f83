"""What a model will take before it is loaded: size, memory, layers that fit."""
