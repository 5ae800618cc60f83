"""Information about this machine and process: cores, NUMA nodes, memory limits, other load."""
