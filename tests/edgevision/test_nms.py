import numpy as np
import pytest

from edgevision.nms import nms, overlaps


def naive(boxes, scores, classes, threshold):
    """One box after the other, as a textbook writes it."""
    def iou(a, b):
        w = min(a[2], b[2]) - max(a[0], b[0])
        h = min(a[3], b[3]) - max(a[1], b[1])
        both = max(w, 0) * max(h, 0)
        union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
        return both / union if union > 0 else 0.0
    kept = []
    for k in sorted(range(len(scores)), key=lambda k: (-scores[k], k)):
        if all(classes[k] != classes[j] or iou(boxes[k], boxes[j]) <= threshold for j in kept):
            kept.append(k)
    return kept


@pytest.mark.parametrize("count", [0, 1, 2, 50, 600])
@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.7, 1.0])
def test_equals_the_textbook(count, threshold):
    rng = np.random.default_rng(count)
    corner = rng.integers(0, 60, (count, 2)).astype(float)
    boxes = np.concatenate([corner, corner + rng.integers(1, 40, (count, 2))], 1)
    scores = rng.integers(0, 50, count) / 50
    classes = rng.integers(0, 3, count)
    assert nms(boxes, scores, classes, threshold).tolist() == naive(boxes, scores, classes, threshold)
    assert nms(boxes, scores, classes, threshold, 5).tolist() == naive(boxes, scores, classes, threshold)[:5]


def test_boxes_without_area_do_not_divide_by_zero():
    boxes = np.zeros((3, 4))
    assert overlaps(boxes, boxes).tolist() == np.zeros((3, 3)).tolist()
    assert nms(boxes, np.ones(3), np.zeros(3), 0.5).tolist() == [0, 1, 2]
