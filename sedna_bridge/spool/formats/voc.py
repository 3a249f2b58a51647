"""Pascal VOC: an XML file for each picture."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Iterator, Sequence
from xml.etree import ElementTree

from sedna_bridge.errors import LabelsError
from sedna_bridge.spool.formats.annotated import Annotated, LabelBox

FOLDER = "Annotations"


def write(items: Iterable[Annotated], folder: Path, classes: Sequence[str]) -> None:
    (folder / FOLDER).mkdir(exist_ok=True)
    for item in items:
        root = ElementTree.Element("annotation")
        _add(root, "folder", "images")
        _add(root, "filename", item.file)
        size = ElementTree.SubElement(root, "size")
        for name, value in (("width", item.width), ("height", item.height), ("depth", 3)):
            _add(size, name, value)
        for box in item.boxes:
            thing = ElementTree.SubElement(root, "object")
            for name, text in (("name", box.label), ("pose", "Unspecified"), ("truncated", 0), ("difficult", 0)):
                _add(thing, name, text)
            corners = ElementTree.SubElement(thing, "bndbox")
            for name, number in (("xmin", box.x1), ("ymin", box.y1), ("xmax", box.x2), ("ymax", box.y2)):
                _add(corners, name, round(number))
        ElementTree.ElementTree(root).write(str(folder / FOLDER / (Path(item.file).stem + ".xml")), encoding="utf-8")


def read(path: Path, classes: Sequence[str]) -> Iterator[Annotated]:
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    for file in sorted(folder.glob("*.xml")) if folder.is_dir() else [path]:
        try:
            root = ElementTree.parse(str(file)).getroot()
            boxes = []
            for thing in root.iter("object"):
                x1, y1, x2, y2 = (float(_text(thing, "bndbox/" + name)) for name in ("xmin", "ymin", "xmax", "ymax"))
                boxes.append(LabelBox(x1, y1, x2, y2, _text(thing, "name")))
            name = root.findtext("filename") or file.stem + ".jpg"
            yield Annotated(
                name if Annotated(name, 0, 0, ()).id else file.stem + ".jpg",
                int(float(root.findtext("size/width") or 0)),
                int(float(root.findtext("size/height") or 0)),
                boxes,
            )
        except (ElementTree.ParseError, ValueError) as error:
            raise LabelsError("%s is no VOC annotation: %s" % (file, error)) from None


def _add(parent: ElementTree.Element, name: str, value: object) -> None:
    ElementTree.SubElement(parent, name).text = str(value)


def _text(parent: ElementTree.Element, path: str) -> str:
    text = parent.findtext(path)
    if text is None:
        raise ValueError("there is no %s" % path)
    return text.strip()
