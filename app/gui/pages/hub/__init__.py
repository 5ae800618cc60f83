"""Search the Hub, look at a repository, and get its model."""
