"""The verbs of the command line: each module declares its arguments and does the work."""
