"""Training: the net, its loss, its export and its loop. Small runs; test_models judges the shipped models."""
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edgevision.detector import Detector  # noqa: E402
from edgevision.errors import TrainingError  # noqa: E402
from edgevision.frame import Frame  # noqa: E402
from edgevision.scenes import Scene  # noqa: E402
from edgevision.training.export import from_onnx, to_onnx  # noqa: E402
from edgevision.training.judge import detect  # noqa: E402
from edgevision.training.loop import Course, Walk, settle  # noqa: E402
from edgevision.training.loss import assign, iou_pairs, loss, pad_targets  # noqa: E402
from edgevision.training.net import Net, decode, grid  # noqa: E402
from edgevision.training.plan import BIG, LITTLE, Plan, pyramid  # noqa: E402
from edgevision.training.recipe import TestSet as SceneTestSet  # noqa: E402
from edgevision.training.ship import ship  # noqa: E402

pytestmark = pytest.mark.train


def small() -> Plan:
    plan = pyramid("little", (4, 4, 8, 8, 8), (0, 1, 1, 1), 1, 8)
    return Plan("little", plan.layers, 4, 128, 64)


def sample(number):
    scene = Scene(1, "day", (128, 64))
    picture = scene.picture(number % 3)
    return picture.bgr, np.array(picture.labels, np.float32).reshape(-1, 5)


def test_little_keeps_its_budget():
    assert LITTLE.gflop() <= 0.7 < BIG.gflop()
    counted = []
    net = Net(LITTLE).eval()
    for conv in net.convs.values():
        conv.register_forward_hook(lambda m, i, o: counted.append(o.numel() * m.weight[0].numel()))
    with torch.no_grad():
        raw = net(torch.zeros(1, 3, 352, 640))
    assert raw.shape == (1, 8, 44, 80) and 2 * sum(counted) / 1e9 == pytest.approx(LITTLE.gflop())


def test_folding_and_export_change_nothing(tmp_path):
    settle(3, 1)
    net = Net(small())
    with torch.no_grad():
        for norm in net.norms.values():
            norm.running_mean.uniform_(-0.3, 0.3)
            norm.running_var.uniform_(0.5, 1.5)
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.3, 0.3)
        net.convs["raw"].weight.normal_(std=0.3)
        net.convs["raw"].bias[4:] = 0.5
    net.eval()
    image = torch.rand(2, 3, 64, 128)
    weights = net.fold()
    folded = Net.from_weights(small(), weights).eval()
    with torch.no_grad():
        assert torch.allclose(net(image), folded(image), atol=1e-4)
        boxes, logits = decode(net(image))
    import onnxruntime
    session = onnxruntime.InferenceSession(to_onnx(small(), weights).SerializeToString())
    [out] = session.run(None, {"images": image.numpy()})
    centre, size = out[:, :2], out[:, 2:4]
    got = np.concatenate((centre - size / 2, centre + size / 2), 1).transpose(0, 2, 1)
    assert np.allclose(got, boxes.numpy(), atol=1e-2)
    assert np.allclose(out[:, 4:].transpose(0, 2, 1), logits.sigmoid().numpy(), atol=1e-4)


def test_the_shipped_file_gives_what_the_net_gives(tmp_path):
    settle(3, 1)
    net = Net(LITTLE)
    with torch.no_grad():
        net.convs["raw"].weight.normal_(std=0.5)
    weights = net.eval().fold()
    ship(tmp_path, LITTLE, weights, "little", "1", 1)
    plan, again = from_onnx(tmp_path / "model.onnx")
    assert plan is LITTLE and all(np.array_equal(again[k], weights[k]) for k in weights)
    picture = Scene(1).picture(0).bgr
    with Detector(tmp_path, threads=1, score_threshold=0.3) as detector:
        [mine] = detector.detect([Frame.from_array(picture)])
    [theirs] = detect(net, [picture])
    theirs = theirs.clipped(640, 352).above(0.3).best(300)
    assert len(mine) == len(theirs) and np.allclose(mine.boxes, theirs.boxes, atol=0.1)


