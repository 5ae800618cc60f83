"""A Hugging Face checkpoint on disk: its files, looked at before anything is made of them."""
