"""Pages of the window, one package each, independent of each other."""
