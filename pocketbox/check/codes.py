"""What each code of the checker means: why it matters, and what to do. `docs/check.md` is made from this table."""
from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    title: str
    why: str
    cure: str


GROUPS = (
    ("SB0", "Graphs that cannot be built", "The real engine refuses these, and so does the embedded one."),
    ("SB1", "Descriptors", "What the .toml of a flowunit says, and how the real engine reads it."),
    ("SB2", "The code of flowunits", "Found by reading the Python, never by running it."),
    ("SB3", "Graphs that build but surprise", "They start, and then do not do what their author thinks."),
)

CODES = {
    "SB001": Code(
        "The graph file cannot be read",
        "It is no valid TOML or JSON, is not UTF-8, or has no [graph] table with format = \"graphviz\" and a graph.",
        "Correct the file at the place shown.",
    ),
    "SB002": Code(
        "The graph text is no valid DOT",
        "A bracket, quote, arrow or value is missing or misplaced.",
        "Correct the text at the place shown; the line and column are those of the file you edit.",
    ),
    "SB004": Code(
        "The flow is disabled",
        "[flow] enable = false makes the engine refuse the graph.",
        "Set enable = true.",
    ),
    "SB010": Code(
        "A descriptor cannot be read",
        "The engine skips a descriptor that is no valid TOML.",
        "Correct the file at the place shown.",
    ),
    "SB011": Code(
        "A descriptor lacks something or holds a wrong value",
        "name, device, version (three numbers), description, entry and type are required, and ports are numbered "
        "input1, input2, ... without a gap. The engine skips the flowunit otherwise.",
        "Add or correct the key.",
    ),
    "SB012": Code(
        "A flowunit of another language",
        "C++, Java and YOLO units run on the real engine only.",
        "Use the real engine, or write the unit in Python.",
    ),
    "SB013": Code(
        "An array holds more than strings",
        "The real engine aborts as a whole when it meets such an array, or a [[table]], in any .toml that it reads:"
        " the graph, or any file in a driver.dir.",
        "Write an array of strings (\"1\", not 1) and read it with get_int_list; keep other .toml files out of "
        "folders of flowunits.",
    ),
    "SB014": Code(
        "Two flowunits have one name and device",
        "Only the first that is found is ever used.",
        "Rename one of them.",
    ),
    "SB020": Code(
        "A node has no type, or one that does not exist",
        "A node is a flowunit, an input or an output. A node that only stands in an edge has no type either.",
        "Declare the node with flowunit=NAME, or correct the edge.",
    ),
    "SB021": Code(
        "A node names no flowunit",
        "The node's own name does not count.",
        "Add flowunit=NAME.",
    ),
    "SB022": Code(
        "There is no such flowunit",
        "Units are looked for in each driver.dir and one folder below it, no deeper.",
        "Correct the name, driver.dir, or the descriptor that was skipped.",
    ),
    "SB023": Code(
        "The flowunit is not there for this device",
        "A unit belongs to the device in its descriptor.",
        "Correct device=, or use the real engine for CUDA and Ascend.",
    ),
    "SB024": Code(
        "A node is an orphan",
        "No edge with a port leads to it or from it.",
        "Connect it, remove it, or set strict = false in [graph].",
    ),
    "SB025": Code(
        "An edge leads into an input port that does not exist",
        "Port names must match the descriptor exactly; a compass point (a:in:n) becomes part of the name.",
        "Correct the port.",
    ),
    "SB026": Code(
        "An edge leads out of an output port that does not exist",
        "Port names must match the descriptor exactly.",
        "Correct the port.",
    ),
    "SB027": Code(
        "An input port is not connected",
        "All ports of a unit must be connected.",
        "Lead an edge into it.",
    ),
    "SB028": Code(
        "An output port is not connected",
        "All ports of a unit must be connected.",
        "Lead an edge out of it.",
    ),
    "SB029": Code(
        "A node feeds itself",
        "A graph may not loop.",
        "Remove the edge.",
    ),
    "SB030": Code(
        "The graph has a loop",
        "No node of a loop could ever be the first.",
        "Remove one of its edges.",
    ),
    "SB031": Code(
        "The graph falls into separate parts",
        "All nodes must hang together.",
        "Put each part into a graph of its own.",
    ),
    "SB032": Code(
        "Streams of several sources are joined",
        "Streams are matched by their common origin, and these have none.",
        "Join streams of one source only.",
    ),
    "SB033": Code(
        "A size is no number above 0",
        "queue_size, batch_size and their like are whole numbers above 0. The real engine refuses 0 and takes the "
        "default for a text.",
        "Write a whole number.",
    ),
    "SB034": Code(
        "An input or output node is not connected",
        "type=input and type=output nodes need an edge.",
        "Connect it or remove it.",
    ),
    "SB035": Code(
        "The graph has no nodes",
        "There is nothing to run.",
        "Add nodes.",
    ),
    "SB036": Code(
        "An edge ends at a node that is left out",
        "With strict = false nodes without a type are left out, and edges to them are refused.",
        "Give the node a flowunit, or remove the edge.",
    ),
    "SB037": Code(
        "An edge leads the wrong way",
        "Edges lead out of input nodes and into output nodes.",
        "Turn the edge round.",
    ),
    "SB050": Code(
        "Several edges lead into one port",
        "Only the branches of one condition may meet in a port.",
        "Give the unit one port for each stream.",
    ),
    "SB051": Code(
        "A unit joins streams that do not match",
        "Its inputs lie on different levels (inside and outside an expand), or are different branches of a "
        "condition.",
        "Collapse or merge before joining.",
    ),
    "SB052": Code(
        "Collapse without expand",
        "A collapse unit closes what an expand unit opened.",
        "Put an expand unit before it.",
    ),
    "SB101": Code(
        "The descriptor does not say whether it is a stream unit",
        "stream counts as true when it is absent.",
        "Write stream = true or stream = false.",
    ),
    "SB102": Code(
        "The engine does not read this key",
        "Above all `normal = true`, which templates write and nobody reads: such a unit runs as a stream unit.",
        "Write stream = false; correct or remove other keys.",
    ),
    "SB103": Code(
        "group_type has the wrong form",
        "It starts with a capital letter and has at most one '/'; anything else is shown as Generic.",
        "Write Video or Input/Http.",
    ),
    "SB104": Code(
        "A flag is neither true nor false",
        "Only true and 1 are true, only false and 0 are false.",
        "Write true or false.",
    ),
    "SB105": Code(
        "A batch size in the descriptor is no number above 0",
        "The engine takes its default.",
        "Write a whole number above 0.",
    ),
    "SB106": Code(
        "entry is not module@Class",
        "The engine cannot load the unit.",
        "Write module@Class.",
    ),
    "SB107": Code(
        "The unit's module is not there",
        "entry names a file beside the descriptor.",
        "Correct entry or add the file.",
    ),
    "SB108": Code(
        "Two units share the name of a module",
        "The real engine has one space for modules; one folder's file silently serves both units.",
        "Give each unit's module a name of its own.",
    ),
    "SB109": Code(
        "Two helper files share a name",
        "A helper beside a unit is a module like any other; the first one found serves both units.",
        "Put shared code into an installed package.",
    ),
    "SB110": Code(
        "A collapse unit with stream = true",
        "Right behind an expand unit it sometimes ends the graph.",
        "Write stream = false.",
    ),
    "SB111": Code(
        "Two ports have one name",
        "The engine drops the second without a word.",
        "Rename one.",
    ),
    "SB112": Code(
        "A virtual_type that the real engine does not have",
        "onnx is known to the embedded engine only.",
        "Run the model with onnxruntime in a Python unit if the real engine must run it too.",
    ),
    "SB113": Code(
        "The model file is not there",
        "entry of an inference unit names a file beside the descriptor.",
        "Put the model there.",
    ),
    "SB114": Code(
        "condition, expand and collapse at once",
        "A unit is one of them at most.",
        "Keep one.",
    ),
    "SB115": Code(
        "The module has the name of one of Python's own",
        "The unit's folder is searched last, so Python's module is loaded instead.",
        "Rename the module.",
    ),
    "SB116": Code(
        "The ports do not fit the kind of unit",
        "A condition unit chooses among outputs; expand and collapse need an input.",
        "Correct the ports.",
    ),
    "SB117": Code(
        "A comma in [config] makes no list",
        "Only in a node's attribute is a comma the list sign.",
        "Write an array of strings.",
    ),
    "SB201": Code(
        "The module has a syntax error",
        "It cannot be loaded.",
        "Correct it.",
    ),
    "SB202": Code(
        "Syntax newer than Python 3.8",
        "The real engine's images carry Python 3.8.",
        "Write it for 3.8.",
    ),
    "SB203": Code(
        "A library or annotation newer than Python 3.8",
        "It works here and fails on the box.",
        "Write it for 3.8; for annotations add: from __future__ import annotations.",
    ),
    "SB204": Code(
        "The class is not in the module",
        "entry names a class that the module does not define.",
        "Correct entry or the class.",
    ),
    "SB205": Code(
        "The class is no FlowUnit",
        "The engine refuses a class that does not derive from FlowUnit.",
        "Derive from modelbox.FlowUnit.",
    ),
    "SB206": Code(
        "__init__ without super().__init__()",
        "The object has no engine part, and the engine refuses it.",
        "Call super().__init__() first.",
    ),
    "SB207": Code(
        "The class has no open",
        "The base's open only raises, so the build fails.",
        "Add open.",
    ),
    "SB208": Code(
        "The class has no process",
        "Every call fails.",
        "Add process.",
    ),
    "SB209": Code(
        "A stream unit without data_pre and data_post",
        "The base's only raise: each stream becomes one error buffer, and nothing tells you.",
        "Add both, each returning modelbox.Status().",
    ),
    "SB210": Code(
        "A method has the wrong arguments",
        "The engine calls open(config), process(ctx), data_pre(ctx), data_post(ctx), close().",
        "Correct the signature.",
    ),
    "SB211": Code(
        "A method can return None",
        "From open it fails the build; from process it stops the whole graph.",
        "Return a Status on every path.",
    ),
    "SB212": Code(
        "A method returns something that is no Status",
        "True, a number or a list stops the whole graph.",
        "Return a Status.",
    ),
    "SB213": Code(
        "A status name that does not exist",
        "Python has no STATUS_OK.",
        "Write STATUS_SUCCESS.",
    ),
    "SB214": Code(
        "A normal unit puts out fewer buffers than it got",
        "A normal unit puts out one buffer for each input on every port, or the whole graph stops.",
        "Filter in a stream unit.",
    ),
    "SB215": Code(
        "open never succeeds",
        "Every way through it raises or returns a failure.",
        "Return modelbox.Status().",
    ),
    "SB216": Code(
        "The module raises when it is imported",
        "It cannot be loaded.",
        "Remove the raise.",
    ),
    "SB217": Code(
        "STATUS_CONTINUE from a normal unit",
        "The real engine hangs.",
        "Return STATUS_SUCCESS.",
    ),
    "SB218": Code(
        "STATUS_CONTINUE without an event",
        "Only an event makes the engine call a source again.",
        "Call send_event before.",
    ),
    "SB219": Code(
        "STATUS_STOP from a source",
        "What it put out last leaves only after its data_post, so it is lost.",
        "Stop in the last unit's data_post.",
    ),
    "SB220": Code(
        "Several events in one call",
        "Only the last one is delivered.",
        "Send one event a call.",
    ),
    "SB221": Code(
        "A write into an input buffer",
        "Branches of a graph share the memory of their buffers.",
        "Copy first.",
    ),
    "SB222": Code(
        "An array type that a Buffer cannot hold",
        "float16 is read as garbage; uint64 and complex raise.",
        "Convert it, for example to float32.",
    ),
    "SB223": Code(
        "Meta named shape or type",
        "The engine knows the array by these keys.",
        "Use another key.",
    ),
    "SB224": Code(
        "The size in the meta is stale",
        "copy_meta carries the old width and height; C++ units then read out of bounds.",
        "Set width, height, width_stride and height_stride afterwards.",
    ),
    "SB225": Code(
        "A negative index or slice of a BufferList",
        "bl[-1] gives None.",
        "Use list(bl).",
    ),
    "SB226": Code(
        "A text file opened without an encoding",
        "The real engine's interpreter reads ASCII.",
        "Add encoding=\"utf-8\".",
    ),
    "SB227": Code(
        "The code uses a port that the descriptor lacks",
        "input() and output() give None for it.",
        "Correct the name.",
    ),
    "SB228": Code(
        "Signals or the main thread",
        "A unit never runs in the main thread of the real engine.",
        "Do without.",
    ),
    "SB229": Code(
        "The module starts something when it is imported",
        "Its body runs twice, and once more for each further node.",
        "Start it in open.",
    ),
    "SB230": Code(
        "set_private in process",
        "It leaks one object a call on the real engine.",
        "Set one container in data_pre and change what is in it.",
    ),
    "SB231": Code(
        "import modelbox in a flowunit",
        "FlowUnit lives in _flowunit.",
        "import _flowunit as modelbox.",
    ),
    "SB232": Code(
        "get_private of a key that nobody stores",
        "The real engine crashes.",
        "Store it in data_pre.",
    ),
    "SB233": Code(
        "ExternalData.send in a loop",
        "It blocks with the interpreter locked once 1024 buffers wait: the process freezes.",
        "Make the data in process with send_event and STATUS_CONTINUE.",
    ),
    "SB234": Code(
        "State shared between streams or threads",
        "One object serves all streams, and a normal unit's process runs on several threads at once.",
        "Keep a stream's state in the context; guard the rest with a lock.",
    ),
    "SB235": Code(
        "An expand unit that may put out nothing",
        "A sub-stream without buffers starves the collapse unit behind it, and everything after, for ever.",
        "Put out at least one buffer for each input.",
    ),
    "SB236": Code(
        "A condition unit that does not put out exactly one buffer",
        "It sends each buffer to one of its ports; none or two stop the whole graph.",
        "Put out one buffer for each input.",
    ),
    "SB237": Code("A list of several types as meta", "Setting it raises.", "Make all items of one type."),
    "SB238": Code(
        "A part of an array as meta",
        "The real engine copies its bytes as one block from the start, out of bounds for slices.",
        "Store a list or a contiguous copy.",
    ),
    "SB239": Code(
        "A BufferList without a device",
        "An array pushed into it crashes the real engine.",
        "Write BufferList(self.get_bind_device()).",
    ),
    "SB240": Code(
        "A call that cannot be used",
        "set_log_level lacks its levels inside a flowunit; get_device_desc raises TypeError.",
        "Do without it.",
    ),
    "SB241": Code(
        "A context kept in self",
        "It belongs to one call and one stream; other streams overwrite it.",
        "Use the context that each call gets.",
    ),
    "SB242": Code(
        "One buffer put out for many",
        "A normal unit gets up to batch_size buffers in a call (8 by default) and must put out as many.",
        "Loop over the input, or write batch_size=1 at the node.",
    ),
    "SB301": Code(
        "driver.dir is relative",
        "It is taken from the working directory.",
        "Write a full path.",
    ),
    "SB302": Code(
        "driver.dir does not exist",
        "It is passed over without a word.",
        "Correct or remove it.",
    ),
    "SB303": Code(
        "skip-default = true",
        "It hides the readers of graphs and of Python units as well.",
        "Write false.",
    ),
    "SB304": Code(
        "A finite graph that never ends",
        "flow -run of the real engine ends only when a unit returns STATUS_STOP.",
        "Return it from data_post of the last unit.",
    ),
    "SB305": Code(
        "The video file is not there",
        "The real engine crashes on a missing file.",
        "Correct source_url.",
    ),
    "SB306": Code(
        "A relative file name",
        "It is taken from the working directory, not from the graph's folder.",
        "Write a full path.",
    ),
    "SB307": Code(
        "A comma in a text",
        "It makes a list; get_string gives the parts joined by a control character.",
        "Protect it with quotes inside the quotes.",
    ),
    "SB308": Code(
        "A placeholder that stays",
        "$name is replaced only when the flow is started by name.",
        "Start it by name, or write the value.",
    ),
    "SB309": Code(
        "strict digraph",
        "It merges all edges between the same two nodes.",
        "Write digraph.",
    ),
    "SB310": Code(
        "A batch_size without effect",
        "Stream units get 1 unless max_batch_size says more, condition units always 1.",
        "Raise max_batch_size or remove it.",
    ),
    "SB311": Code(
        "A queue size for a port that does not exist",
        "queue_size_PORT names an input port.",
        "Correct the name.",
    ),
    "SB312": Code(
        "An option that the unit does not have",
        "It is ignored.",
        "Correct the name.",
    ),
    "SB313": Code(
        "A required option is missing",
        "The unit may refuse to open.",
        "Add it.",
    ),
    "SB314": Code(
        "An option has a wrong value",
        "The unit takes its default or refuses to open.",
        "Correct it.",
    ),
    "SB315": Code(
        "resize or padding without a size",
        "They refuse to open.",
        "Add image_width and image_height.",
    ),
    "SB316": Code(
        "A node is left out",
        "With strict = false a node without edges is left out silently.",
        "Connect it.",
    ),
    "SB317": Code(
        "driver.dir is one text",
        "The WebUI hangs when it opens such a graph.",
        "Write a list.",
    ),
    "SB318": Code(
        "A filtered stream meets the whole one",
        "A stream from which a unit took buffers no longer matches the one it came from.",
        "Join before the filter.",
    ),
}


def explain(code: str) -> str:
    """The text of `sednabox check --explain CODE`."""
    entry = CODES[code]
    return "%s  %s\n\n%s\n\nWhat to do: %s" % (code, entry.title, entry.why, entry.cure)


def markdown() -> str:
    """The table of all codes, as docs/check.md holds it."""
    lines: list[str] = []
    for prefix, title, text in GROUPS:
        lines += ["### %s" % title, "", text, "", "| code | what | why | what to do |", "|---|---|---|---|"]
        lines += ["| %s | %s | %s | %s |" % (code, *entry) for code, entry in sorted(CODES.items())
                  if code.startswith(prefix)]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
