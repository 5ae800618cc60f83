"""The parts that pages are made of: one class per module, none knows a feature."""
