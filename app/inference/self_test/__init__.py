"""Test the engine on this machine, and find safe settings if it fails."""
