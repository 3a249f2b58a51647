import pytest

from edgevision.url import kind_of, local_path, pictures_of, redact


@pytest.mark.parametrize("text, want", [
    ("rtsp://admin:secret@10.0.0.7:554/ch1", "rtsp://***@10.0.0.7:554/ch1"),
    ("rtsp://admin:p@ss:w@rd@host/x", "rtsp://***@host/x"),
    ("http://host/cam?user=a&password=b&fps=5", "http://host/cam?user=***&password=***&fps=5"),
    ("failed: 'https://h/x?access_token=abc' twice", "failed: 'https://h/x?access_token=***' twice"),
    ("rtsp://u:p@a/1 and RTSPS://u2:p2@b/2", "rtsp://***@a/1 and RTSPS://***@b/2"),
    ("/videos/a@b.mp4", "/videos/a@b.mp4"), ("http://host/a@b", "http://host/a@b"), ("plain", "plain"),
])
def test_secrets_are_hidden_and_the_rest_is_kept(text, want):
    assert redact(text) == want


def test_kinds(tmp_path):
    odd = tmp_path / "take[1].mp4"
    odd.write_bytes(b"")
    assert kind_of(str(odd)) == "file"
    texts = (str(tmp_path), "0", "webcam:2", "/dev/video1", "rtmp://x", "file:///a%20b.mp4", "x.PNG")
    assert [kind_of(text) for text in texts] == [
        "images", "webcam", "webcam", "webcam", "stream", "file", "images"]


def test_pictures_come_in_natural_order(tmp_path):
    for name in ("10.jpg", "2.jpg", "1.PNG", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [p.rsplit("/", 1)[1] for p in pictures_of(str(tmp_path))] == ["1.PNG", "2.jpg", "10.jpg"]
    assert len(pictures_of(str(tmp_path / "*.jpg"))) == 2
    assert pictures_of("file://" + str(tmp_path / "2.jpg")) == [str(tmp_path / "2.jpg")]


def test_sednas_way_to_write_a_file_of_the_root(tmp_path, monkeypatch):
    """Its examples say file://video/video.mp4 for a mount at /video."""
    monkeypatch.chdir(tmp_path)
    inside = str(tmp_path / "film.mp4")
    (tmp_path / "film.mp4").write_bytes(b"x")
    assert local_path("file:/" + inside) == inside
    assert local_path("file://" + inside) == inside
    assert local_path("file://film.mp4") == "film.mp4", "a file below the working folder comes first"
    assert local_path("file://none/there.mp4") == "none/there.mp4"
