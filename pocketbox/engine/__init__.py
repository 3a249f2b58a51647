"""Scheduling: nodes, the streams that flow between them, and the threads that run them."""
