"""Building sites drawn from a seed: the project's camera for demos, tests and training.

These are drawings, not photographs. They have what the learning loop needs (people, helmets, exact labels, a world
that drifts), and a model trained on them knows drawings only.
"""
from edgevision.scenes.camera import Camera, CameraFrame
from edgevision.scenes.canvas import Label
from edgevision.scenes.dataset import from_line, to_line, write_dataset, write_video
from edgevision.scenes.domain import PRESETS, Domain, Schedule, domain_of
from edgevision.scenes.people import CLASSES
from edgevision.scenes.scene import SIZE, VERSION, Picture, Scene

__all__ = ["CLASSES", "PRESETS", "SIZE", "VERSION", "Camera", "CameraFrame", "Domain", "Label", "Picture", "Scene",
           "Schedule", "domain_of", "from_line", "to_line", "write_dataset", "write_video"]
