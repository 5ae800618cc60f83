"""llama.cpp's converter: its installation, its environment, and the bridge to it."""
