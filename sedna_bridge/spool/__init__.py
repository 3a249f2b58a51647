"""Where hard examples wait for the cloud: durable, bounded, and gone only when delivered or dropped with a reason."""

from sedna_bridge.spool.courier import Courier
from sedna_bridge.spool.entry import Entry
from sedna_bridge.spool.limits import Limits
from sedna_bridge.spool.offer import Offer
from sedna_bridge.spool.spool import Spool
from sedna_bridge.spool.survey import survey

__all__ = ["Courier", "Entry", "Limits", "Offer", "Spool", "survey"]
