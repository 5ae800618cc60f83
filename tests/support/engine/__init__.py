"""Engines, servers, templates and requests, and llama.cpp's own programs."""
