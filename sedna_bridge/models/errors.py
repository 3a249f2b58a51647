"""What can go wrong with models, by what the caller should do about it.

BridgeError
  ModelError
    StoreError          the store itself: unknown version, damaged blob, full disk
      StoreBusy         another process holds what is needed; try again
    SourceError         the place that models come from does not answer; try again later
    RejectedModel       these bytes must not run, now or later, unless a person asks again
      BadArchive
      BadModelFile
      BadSignature
"""

from __future__ import annotations

from ..errors import BridgeError


class ModelError(BridgeError):
    """Raised when something about a model or the model store is not as it must be."""


class StoreError(ModelError):
    """Raised when the model store cannot do what it was asked."""


class StoreBusy(StoreError):
    """Raised when another process holds a lock for longer than the caller wants to wait."""


class SourceError(ModelError):
    """Raised when a source of models cannot be reached or gives nothing usable yet; later it may."""


class RejectedModel(ModelError):
    """Raised when a model must not be used; the same bytes are not tried again unless asked."""


class BadArchive(RejectedModel):
    """Raised when an archive holds more, or other things, than a model folder may hold."""


class BadModelFile(RejectedModel):
    """Raised when a model file is cut, alien, or reaches outside its folder."""


class BadSignature(RejectedModel):
    """Raised when a signature is missing, wrong, expired, or older than what the store has seen."""
