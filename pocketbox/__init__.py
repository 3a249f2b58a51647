"""The embedded engine: runs ModelBox graphs and Python flowunits on a machine without ModelBox.

Knows nothing of helmets or Sedna. `docs/pocketbox.md` is the map.
"""
