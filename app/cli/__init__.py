"""The verbs of the command line: each module declares its arguments and runs the work."""
