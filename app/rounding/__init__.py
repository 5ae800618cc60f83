"""Round matrices onto ggml's grids so that their outputs stay close, not only their weights."""
