"""Everything that edgevision can raise.

VisionError
  FrameError      the pixels are not what their description says
  ManifestError   a model's manifest is wrong, or does not fit the model
  ModelError      a model cannot be loaded or gives nonsense
  MediaError      a video, picture or stream cannot be read or written
  SceneError      the scene generator was asked for what it does not have
  TrainingError   a round of training or evaluation cannot be done
"""
from __future__ import annotations


class VisionError(Exception):
    """Base of all errors of edgevision; catch this to catch them all."""


class FrameError(VisionError):
    """Raised when pixels do not fit their format, size or strides."""


class ManifestError(VisionError):
    """Raised when a manifest is wrong or missing, or does not fit its model."""


class ModelError(VisionError):
    """Raised when a model cannot be loaded, or when what it returns makes no sense."""


class MediaError(VisionError):
    """Raised when media cannot be opened, read or written."""


class SceneError(VisionError):
    """Raised when a scene, domain or dataset is asked for that cannot be drawn."""


class TrainingError(VisionError):
    """Raised when training, evaluation or export cannot be done."""
