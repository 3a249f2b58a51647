"""Every figure that the docs quote, each with its ceiling. `python -m bench` runs all, `python -m bench NAME` one."""
