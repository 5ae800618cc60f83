"""llama.cpp's own libraries: loading them, their log, and ggml's quantization."""
