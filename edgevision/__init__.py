"""Pixels and models: frames, detectors, drawing, the scene generator, training.

Knows nothing of engines or Sedna.
"""
