import base64
import json

import cv2
import numpy as np
import pytest

from edgevision.errors import MediaError
from edgevision.posted import picture_from

PICTURE = np.arange(12 * 16 * 3, dtype=np.uint8).reshape(12, 16, 3)
PNG = cv2.imencode(".png", PICTURE)[1].tobytes()
TEXT = base64.b64encode(PNG)


@pytest.mark.parametrize("data", [
    PNG, TEXT, TEXT[:40] + b"\n" + TEXT[40:], PNG.decode("latin-1").encode("utf-8"),
    json.dumps({"image_base64": TEXT.decode()}).encode(), b"data:image/png;base64," + TEXT,
    json.dumps({"image": "data:image/png;base64," + TEXT.decode()}).encode(),
], ids=["bytes", "base64", "broken lines", "latin-1", "json", "data url", "json with data url"])
def test_all_the_ways_to_post_a_picture(data):
    assert np.array_equal(picture_from(data), PICTURE)


@pytest.mark.parametrize("data, said", [
    (b"", "holds no data"), (b"hello", "are no picture"), (b"{}", "image_base64"), (b"{x", "begins like JSON"),
    (b'{"image": "&&&&"}', "no base64"), (PNG[:30], "are no picture"),
    (b"\xff\xd8\xff\xe0" + b"\0" * 50, "no picture")])
def test_what_is_no_picture_is_told(data, said):
    with pytest.raises(MediaError, match=said):
        picture_from(data)
