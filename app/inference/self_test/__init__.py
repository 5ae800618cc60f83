"""The test of the engine on this machine, and the safe settings when it fails."""
