"""This machine and this process: cores, NUMA nodes, memory limits, other programs' load."""
