"""Child processes: start, events over the pipe, and end."""
