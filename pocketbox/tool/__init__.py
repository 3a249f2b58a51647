"""modelbox-tool for machines without ModelBox: the same options, on the embedded engine."""
