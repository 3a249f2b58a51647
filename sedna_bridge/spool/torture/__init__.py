"""Kills real processes in the middle of everything and counts what is left: `sednabox spool torture`."""

from sedna_bridge.spool.torture.rig import STEPS, Torture

__all__ = ["STEPS", "Torture"]
