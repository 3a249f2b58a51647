"""Sedna's LocalController on one machine (`controller`), and a worker's side of any LocalController (`client`)."""
