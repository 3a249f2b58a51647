"""Sedna's side of the house: its contract, hard examples, spool, model store, jobs and workers.

Speaks Sedna's wire format; imports neither Sedna's library nor any engine.
"""
