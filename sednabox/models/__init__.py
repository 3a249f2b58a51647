"""The work behind `sednabox model`: look.py shows, change.py changes."""
