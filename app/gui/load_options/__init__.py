"""Load options of models: their form, cost in memory, and presets."""
