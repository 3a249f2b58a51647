"""Puts out the buffers that a JSON file describes: those of the list `out`, and beside them those of `side`."""
import base64
import json

import _flowunit as mb
import numpy as np


def make(device, spec):
    if "text" in spec:
        buffer = mb.Buffer(device, spec["text"])
    elif "b64" in spec:
        buffer = mb.Buffer(device, base64.b64decode(spec["b64"]))
    elif "data" in spec:
        buffer = mb.Buffer(device, np.array(spec["data"], spec["dtype"]))
    else:
        count = int(np.prod(spec["shape"]))
        array = ((np.arange(count) * 7 + spec.get("seed", 0) * 11) % 251).astype(spec.get("dtype", "uint8"))
        if "value" in spec:
            array[:] = spec["value"]
        buffer = mb.Buffer(device, array.reshape(spec["shape"]))
    for key, value in spec.get("meta", {}).items():
        buffer.set(key, value)
    return buffer


class BiSource(mb.FlowUnit):
    def open(self, config):
        with open(config.get_string("file"), encoding="utf-8") as stream:
            self.buffers = json.load(stream)
        feed = self.create_external_data()
        for key, value in self.buffers.get("session", {}).items():
            feed.get_session_config().set(key, value)
        buffers = feed.create_buffer_list()
        buffers.push_back(np.zeros(1, np.uint8))
        feed.send(buffers)
        feed.close()
        return mb.Status()

    def data_pre(self, data_context):
        if "stream" in self.buffers:
            meta = mb.DataMeta()
            for key, value in self.buffers["stream"].items():
                meta.set_private_string(key, value)
            data_context.set_output_meta("out", meta)
        return mb.Status()

    def process(self, data_context):
        for port in ("out", "side"):
            for spec in self.buffers.get(port, []):
                data_context.output(port).push_back(make(self.get_bind_device(), spec))
        return mb.Status.StatusCode.STATUS_SUCCESS

    def data_post(self, data_context):
        return mb.Status()

    def close(self):
        return mb.Status()
