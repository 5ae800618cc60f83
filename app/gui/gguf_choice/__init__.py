"""Choice among the GGUF files of a repository, before any is downloaded."""
