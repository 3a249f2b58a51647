"""Heads: how the numbers that a model puts out become boxes. Each layout of the common detectors has one.

  yolov8    (b, 4 + classes, n): centre, size, scores           YOLOv8, 11, 12; our own models
  yolov5    (b, n, 5 + classes): centre, size, objectness, scores; several or 5-d outputs are read as one
                                                                YOLOv5, v6, v7, decoded YOLOX, Sedna's big helmet net
  yolov7    the same; with one class the objectness alone is the score    YOLOv7
  yolov3    three raw maps of 3 * (5 + classes) channels         YOLOv3, Sedna's helmet example as it is trained
  yolov3_nms  classes (n), scores (n), boxes (n, 4) of one picture   Sedna's helmet example as it is deployed
  yolox     (b, n, 5 + classes): raw offsets, log sizes, ready scores    YOLOX
  end2end   (b, n, 6): corners, score, class; or (n, 7)          YOLOv10, YOLOv7 with its NMS
  yolonas   corners and scores, raw or after NMS                 YOLO-NAS
  rtdetr    (b, n, 6): centre and size in 0..1, score, class     RT-DETR of Ultralytics since 8.4
  detr      boxes 0..1 and logits; or labels, boxes, scores      DETR, RT-DETR

A head is made for one model: it gets the classes and the size of the input, checks the shapes that the model
declares, and turns outputs into a `Found` for each picture of the batch, in input pixels.
"""
from __future__ import annotations

from edgevision.errors import ManifestError
from edgevision.heads.base import Found, Head, HeadSpec
from edgevision.heads.detr import Detr
from edgevision.heads.end2end import End2End
from edgevision.heads.rtdetr import RtDetr
from edgevision.heads.yolonas import YoloNas
from edgevision.heads.yolov3 import YoloV3
from edgevision.heads.yolov3_nms import YoloV3Nms
from edgevision.heads.yolov5 import YoloV5, YoloV7
from edgevision.heads.yolov8 import YoloV8
from edgevision.heads.yolox import YoloX

HEADS: dict[str, type[Head]] = {head.name: head for head in (
    YoloV3, YoloV3Nms, YoloV5, YoloV7, YoloV8, YoloX, YoloNas, End2End, RtDetr, Detr)}
HEADS["yolo11"] = YoloV8


def head_of(name: str, spec: HeadSpec) -> Head:
    """The head of that name for a model; ManifestError when there is none."""
    if name not in HEADS:
        raise ManifestError("[output] head: expected one of %s, got %r" % (", ".join(HEADS), name))
    return HEADS[name](spec)


__all__ = ["HEADS", "Found", "Head", "HeadSpec", "head_of"]
