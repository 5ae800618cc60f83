"""Processes, machines and data folders of tests."""
