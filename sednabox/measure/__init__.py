"""How fast a graph that sees is, beside the ceiling of its parts on the same cores, and beside the plain loop."""
