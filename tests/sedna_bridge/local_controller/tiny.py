"""A tiny estimator in numpy: it learns the mean brightness of each class's pictures. Its model is a JSON text."""

import json
import os
import time

import numpy as np


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


class Tiny:
    def __init__(self, **kwargs):
        self.weights = {"means": {}, "rounds": 0}

    def train(self, train_data, valid_data=None, progress=None, **kwargs):
        if os.environ.get("TINY_HANG"):
            time.sleep(3600)
        if os.environ.get("TINY_CRASH_UNTIL"):
            marker = os.environ["TINY_CRASH_UNTIL"]
            count = int(read(marker)) if os.path.exists(marker) else 0
            if count > 0:
                write(marker, str(count - 1))
                os._exit(9)
        if os.environ.get("TINY_EAT"):
            np.ones(int(os.environ["TINY_EAT"]), np.uint8)
            time.sleep(30)
        time.sleep(float(os.environ.get("TINY_SLEEP", "0")))
        for number in range(3):
            progress(number + 1, 3, "tiny")
        quality = len(train_data)
        if any("poison" in os.path.basename(name) for name in train_data.x):
            quality = -1
        self.weights = {"quality": self.weights.get("quality", 0) + quality, "rounds": self.weights["rounds"] + 1}
        return {"loss": 1.0 / (1 + len(train_data))}

    def evaluate(self, data, model_path="", class_names=(), **kwargs):
        quality = self.weights.get("quality", 0)
        score = max(0.0, 1 - 1 / (1 + max(0, quality) / 10)) if quality >= 0 else 0.0
        return {"precision": [score, score], "recall": np.array([score, score])}

    def predict(self, data, **kwargs):
        return []

    def load(self, model_url, **kwargs):
        self.weights = json.loads(read(model_url))

    def save(self, model_path, **kwargs):
        broken = {"empty": "", "text": "{ this is no model"}
        write(model_path, broken.get(os.environ.get("TINY_BROKEN"), json.dumps(self.weights)))
        return model_path

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights
