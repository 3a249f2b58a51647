import numpy as np
import pytest

from edgevision.errors import TrainingError
from edgevision.letterbox import InputSpec, fit
from edgevision.scenes import Scene, write_dataset
from edgevision.scenes.dice import Dice
from edgevision.training.samples import laid, mixture, read_samples, varied

SPEC = InputSpec(640, 352)


class Data:
    def __init__(self, x, y):
        self.x, self.y = x, y


def test_from_a_text_file_with_a_picture_that_is_gone(tmp_path):
    index = write_dataset(tmp_path, Scene(1, "day", (320, 176)), 3)
    (tmp_path / "images" / "000001.jpg").unlink()
    samples = read_samples(str(index))
    assert len(samples) == 2 and samples.skipped == ["images/000001.jpg"]
    moved = tmp_path / "elsewhere.txt"
    moved.write_text(index.read_text(encoding="utf-8"), encoding="utf-8")
    assert len(read_samples(moved, root=str(tmp_path))) == 2


def test_from_an_object():
    picture = np.zeros((10, 20, 3), np.uint8)
    samples = read_samples(Data([picture, picture], [[[1, 2, 3, 4, 0]], []]))
    assert [len(rows) for rows in samples.labels] == [1, 0]


@pytest.mark.parametrize("data, words", [
    (5, "lists x"), (Data([1], []), "labels for each"),
    (Data(["gone.jpg"], [[]]), r"none of the 1 pictures.*gone\.jpg"),
    (Data([np.zeros((4, 4, 3), np.uint8)], [[[1, 2, 3, 4, 9]]]), "picture 0"),
    (Data([np.zeros((4, 4, 3), np.uint8)], [[[1, 2, 3]]]), "picture 0"), ("/no/such/file.txt", "file.txt")])
def test_samples_that_make_no_sense(data, words):
    with pytest.raises(TrainingError, match=words):
        read_samples(data)


def test_labels_go_where_the_letterbox_goes():
    picture = np.zeros((720, 1280, 3), np.uint8)
    picture[200:400, 300:500] = 255
    out, rows = laid(picture, np.array([[300, 200, 500, 400, 2]], np.float32), SPEC)
    want = fit(1280, 720, 640, 352).to_input(np.array([[300, 200, 500, 400]]))[0]
    assert np.allclose(rows[0, :4], want, atol=1e-3) and rows[0, 4] == 2
    assert out[0, 0].tolist() == [128] * 3  # the fill beside the picture
    assert out[int(want[1]) + 3, int(want[0]) + 3, 0] == 255 and out[int(want[1]) - 3, int(want[0]) - 3, 0] == 0


def test_varied_labels_stay_on_their_object():
    picture = np.full((352, 640, 3), 10, np.uint8)
    picture[100:200, 200:300] = 240
    for seed in range(20):
        out, rows = varied(picture, np.array([[200, 100, 300, 200, 1]], np.float32), SPEC, Dice(seed))
        ys, xs = np.nonzero(out[:, :, 0] > 180)
        assert np.abs(rows[0, :4] - [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]).max() <= 2


def test_a_mixture_holds_every_new_picture_and_the_share_of_old_ones():
    samples = read_samples(Data([np.full((352, 640, 3), k, np.uint8) for k in range(10)], [[]] * 10))
    old = []

    def remember(number):
        old.append(number)
        return np.full((352, 640, 3), 255, np.uint8), np.zeros((0, 5), np.float32)

    sample = mixture(samples, SPEC, 1, 0.4, remember)
    [sample(k) for k in range(100)]
    assert old == list(range(40))
    again = mixture(samples, SPEC, 1, 0.4)
    assert np.array_equal(again(1)[0], mixture(samples, SPEC, 1, 0.4)(1)[0])
