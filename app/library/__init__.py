"""The models, checkpoints and unfinished downloads on this machine."""
