"""Measure with gradients how much errors in a checkpoint's weights would matter."""
