"""The verbs: each module parses its arguments, runs the work and reports how it goes."""
