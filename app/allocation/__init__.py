"""The best file of a size: types chosen by measured harm, under a budget of bytes."""
