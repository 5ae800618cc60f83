"""The window's half of the pipe: child processes, the engine, and the engine's HTTP client."""
