"""Child processes of the window, and the tasks that they run."""
