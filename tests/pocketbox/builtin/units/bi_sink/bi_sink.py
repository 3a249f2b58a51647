"""Writes what it gets to a JSON file, then stops the graph."""
import json
import time
import zlib

import _flowunit as mb
import numpy as np

KEYS = ("width", "height", "width_stride", "height_stride", "channel", "pix_fmt", "layout", "shape", "type", "index",
        "timestamp", "rate_num", "rate_den", "duration", "url", "eos", "rotate_angle", "id", "label", "tag",
        "source_type", "pts", "dts", "time_base", "size", "method", "uri", "headers", "endpoint", "reset_flag",
        "codec_id")
FEW = 64


def plain(value):
    if type(value) in (bool, int, float, str, type(None)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return str(value)


def show(buffer):
    if buffer.has_error():
        return {"error": [buffer.get_error_code(), buffer.get_error_msg()]}
    meta = {}
    for key in KEYS:
        try:
            meta[key] = plain(buffer.get(key))
        except ValueError:
            pass
        except Exception as error:
            meta[key] = type(error).__name__
    seen = {"meta": meta, "bytes": buffer.get_bytes()}
    if buffer.get_bytes():
        array = np.array(buffer, copy=False)
        seen.update(dtype=str(array.dtype), shape=list(array.shape))
        flat = array.reshape(-1)
        if flat.size <= FEW:
            seen["values"] = [round(float(v), 4) for v in flat]
        else:
            seen["crc"] = zlib.crc32(np.ascontiguousarray(array).tobytes())
            seen["mean"] = round(float(array.mean()), 3)
            seen["head"] = [round(float(v), 4) for v in flat[:12]]
    try:
        text = buffer.as_object()
        if isinstance(text, str):
            seen["text"] = text
    except Exception as error:
        seen["text"] = type(error).__name__
    return seen


class BiSink(mb.FlowUnit):
    def open(self, config):
        self.file = config.get_string("file")
        self.streams = config.get_int("streams", 1)
        self.seen = []
        return mb.Status()

    def data_pre(self, data_context):
        stream = {"buffers": []}
        meta = data_context.get_input_meta("in")
        try:
            stream["source_url"] = meta.get_private_string("source_url")
        except Exception:
            pass
        self.seen.append(stream)
        data_context.set_private("stream", stream)
        return mb.Status()

    def process(self, data_context):
        stream = data_context.get_private("stream")
        for buffer in data_context.input("in"):
            stream["buffers"].append(show(buffer))
        return mb.Status.StatusCode.STATUS_SUCCESS

    def data_post(self, data_context):
        self.streams -= 1
        if self.streams:
            return mb.Status()
        with open(self.file, "w", encoding="utf-8") as stream:
            json.dump(self.seen, stream)
        time.sleep(0.1)
        return mb.Status(mb.Status.StatusCode.STATUS_STOP, "all seen")

    def close(self):
        return mb.Status()
