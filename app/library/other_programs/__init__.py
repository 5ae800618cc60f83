"""Models of other programs, found where those keep them and used in place."""
