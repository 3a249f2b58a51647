"""What there is: name, class, ports, kind and options of each built-in unit, as ModelBox's descriptors give them."""
from __future__ import annotations

import importlib
from typing import Any, Callable, NamedTuple

from ..descriptor import Descriptor, Port

VERSION = "1.0.0"
NORMAL, STREAM = False, True


SEES_ERRORS = ("httpserver_sync_reply",)     # it tells the client, where ModelBox leaves it waiting


class Option(NamedTuple):
    """One option as editors show it; `values` are the choices of a list."""

    name: str
    type: str
    default: str
    required: bool = False
    desc: str = ""
    values: tuple[str, ...] = ()


class Unit(NamedTuple):
    """One row. `entry` is module@Class below this package."""

    name: str
    entry: str
    group: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    stream: bool
    desc: str
    options: tuple[Option, ...] = ()


SCALINGS = ("inter_nearest", "inter_linear", "inter_cubic", "inter_area", "inter_lanczos4", "inter_max",
            "warp_fill_outliers", "warp_inverse_map")
TLS = (
    Option("cert", "string", "", desc="file with the certificate (PEM); with it the server speaks TLS"),
    Option("key", "string", "", desc="file with the private key (PEM)"),
    Option("passwd", "string", "", desc="password of the private key"),
    Option("key_pass", "string", "", desc="key of an encrypted password (real engine only)"),
)

