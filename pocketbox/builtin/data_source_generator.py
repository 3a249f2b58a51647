"""data_source_generator: its own options as the JSON that data_source_parser reads, once, when it opens."""
from __future__ import annotations

from typing import Any

import numpy as np

from .picture import shapeless
from .unit import BAD_CONFIG, BuiltinUnit, Refusal

NODE_KEYS = {"type", "flowunit", "device", "deviceid", "label", "batch_size", "queue_size", "queue_size_event",
             "queue_size_external", "source_type"}


class DataSourceGenerator(BuiltinUnit):
    def configure(self, config: Any) -> None:
        source_type = config.get_string("source_type")
        values = config.values()
        # The values go in as they are, without JSON quoting, as ModelBox writes them.
        pairs = ['"%s":"%s"' % (key, values[key]) for key in sorted(values) if key not in NODE_KEYS]
        if not source_type or not pairs:
            raise Refusal(BAD_CONFIG, "source_type and source config must be set in config. Write source_type=url, "
                          "url=..., url_type=file")
        feed = self.create_external_data()
        buffers = feed.create_buffer_list()
        text = ("{%s}" % ",".join(pairs)).encode("utf-8")
        buffer = shapeless(self.get_bind_device(), np.frombuffer(text, np.uint8), typed=False)
        buffer.set("source_type", source_type)
        buffers.push_back(buffer)
        feed.send(buffers)
        feed.close()

    def work(self, ctx: Any) -> None:
        out = ctx.output("out_data")
        for buffer in ctx.external():
            out.push_back(buffer)
