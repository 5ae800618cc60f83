"""The Hugging Face Hub: names, facts about a repository, and downloads that can be resumed."""
