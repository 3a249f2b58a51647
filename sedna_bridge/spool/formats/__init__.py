"""The formats in which labels leave and come back. Each module has `write(items, folder, classes)` and `read`."""

from sedna_bridge.spool.formats import coco, label_studio, sedna, voc, yolo
from sedna_bridge.spool.formats.annotated import Annotated, LabelBox

FORMATS = {"sedna": sedna, "coco": coco, "voc": voc, "yolo": yolo, "label-studio": label_studio}

__all__ = ["FORMATS", "Annotated", "LabelBox"]
