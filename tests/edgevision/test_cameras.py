import pytest

from edgevision.cameras import Source, SourceFile, changes, named
from edgevision.errors import MediaError


def test_names_come_from_urls_without_credentials_and_differ():
    sources = named(["rtsp://u:p@cam/1", "rtsp://x:y@cam/1", "/a b/north gate.mp4", "0"])
    assert [s.name for s in sources] == ["cam/1", "cam/1-2", "north gate", "webcam0"]
    with pytest.raises(MediaError, match="as many names as sources"):
        named(["a", "b"], ["one"])


def test_a_file_of_cameras(tmp_path):
    path = tmp_path / "cameras.txt"
    path.write_text("# the site\n\ngate rtsp://u:p@10.0.0.7/1\nrtsp://10.0.0.8/1\ncrane  /films/a b.mp4\n", "utf-8")
    file = SourceFile(str(path))
    first = file.read()
    assert first == [Source("gate", "rtsp://u:p@10.0.0.7/1"), Source("10.0.0.8/1", "rtsp://10.0.0.8/1"),
                     Source("crane", "/films/a b.mp4")]
    assert not file.changed()
    path.write_text("gate rtsp://u:p@10.0.0.7/1\nnew rtsp://10.0.0.9/1\n", "utf-8")
    assert file.changed()
    new, gone = changes(first, file.read())
    assert [s.name for s in new] == ["new"] and [s.name for s in gone] == ["10.0.0.8/1", "crane"]


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(MediaError, match=r"none\.txt: cannot be read"):
        SourceFile(str(tmp_path / "none.txt")).read()
