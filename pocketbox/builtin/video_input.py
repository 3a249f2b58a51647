"""video_input: hands the address of a video to video_demuxer, as meta of the stream."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..sdk.private import DataMeta
from .picture import shapeless, zero_byte
from .unit import BuiltinUnit, unsigned


class VideoInput(BuiltinUnit):
    """`repeat` plays the source so many times, each time as a session of its own."""

    def configure(self, config: Any) -> None:
        url = config.get_string("source_url")
        for _ in range(unsigned(config, "repeat", 1)):
            feed = self.create_external_data()
            meta = DataMeta()
            meta.set_private_string("source_url", url)
            feed.set_output_meta(meta)
            buffers = feed.create_buffer_list()
            buffers.push_back(np.frombuffer(url.encode("utf-8") + b"\0", np.uint8))
            feed.send(buffers)
            feed.close()

    def work(self, ctx: Any) -> None:
        ctx.output("out_video_url").push_back(shapeless(self.get_bind_device(), zero_byte(), typed=False))
