"""`/v1/responses`: its request, its input items and its output."""
