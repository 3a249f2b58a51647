"""Answers a request with what it saw of it; some bodies ask for trouble."""
import json
import time

import _flowunit as mb

KEYS = ("size", "method", "uri", "headers", "endpoint", "shape", "type")


class BiHttp(mb.FlowUnit):
    def open(self, config):
        return mb.Status()

    def process(self, data_context):
        for buffer in data_context.input("in"):
            seen = {}
            for key in KEYS:
                try:
                    value = buffer.get(key)
                    seen[key] = value if type(value) in (int, str, dict, list) else str(value)
                except Exception as error:
                    seen[key] = type(error).__name__
            try:
                body = buffer.as_object()
                seen["body"] = body if isinstance(body, str) else str(type(body))
            except Exception as error:
                body, seen["body"] = "", type(error).__name__
            if body == "fail":
                raise ValueError("asked to fail")
            if body == "fault":
                return mb.Status(mb.Status.StatusCode.STATUS_FAULT, "it went wrong")
            if str(body).startswith("sleep"):
                time.sleep(float(body[5:]))
            if body == "empty":
                data_context.output("out").push_back(mb.Buffer(self.get_bind_device(), b""))
                continue
            data_context.output("out").push_back(mb.Buffer(self.get_bind_device(), json.dumps(seen)))
        return mb.Status.StatusCode.STATUS_SUCCESS

    def close(self):
        return mb.Status()
