"""VOC: a folder of xml files, one per picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.parsers import expat

from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.pictures import picture_size
from sedna_bridge.datasets.samples import Box, LabelledSet, Sample, box_problem
from sedna_bridge.datasets.tables import label_number
from sedna_bridge.datasets.whole import write_bytes

_LARGEST = 4 << 20


def read(path: str, root: str = "", classes: Sequence[str] = ()) -> LabelledSet:
    """`path` is the folder of xml files, or the VOC folder with Annotations/ and JPEGImages/ in it."""
    annotations = os.path.join(path, "Annotations")
    folder = annotations if os.path.isdir(annotations) else path
    pictures = root or (os.path.join(path, "JPEGImages") if folder == annotations else path)
    result = LabelledSet(classes=list(classes), root=pictures)
    for name in sorted(entry for entry in os.listdir(folder) if entry.endswith(".xml")):
        _read_one(os.path.join(folder, name), pictures, result, len(classes))
    return result


def _read_one(path: str, pictures: str, result: LabelledSet, known: int) -> None:
    try:
        tree, lines = _parse(path)
    except DatasetFormatError as error:
        result.complain(path, str(error))
        return
    name = (tree.findtext("filename") or "").strip() or os.path.basename(path)[:-4] + ".jpg"
    width, height = tree.findtext("size/width") or "", tree.findtext("size/height") or ""
    size = (int(width), int(height)) if width.isdigit() and height.isdigit() and int(width) and int(height) else None
    boxes = []
    for entry in tree.iter("object"):
        where = f"{path}:{lines.get(id(entry), 1)}"
        try:
            numbers = [float(entry.findtext(f"bndbox/{key}") or "") for key in ("xmin", "ymin", "xmax", "ymax")]
        except ValueError:
            result.complain(where, "an object without the four numbers of its bndbox")
            continue
        label, wrong = label_number(entry.findtext("name") or "", result.classes, known)
        problem = wrong or box_problem(numbers, size)
        if problem:
            result.complain(where, problem)
            continue
        boxes.append(Box(numbers[0], numbers[1], numbers[2], numbers[3], label))
    result.samples.append(Sample(name, os.path.join(pictures, name), tuple(boxes), where=path, size=size))


def _parse(path: str) -> tuple[ElementTree.Element, dict[int, int]]:
    """The tree and each element's line. Entities are refused: a small file could grow without end."""
    lines: dict[int, int] = {}
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()

    def start(tag: str, attributes: dict[str, str]) -> None:
        lines[id(builder.start(tag, attributes))] = parser.CurrentLineNumber

    def refuse(*_: object) -> None:
        raise DatasetFormatError("entities are not taken: write the xml without a DOCTYPE")

    parser.StartElementHandler = start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    try:
        if os.path.getsize(path) > _LARGEST:
            raise DatasetFormatError("larger than 4 MiB: no VOC annotation")
        with open(path, "rb") as file:
            parser.Parse(file.read(), True)
        return builder.close(), lines
    except expat.ExpatError as error:
        raise DatasetFormatError(f"line {error.lineno}: this is no xml: {expat.ErrorString(error.code)}") from None
    except OSError as error:
        raise DatasetFormatError(f"cannot be read: {error.strerror}") from None


def write(data: LabelledSet, path: str) -> None:
    """Write xml files into the folder `path`; pictures stay where they are, their absolute path is in `path`."""
    for sample in data.samples:
        size = sample.size or picture_size(sample.path) or (0, 0)
        top = ElementTree.Element("annotation")
        for tag, text in (("filename", os.path.basename(sample.path)), ("path", os.path.abspath(sample.path))):
            ElementTree.SubElement(top, tag).text = text
        dimension = ElementTree.SubElement(top, "size")
        for tag, number in (("width", size[0]), ("height", size[1]), ("depth", 3)):
            ElementTree.SubElement(dimension, tag).text = str(number)
        for box in sample.boxes:
            entry = ElementTree.SubElement(top, "object")
            ElementTree.SubElement(entry, "name").text = data.class_name(box.label)
            corners = ElementTree.SubElement(entry, "bndbox")
            for tag, text in zip(("xmin", "ymin", "xmax", "ymax"), box.text().split(",")):
                ElementTree.SubElement(corners, tag).text = text
        stem = os.path.splitext(os.path.basename(sample.path))[0]
        write_bytes(os.path.join(path, stem + ".xml"), ElementTree.tostring(top, encoding="utf-8"))
