"""The best file of a size: its choice, its plan and the picture of its types."""
