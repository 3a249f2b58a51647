"""Probes of the SDK inside a flowunit: one line each, name and value, or ! and the class of the exception."""

import os

import numpy as np
import _flowunit as mb

S = mb.Status.StatusCode
F = None


def t(name, f):
    try:
        r = f()
    except BaseException as e:
        r = "!" + type(e).__name__
    if isinstance(r, np.ndarray):
        r = ("nd", str(r.dtype), r.shape, r.tolist() if r.size < 20 else "")
    F.write("%s => %r\n" % (name, r))
    F.flush()


def probes(u, ctx):
    dev = u.get_bind_device()
    B = mb.Buffer

    def nd(b):
        return np.array(b, copy=False) if np.__version__ < "2" else np.asarray(b)

    arrs = {
        "u8": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "f64e": np.zeros((0, 4)),
        "i32": np.arange(4, dtype=np.int32),
        "bool": np.array([True, False]),
        "u64": np.zeros(2, np.uint64),
        "ull": np.arange(2, dtype=np.ulonglong),
        "ll": np.arange(2, dtype=np.longlong),
        "str": np.array(["a"]),
        "S": np.array([b"a"]),
        "dt": np.zeros(2, "M8[s]"),
        "rec": np.zeros(2, [("a", "i4")]),
        "f128": np.zeros(2, np.longdouble),
        "T": np.arange(6).reshape(2, 3).T,
        "be": np.arange(3, dtype=">i4"),
        "ro": None,
        "5d": np.zeros((1, 1, 1, 1, 2), np.float32),
    }
    ro = np.arange(3, dtype=np.uint8)
    ro.setflags(write=False)
    arrs["ro"] = ro
    for k, a in arrs.items():
        t("B " + k, lambda: nd(B(dev, a)))
        t("Bobj " + k, lambda: B(dev, a).as_object())
        t("Bbytes " + k, lambda: B(dev, a).get_bytes())
        t("Bstr " + k, lambda: str(B(dev, a)))
        t("Basb " + k, lambda: B(dev, a).as_bytes())
        t("Bshape " + k, lambda: B(dev, a).get("shape"))
        t("Btype " + k, lambda: str(B(dev, a).get("type")))

        t("cb " + k, lambda: nd(u.create_buffer(a)))
    for k, v in {
        "str": "abc",
        "empty": "",
        "uni": "é中",
        "bytes": b"ab",
        "ebytes": b"",
        "ba": bytearray(b"xy"),
        "mv": memoryview(b"zz"),
        "mv2": memoryview(np.arange(4, dtype=np.int16)),
        "list": [np.arange(2), np.arange(3)],
        "elist": [],
        "listb": [b"ab", b"c"],
        "lists": ["a"],
        "tuple": (1, 2),
        "none": None,
        "int": 3,
        "float": 0.5,
        "npf": np.float32(2),
        "npi": np.int64(3),
        "buf": B(dev, np.arange(3)),
        "bufs": B(dev, "txt"),
        "dict": {},
    }.items():
        k == "list" or t("D " + k, lambda: nd(B(dev, v)))
        t("Dobj " + k, lambda: B(dev, v).as_object())
        t("Dbytes " + k, lambda: B(dev, v).get_bytes())
        t("Dstr " + k, lambda: str(B(dev, v)))
        t("Dshape " + k, lambda: B(dev, v).get("shape"))
        t("Dtype " + k, lambda: str(B(dev, v).get("type")))
        t("Dbuild " + k, lambda: (lambda b: (b.build(v), b.get_bytes())[1])(B(dev)))
        t("Dpush " + k, lambda: (lambda l: (l.push_back(v), len(l), l[0].get_bytes())[1:])(mb.BufferList(dev)))
        t("Dcreate " + k, lambda: u.create_buffer(v).get_bytes())
    t("B(dev) nd", lambda: nd(B(dev)))
    t("B(dev) obj", lambda: B(dev).as_object())
    t("B(dev) str", lambda: str(B(dev)))
    t("B(dev) bytes", lambda: B(dev).as_bytes())
    t("B(dev) shape", lambda: B(dev).get("shape"))
    b = B(dev, np.arange(6, dtype=np.uint8).reshape(2, 3))
    b.set("k", 1)
    c = B(b)
    t("copy", lambda: (nd(c),)[0])
    t("copyk", lambda: c.get("k"))
    c.set("k", 2)
    t("copyk2", lambda: b.get("k"))
    nd(c)[0, 0] = 99
    t("alias", lambda: nd(b)[0, 0].item())
    t("set shape", lambda: (b.set("shape", [6]), nd(b))[1])
    t("get shape", lambda: b.get("shape"))
    b = B(dev, np.arange(6, dtype=np.int32))
    t(
        "set type",
        lambda: (b.set("type", B.ModelBoxDataType.UINT8), nd(b).dtype.name, nd(b).shape, b.as_object().dtype.name)[
            1:
        ],
    )
    b = B(dev, np.arange(6, dtype=np.int32))
    None
    b = B(dev, "abc")
    t("rebuild arr", lambda: (b.build(np.arange(3)), b.as_object().tolist(), b.get("shape"))[1:])
    x = B(dev, "abc")
    y = B(dev, np.arange(3, dtype=np.uint8))
    y.set("m", 5)
    t("cm str", lambda: (x.copy_meta(y), x.get("m"), x.get("shape"), str(x.get("type")), x.as_object())[1:])
    None
    x = B(dev, np.zeros((2, 2), np.float32))
    x.set("m", 1)
    t("cm keep", lambda: (x.copy_meta(y), x.get("m"), x.get("shape"), str(x.get("type")))[1:])
    t("cm bad", lambda: x.copy_meta(3))
    t("cm none", lambda: x.copy_meta(None))
    e = B(dev, np.arange(3))
    e.set("z", 1)
    e.set_error("C", "M")
    t("err", lambda: (e.has_error(), e.get_bytes(), e.get("z"), e.get_error_code(), e.get_error_msg()))
    t("err str", lambda: str(e))
    t("err shape", lambda: e.get("shape"))
    t("err copy", lambda: B(e).has_error())
    es = B(dev, "txt")
    es.set_error("", "")
    t("err empty", lambda: (es.has_error(), es.get_error_code()))
    t("errs obj", lambda: es.as_object())
    t("err types", lambda: es.set_error(1, 2))
    t("has_error kw", lambda: b.get(key="x"))
    t("set kw", lambda: b.set(key="x", obj=1))
    bl = mb.BufferList(dev)
    t("front empty", lambda: None)
    for k, v in {
        "B": B(dev, np.arange(2)),
        "list": [B(dev, "a"), B(dev, "b")],
        "tuple": (B(dev, "a"),),
        "none": None,
        "int": 2,
        "arr": np.arange(3),
        "str": "a",
        "elist": [],
        "bl": bl,
        "mixed": [B(dev, "a"), 3],
    }.items():
        t("BL " + k, lambda: len(mb.BufferList(v)))
    t("bl build", lambda: (bl.build([2, 0, 3]).str_code(), [q.get_bytes() for q in bl], nd(bl[0]).tolist() and 0))
    t("bl build neg", lambda: None)
    t("bl build t", lambda: (bl.build((1,)).str_code(), len(bl)))
    t("bl build s", lambda: bl.build(["a"]))
    t("bl b shape", lambda: bl[0].get("shape"))
    t("bl [True]", lambda: bl[True].get_bytes())
    t("bl[np]", lambda: bl[np.int64(0)].get_bytes())
    t("bl[.5]", lambda: bl[0.5])
    t("bl[9]", lambda: bl[9])
    t("bl setattr", lambda: bl.set("q", [1, 2]))
    t("bl get", lambda: bl[0].get("q"))
    l2 = mb.BufferList([B(dev, "a"), B(dev, "b")])
    t("bl cm1", lambda: l2.copy_meta(bl))
    t("bl cm len", lambda: [x_.get("q") for x_ in l2])
    t("bl dev", lambda: l2.get_device())
    t("bl dev2", lambda: bl.get_device().get_type())
    t("bl err", lambda: (l2.set_error("a", "b"), l2.get_bytes())[1])
    t("bl push bl", lambda: l2.push_back(bl))
    t("bl repr", lambda: type(repr(bl)).__name__)
    t("list(bl)", lambda: len(list(bl)))
    t("same obj", lambda: bl[0] is bl[0])
    t("front is", lambda: bl.front() is bl[0])
    t("bool", lambda: bool(mb.BufferList()))
    t("nodev push arr", lambda: None)
    bs = [B(dev, "a")]
    l3 = mb.BufferList(bs)
    bs[0].set("late", 1)
    t("ctor shares", lambda: l3[0].get("late"))
    l3.push_back(bs[0])
    bs[0].set("later", 1)
    t("push copies", lambda: l3[1].get("later"))
    # ctx
    t("ctx in", lambda: ctx.input("in"))
    t("ctx in int", lambda: ctx.input(3))
    t("ctx out", lambda: type(ctx.output("out")).__name__)
    t("ctx ext", lambda: len(ctx.external()))
    t("ctx ev", lambda: ctx.event())
    t("ctx err", lambda: ctx.has_error())
    t("ctx meta", lambda: ctx.get_input_meta("in"))
    t("ctx gmeta", lambda: ctx.get_input_group_meta("x"))
    t("out meta bad", lambda: ctx.set_output_meta("zz", mb.DataMeta()))
    t("out meta none", lambda: ctx.set_output_meta("out", None))
    t("priv int str", lambda: (ctx.set_private_int("a", 3), ctx.get_private_int("a"))[1])
    t("priv s", lambda: (ctx.set_private_string("s", "q"), ctx.get_private_string("s"))[1])
    t("priv None", lambda: (ctx.set_private("n", None), ctx.get_private("n"))[1])
    o = object()
    t("priv id", lambda: (ctx.set_private("o", o), ctx.get_private("o") is o)[1])
    t("sess cfg", lambda: type(ctx.get_session_config()).__name__)
    t("dd", lambda: dev.get_device_desc())
    t("dev", lambda: (dev.get_type(), dev.get_device_id(), type(dev.get_device_id()).__name__))
    t("send bad", lambda: ctx.send_event(3))
    t("fu group", lambda: u.data_group_pre(ctx))
    t("ext attr", lambda: [m for m in dir(ctx) if not m.startswith("_")])
    t("dirfu", lambda: sorted(m for m in dir(mb) if not m.startswith("_")))
    t("dirunit", lambda: sorted(m for m in dir(mb.FlowUnit) if not m.startswith("_")))
    m = mb.DataMeta()
    t("dm", lambda: m.get_private_string("zz"))
    for k, v in [
        ("npstr", np.str_("a")),
        ("set", {1}),
        ("complex", 1j),
        ("mv", memoryview(b"ab")),
        ("ba", bytearray(b"ab")),
        ("npd0", np.array(3)),
        ("npu64", np.zeros(1, np.uint64)),
        ("npobj", np.array([None])),
        ("npstra", np.array(["a"])),
        ("buf", B(dev, "a")),
        ("enum", B.ModelBoxDataType.INT8),
        ("S", S.STATUS_EOF),
        ("lists", [[]]),
        ("l2mix", [[1], ["a"]]),
        ("l2", [[1, 2.5]]),
        ("lt", [(1, 2)]),
        ("nested", [[[1]]]),
        ("b1st", [True, 0]),
        ("i1st", [1, True]),
        ("f1st", [0.5, 1]),
        ("f1s", [0.5, "a"]),
        ("lnone", [None, 1]),
        ("s1", ["a", 1]),
        ("neg", -(1 << 63)),
        ("neg2", -(1 << 63) - 1),
        ("npb", np.bool_(False)),
        ("npi8", np.int8(3)),
        ("lnpf", [np.float64(3), np.float32(1)]),
        ("lfbig", [1 << 63]),
        ("l2t", [[1], (2,)]),
        ("l2s", [[1], 3]),
        ("bigl", [1, 1 << 70]),
    ]:
        t(
            "meta " + k,
            lambda: (
                lambda q: (
                    q.set("k", v),
                    type(q.get("k")).__name__,
                    q.get("k")
                    if not isinstance(q.get("k"), (np.ndarray, B))
                    else str(q.get("k"))
                    if isinstance(q.get("k"), np.ndarray)
                    else "",
                )[1:]
            )(B(dev, "z")),
        )


class Pb(mb.FlowUnit):
    def open(self, c):
        e = self.create_external_data()
        l = e.create_buffer_list()
        l.push_back(np.zeros(1, np.uint8))
        e.send(l)
        e.close()
        return mb.Status()

    def close(self):
        return mb.Status()

    def data_pre(self, ctx):
        return mb.Status()

    def data_post(self, ctx):
        return mb.Status()

    def process(self, ctx):
        global F
        F = open(os.environ["PBOUT"], "w", encoding="utf-8")
        probes(self, ctx)
        ctx.output("out").push_back("x")
        return mb.Status()
