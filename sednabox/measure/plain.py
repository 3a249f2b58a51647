"""The loop that everybody writes, as in Sedna's helmet example: one thread, one step after the other, every frame.

OpenCV reads and turns the frame into RGB at full size, letterboxes it, onnxruntime runs with its defaults, boxes are
drawn. It judges with the same model and the same reading of the outputs.
"""
from __future__ import annotations

import time

import cv2
import numpy as np
import onnxruntime

from edgevision.detector import Detector
from edgevision.draw import draw
from edgevision.errors import MediaError
from edgevision.letterbox import fit


def plain_loop(video: str, detector: Detector, seconds: float, threads: int = 0) -> float:
    """Frames a second of the plain loop; `threads` of onnxruntime and of OpenCV's decoder, 0 for their own choice."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(detector.path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    spec = detector.manifest.input
    frames, began = 0, 0.0
    while not began or time.perf_counter() - began < seconds:
        capture = cv2.VideoCapture(video, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads] if threads else [])
        while True:
            good, bgr = capture.read()
            if not good:
                break
            height, width = bgr.shape[:2]
            place = fit(width, height, spec.width, spec.height)
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            canvas = np.full((spec.height, spec.width, 3), spec.fill, np.uint8)
            canvas[place.top:place.top + place.height, place.left:place.left + place.width] = cv2.resize(
                rgb, (place.width, place.height))
            tensor = (canvas.astype(np.float32) / 255.0).transpose(2, 0, 1)[None]
            found = detector.read(session.run(None, {name: np.ascontiguousarray(tensor)}), [place])[0]
            draw(bgr, found, detector.classes, "sedna")
            frames += 1
            if not began:
                began, frames = time.perf_counter(), 0  # the first frame warms up
            if time.perf_counter() - began >= seconds:
                break
        capture.release()
        if not began:
            raise MediaError("%s: OpenCV reads no frame from it" % video)
    return frames / (time.perf_counter() - began)
