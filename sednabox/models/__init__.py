"""The work behind `sednabox model`: look.py shows, change.py changes, probe.py is the child process of a test load."""
