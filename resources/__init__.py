"""Files that the program shows: icons and texts."""
