from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from edgevision.detector import Detector
from edgevision.errors import ModelError, TrainingError
from edgevision.estimator import HelmetEstimator
from edgevision.frame import Frame
from edgevision.manifest import Manifest
from edgevision.scenes import Scene, write_dataset

pytestmark = pytest.mark.train
LITTLE = Path(__file__).resolve().parents[2] / "models" / "little"
QUICK = {"steps": "2", "batch_size": "2", "threads": "1"}  # as a worker's environment gives them


class Data:
    def __init__(self, x, y):
        self.x, self.y = x, y


def pictures(count, domain="night", seed=3):
    made = [Scene(seed, domain).picture(k) for k in range(count)]
    return Data([p.bgr for p in made], [np.array(p.labels).reshape(-1, 5) for p in made])


@pytest.fixture
def estimator():
    return HelmetEstimator(model=str(LITTLE), **QUICK)


def test_a_round(estimator, tmp_path):
    index = write_dataset(tmp_path / "data", Scene(3, "night"), 4)
    seen = []
    before = estimator.get_weights()
    summary = estimator.train(str(index), pictures(2), progress=lambda *a: seen.append(a))
    assert summary["pictures"] == 4 and summary["steps"] == 2 and [s[:2] for s in seen] == [(1, 2), (2, 2)]
    assert set(summary["valid"]) == {"precision", "recall", "mAP", "mAP50"}
    assert any(not np.array_equal(before[k], v) for k, v in estimator.get_weights().items())
    path = estimator.save(str(tmp_path / "round 1" / "model.onnx"))
    manifest = Manifest.read(Path(path).parent)
    assert (manifest.model.parent, manifest.model.counter, manifest.model.name) == ("1", 2, "little")
    assert manifest.metrics["evaluated"]["pictures"] == 2 and len(manifest.metrics["evaluated"]["data_sha256"]) == 64
    again = HelmetEstimator(threads=1).load(path)
    assert all(np.array_equal(v, again.get_weights()[k]) for k, v in estimator.get_weights().items())
    with Detector(Path(path).parent, threads=1) as detector:
        picture = pictures(1).x[0]
        assert detector.detect([Frame.from_array(picture)])[0].to_meta() == estimator.predict(picture)


def test_metrics_are_lists_by_class(estimator):
    result = estimator.evaluate(pictures(6, "day"))
    assert [len(result[k]) for k in ("precision", "recall", "mAP", "mAP50")] == [4, 4, 4, 1]
    assert result["mAP50"][0] > 0.7 and all(isinstance(v, float) for values in result.values() for v in values)


def test_predicting_one_or_many(estimator, tmp_path):
    index = write_dataset(tmp_path, Scene(3, "day"), 2)
    one = estimator.predict(str(index.parent / "images" / "000000.jpg"))
    many = estimator.predict(["images/000000.jpg", "images/000001.jpg"], root=str(tmp_path))
    assert many[0] == one and len(many) == 2 and len(one[0]) == 6


def test_weights_in_and_out(estimator):
    weights = estimator.get_weights()
    weights["stem.bias"] = weights["stem.bias"] + 1
    estimator.set_weights(weights)
    assert np.array_equal(estimator.get_weights()["stem.bias"], weights["stem.bias"])
    with pytest.raises(TrainingError, match=r"stem\.weight"):
        estimator.set_weights({k: v for k, v in weights.items() if k != "stem.weight"})


def test_saving_unchanged_keeps_the_name_of_the_model(estimator, tmp_path):
    estimator.save(tmp_path)
    assert Manifest.read(tmp_path).model == Manifest.read(LITTLE).model


def test_a_stopped_round_goes_on(estimator, tmp_path):
    class Stop(Exception):
        pass

    def stop(step, steps, loss):
        if step == 22:
            raise Stop

    data, checkpoint = pictures(3), str(tmp_path / "c.pt")
    options = {"steps": 23, "batch_size": 2, "checkpoint": checkpoint}
    with pytest.raises(Stop):
        estimator.train(data, progress=stop, **options)
    other = HelmetEstimator(model=str(LITTLE), **QUICK)
    assert other.train(data, **options)["resumed_at"] == 20
    assert not Path(checkpoint).exists()


@pytest.mark.parametrize("act, kind, words", [
    (lambda e, p: HelmetEstimator().train(pictures(1)), TrainingError, "load"),
    (lambda e, p: e.load(p / "none.onnx"), ModelError, r"none\.onnx"),
    (lambda e, p: e.train(pictures(1), steps="many"), TrainingError, "steps"),
    (lambda e, p: e.train(pictures(1), batch_size=1), TrainingError, "batch_size"),
    (lambda e, p: e.evaluate(str(p / "none.txt")), TrainingError, r"none\.txt"),
    (lambda e, p: e.predict("none.jpg"), TrainingError, r"none\.jpg"),
])
def test_clear_errors(estimator, tmp_path, act, kind, words):
    with pytest.raises(kind, match=words):
        act(estimator, tmp_path)
