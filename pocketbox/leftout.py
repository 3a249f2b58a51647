"""What ModelBox has and the embedded engine leaves out on purpose, so that an error can say so."""
from __future__ import annotations

from typing import Sequence

_DEVICES = {
    "cuda": "NVIDIA GPUs", "ascend": "Huawei Ascend", "rockchip": "Rockchip", "rknpu": "Rockchip",
}
_UNITS = {
    "image_preprocess": "needs an NVIDIA GPU",
    "local_camera": "is for Rockchip boards", "rk_cpuimg": "is for Rockchip boards",
    "video_out": "is for Rockchip boards",
    "dlengine_inference": "needs Huawei's dlengine",
    "yolov3_postprocess": "is a YOLO box unit in C++", "yolov5_postprocess": "is a YOLO box unit in C++",
    "obs_source_parser": "reads from a vendor's cloud", "vcn_source_parser": "reads from a vendor's cloud",
    "vcn_restful_source_parser": "reads from a vendor's cloud", "vis_source_parser": "reads from a vendor's cloud",
    "dis_output_broker": "writes to a vendor's cloud", "obs_output_broker": "writes to a vendor's cloud",
    "java": "runs Java",
}


def why_left_out(name: str, devices: Sequence[str] = ()) -> str:
    """Why the embedded engine has no such unit, or "" when it is no unit of ModelBox that we know of."""
    if name in _UNITS:
        return f"ModelBox's {name} {_UNITS[name]}; the embedded engine leaves it out, the real engine may have it"
    for device in devices:
        if device in _DEVICES:
            return (f"Units for {_DEVICES[device]} (device {device}) run on the real engine only; "
                    f"the embedded one runs device=cpu")
    return ""
