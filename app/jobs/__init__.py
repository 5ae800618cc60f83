"""Child processes: how one is started, what it says over the pipe, how it ends."""