def test_a_model_of_others_cannot_be_fine_tuned(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"x\.onnx"):
        from_onnx(tmp_path / "x.onnx")


def test_iou_by_hand():
    a, b = torch.tensor([0.0, 0, 10, 10]), torch.tensor([5.0, 0, 15, 10])
    assert float(iou_pairs(a, b)) == pytest.approx(1 / 3, abs=1e-5)
    assert float(iou_pairs(a, a, complete=True)) == pytest.approx(1, abs=1e-5)
    assert float(iou_pairs(a, b, complete=True)) == pytest.approx(1 / 3 - 25 / (225 + 100), abs=1e-4)


def test_cells_answer_for_the_object_around_them():
    targets = pad_targets([np.array([[16, 8, 48, 56, 1], [100, 30, 106, 36, 2]], np.float32)])
    centres = grid(8, 16)
    boxes = torch.cat((centres - 20, centres + 20), -1)[None]
    answers, owner, quality = assign(boxes, torch.zeros(1, 128, 4), targets, centres)
    assert set(owner[0][answers[0]].tolist()) == {0, 1}
    for cell in answers[0].nonzero()[:, 0].tolist():
        x, y = centres[cell].tolist()
        box = targets[0, owner[0, cell], :4].tolist()
        assert box[0] - 10.4 <= x <= box[2] + 10.4 and box[1] - 10.4 <= y <= box[3] + 10.4
    assert quality[0][~answers[0]].sum() == 0 and quality.max() <= 1


def test_pictures_without_objects_have_a_loss():
    total, _, box = loss(Net(small())(torch.rand(2, 3, 64, 128)), pad_targets([np.zeros((0, 5), np.float32)] * 2))
    assert torch.isfinite(total) and box == 0


def test_a_run_learns_and_is_repeatable():
    def run():
        settle(1, 1)
        losses = []
        net = Walk(Net(small()), Course(25, 3, 5e-3, warmup=3)).run(sample, lambda s, n, value: losses.append(value))
        return losses, net.fold()["raw.weight"]
    first, second = run(), run()
    assert first[0] == second[0] and np.array_equal(first[1], second[1])
    assert np.mean(first[0][-5:]) < 0.9 * np.mean(first[0][:5])


def test_a_run_that_was_stopped_goes_on_as_if_it_was_not(tmp_path):
    course = Course(12, 2, 1e-3, warmup=2)
    settle(1, 1)
    whole = Walk(Net(small()), course).run(sample).fold()

    class Stop(Exception):
        pass

    def stop(step, steps, value):
        if step == 9:
            raise Stop

    settle(1, 1)
    with pytest.raises(Stop):
        Walk(Net(small()), course, tmp_path / "c.pt", "run").run(sample, stop, save_every=4)
    walk = Walk(Net(small()), course, tmp_path / "c.pt", "run")
    assert walk.step == 8
    rest = walk.run(sample).fold()
    assert all(np.allclose(whole[k], rest[k], atol=1e-5) for k in whole)
    assert Walk(Net(small()), course, tmp_path / "c.pt", "another run").step == 0
    (tmp_path / "c.pt").write_bytes(b"broken")
    with pytest.raises(TrainingError, match=r"c\.pt"):
        Walk(Net(small()), course, tmp_path / "c.pt", "run")


def test_sets_are_named_by_how_they_are_made():
    hashes = {SceneTestSet("day").sha256, SceneTestSet("night").sha256, SceneTestSet("day", 5).sha256,
              SceneTestSet("day", seed=5).sha256}
    assert len(hashes) == 4
    pictures, labels = SceneTestSet("day", 2).pictures()
    assert len(pictures) == len(labels) == 2 and labels[0].shape[1] == 5