UNITS = (
    Unit("base64_decoder", "base64_decoder@Base64Decoder", "Image", ("in_data",), ("out_data",), NORMAL,
         "Decodes base64 text, bare or under a key of a JSON object."),
    Unit("buff_meta_mapping", "meta_mapping@BuffMetaMapping", "Image", ("in_data",), ("out_data",), STREAM,
         "Copies one meta value under another name; rules replace values.", (
             Option("src_meta", "string", "", True, "the meta to read"),
             Option("dest_meta", "string", "", True, "the meta to write"),
             Option("rules", "string", "", desc="old=new pairs, joined by commas"))),
    Unit("color_convert", "color_convert@ColorConvert", "Image", ("in_image",), ("out_image",), NORMAL,
         "Converts between rgb, bgr and gray.", (
             Option("out_pix_fmt", "list", "bgr", True, "colour of the output", ("bgr", "gray", "rgb")),)),
    Unit("crop", "crop@Crop", "Image", ("in_image", "in_region"), ("out_image",), NORMAL,
         "Cuts a region (x, y, width, height as int32) out of each picture."),
    Unit("data_source_generator", "data_source_generator@DataSourceGenerator", "Input", (), ("out_data",), NORMAL,
         "Puts out its own options as JSON for data_source_parser."),
    Unit("data_source_parser", "data_source_parser@DataSourceParser", "Input", ("in_data",), ("out_video_url",), STREAM,
         "Finds the address of a video: given as it is (url), or asked from a server (restful).", (
             Option("retry_enable", "bool", "false", desc="whether a lost source is opened again"),
             Option("retry_interval_ms", "int", "1000", desc="how long to wait before"),
             Option("retry_count_limit", "int", "-1", desc="how often; -1 is for ever"))),
    Unit("draw_bbox", "draw_bbox@DrawBbox", "Image", ("in_image", "in_region"), ("out_image",), NORMAL,
         "Draws boxes (x, y, w, h as float32, category as int32, score as float32) on each picture."),
    Unit("httpserver_async", "httpserver_async@HttpServerAsync", "Input", (), ("out_request_info",), NORMAL,
         "An HTTP server that answers 202 at once and hands each request on.", (
             Option("endpoint", "string", "https://127.0.0.1:8080", True, "where to listen"),
             Option("max_requests", "integer", "1000", True, "requests on their way at the same time"),
             Option("keepalive_timeout_sec", "integer", "200", desc="how long an idle connection stays open"), *TLS)),
    Unit("httpserver_sync_receive", "httpserver_sync@HttpServerReceive", "Input", (), ("out_request_info",), NORMAL,
         "An HTTP server that hands each request on; httpserver_sync_reply answers it.", (
             Option("endpoint", "string", "https://127.0.0.1:8080", True, "where to listen"),
             Option("max_requests", "integer", "1000", desc="requests on their way at the same time"),
             Option("keepalive_timeout_sec", "integer", "200", desc="how long an idle connection stays open"),
             Option("time_out_ms", "integer", "5000", desc="how long a request waits for its answer"), *TLS)),
    Unit("httpserver_sync_reply", "httpserver_sync@HttpServerReply", "Output", ("in_reply_info",), (), STREAM,
         "Answers the request of this session with the buffer that it gets."),
    Unit("image_decoder", "image_decoder@ImageDecoder", "Image", ("in_encoded_image",), ("out_image",), NORMAL,
         "Decodes JPEG, PNG and the like.", (
             Option("pix_fmt", "string", "bgr", True, "bgr, rgb or nv12"),)),
    Unit("image_rotate", "image_rotate@ImageRotate", "Image", ("in_image",), ("out_image",), NORMAL,
         "Turns pictures by 90, 180 or 270 degrees clockwise.", (
             Option("rotate_angle", "int", "0", desc="the angle; without it the picture's own meta decides"),)),
    Unit("mean", "channels@Mean", "Image", ("in_data",), ("out_data",), NORMAL,
         "Subtracts one value per plane; gives float32.", (
             Option("mean", "string", "", True, "three numbers, joined by commas"),)),
    Unit("normalize", "channels@Normalize", "Image", ("in_data",), ("out_data",), NORMAL,
         "Multiplies by one value per plane; gives float32.", (
             Option("standard_deviation_inverse", "string", "", True, "three numbers, joined by commas"),)),
    Unit("output_broker", "output_broker@OutputBroker", "Output", ("in_output_info",), (), STREAM,
         "Sends each buffer to the webhooks that the session's configuration names."),
    Unit("packed_planar_transpose", "transpose@PackedPlanarTranspose", "Image", ("in_image",), ("out_image",), NORMAL,
         "Turns pixels (height, width, channel) into planes (channel, height, width)."),
    Unit("padding", "padding@Padding", "Image", ("in_image",), ("out_image",), NORMAL,
         "Scales each picture into a given size and fills the rest.", (
             Option("image_width", "int", "0", True, "width of the output"),
             Option("image_height", "int", "0", True, "height of the output"),
             Option("vertical_align", "list", "top", desc="where the picture lies", values=("top", "center", "bottom")),
             Option("horizontal_align", "list", "left", desc="where the picture lies",
                    values=("left", "center", "right")),
             Option("padding_data", "string", "0,0,0", desc="the filling colour"),
             Option("need_scale", "bool", "true", desc="whether the picture is scaled to fit"),
             Option("interpolation", "list", "inter_linear", desc="checked only; the scaling is linear",
                    values=("inter_nn", "inter_linear", "inter_cubic", "inter_super", "inter_lanczos")))),
    Unit("resize", "resize@Resize", "Image", ("in_image",), ("out_image",), NORMAL,
         "Scales pictures to a given size.", (
             Option("image_width", "int", "640", True, "width of the output"),
             Option("image_height", "int", "480", True, "height of the output"),
             Option("interpolation", "list", "inter_linear", True, "how pixels are interpolated", SCALINGS))),
    Unit("video_decoder", "video_decoder@VideoDecoder", "Video", ("in_video_packet",), ("out_video_frame",), STREAM,
         "Decodes packets into frames.", (
             Option("pix_fmt", "list", "0", True, "colour of the frames", ("bgr", "nv12", "rgb")),)),
    Unit("video_demuxer", "video_demuxer@VideoDemuxer", "Video", ("in_video_url",), ("out_video_packet",), STREAM,
         "Opens a file or a stream and puts out its packets."),
    Unit("video_encoder", "video_encoder@VideoEncoder", "Video", ("in_video_frame",), (), STREAM,
         "Encodes frames into a file or to an RTSP server.", (
             Option("default_dest_url", "string", "", True, "where to write, unless the stream has a dest_url"),
             Option("format", "list", "rtsp", True, "container or protocol", ("flv", "mp4", "rtsp")),
             Option("encoder", "string", "mpeg4", True, "name of the FFmpeg encoder"))),
    Unit("video_input", "video_input@VideoInput", "Video", (), ("out_video_url",), NORMAL,
         "Hands the address of a video to video_demuxer.", (
             Option("source_url", "string", "", True, "a file or a URL"),)),
)


def _factory(entry: str) -> Callable[[], Any]:
    module, _, name = entry.partition("@")
    return lambda: getattr(importlib.import_module("." + module, __package__), name)()


def describe(unit: Unit) -> Descriptor:
    """The descriptor of one row."""
    descriptor = Descriptor(unit.name, "cpu", "builtin")
    descriptor.version = VERSION
    descriptor.description = unit.desc
    descriptor.group_type = unit.group
    descriptor.stream = unit.stream
    descriptor.exception_visible = unit.name in SEES_ERRORS
    descriptor.inputs = [Port(name, "cpu") for name in unit.inputs]
    descriptor.outputs = [Port(name, "cpu") for name in unit.outputs]
    descriptor.factory = _factory(unit.entry)
    descriptor.options = [_option(option) for option in unit.options]
    return descriptor


def _option(option: Option) -> dict[str, Any]:
    row: dict[str, Any] = {"name": option.name, "type": option.type, "default": option.default, "desc": option.desc,
                           "required": option.required}
    if option.values:
        row["values"] = {value: value for value in option.values}
    return row
