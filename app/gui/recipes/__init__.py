"""Types of tensors, saved as lists."""
