"""Probes of the SDK outside flowunits. One line each: name and value, or ! and the class of the exception.

`recorded_module.txt` is what ModelBox 1.0.0 said.
"""

import modelbox as mb
import numpy as np


def t(name, probe):
    try:
        value = probe()
    except BaseException as error:
        value = "!" + type(error).__name__
    if isinstance(value, np.ndarray):
        value = ("nd", str(value.dtype), value.shape, value.tolist())
    print(name, "=>", repr(value))


S = mb.Status.StatusCode
t("scstr", lambda: str(S.STATUS_FAULT))
t("screpr", lambda: repr(S.STATUS_FAULT))
t("scname", lambda: S.STATUS_FAULT.name)
t("scval", lambda: S.STATUS_FAULT.value)
t("sc==1", lambda: S.STATUS_FAULT == 1)
t("sc==S", lambda: S.STATUS_FAULT == mb.Status(S.STATUS_FAULT))
t("sc int", lambda: int(S.STATUS_EOF))
t("sc members", lambda: len(S.__members__))
t("sc(3)", lambda: str(S(3)))
t("sc hash", lambda: hash(S.STATUS_EOF))
t("sc|", lambda: S.STATUS_FAULT | S.STATUS_INVALID)
t("sc<", lambda: S.STATUS_FAULT < S.STATUS_INVALID)
s = mb.Status(S.STATUS_FAULT, "m")
t("st repr", lambda: type(repr(s)).__name__)
t("st hash", lambda: hash(s))
t("st==1", lambda: s == 1)
t("st==True", lambda: s == True)
t("st==False", lambda: s == False)
t("st!=False", lambda: s != False)
t("st!=True", lambda: s != True)
t("st==None", lambda: s == None)
t("st!=None", lambda: s != None)
t('st=="x"', lambda: s == "x")
t("st(1)", lambda: str(mb.Status(1)))
t("st(0)", lambda: str(mb.Status(0)))
t('st("x")', lambda: mb.Status("x"))
t("st(S,1)", lambda: mb.Status(S.STATUS_FAULT, 1))
t("st(s)", lambda: str(mb.Status(s)))
t('st(true,"m")', lambda: str(mb.Status(True, "m")))
t('st(1,"m")', lambda: str(mb.Status(1, "m")))
t("unwrapnone", lambda: mb.Status().unwrap())
t("wrapnone", lambda: mb.Status(S.STATUS_FAULT, "a").wrap_errormsgs())
t("wrap3", lambda: mb.Status(mb.Status(s, "b"), "c").wrap_errormsgs())
t("wrapempty", lambda: mb.Status(mb.Status(s, ""), "c").wrap_errormsgs())
t("wrape2", lambda: mb.Status(mb.Status(S.STATUS_FAULT), "").wrap_errormsgs())
t("code", lambda: str(s.code()))
t("seterr int", lambda: s.set_errormsg(3))
t("st kw", lambda: mb.Status(code=S.STATUS_FAULT))
b = mb.Buffer
t("Buffer()", lambda: b())
t("Buffer(1)", lambda: b(1))
fl = mb.Flow()
c = mb.Configuration()
for k, v in [
    ("i", 5),
    ("neg", -3),
    ("f", 1.5),
    ("f2", 0.1),
    ("f3", 1e20),
    ("f4", 1 / 3),
    ("b", True),
    ("s", "x"),
    ("li", [1, 2]),
    ("lf", [0.5, 2]),
    ("lm", [1, 2.5]),
    ("lm2", [1, "a"]),
    ("le", []),
    ("ls", ["a", "b"]),
    ("lb", [True, False]),
    ("none", None),
    ("d", {}),
    ("t", (1, 2)),
    ("np", np.int64(3)),
    ("npf", np.float64(2.5)),
    ("npf32", np.float32(2.5)),
    ("big", 1 << 70),
    ("ll", [[1]]),
    ("by", b"ab"),
    ("npb", np.bool_(True)),
    ("nl", [np.int64(1)]),
]:
    t("set " + k, lambda: c.set(k, v))
    t("str " + k, lambda: c.get_string(k, "D"))
    t("int " + k, lambda: c.get_int(k, 7))
    t("float " + k, lambda: c.get_float(k, 7))
    t("bool " + k, lambda: c.get_bool(k, True))
    t("strs " + k, lambda: c.get_string_list(k, ["D"]))
    t("ints " + k, lambda: c.get_int_list(k, [9]))
for v in [
    "1",
    " 1",
    "1 ",
    "+1",
    "-1",
    "0x10",
    "1e3",
    "1.0",
    "true",
    "True",
    "TRUE",
    "false",
    "0",
    "",
    "abc",
    "9223372036854775807",
    "9223372036854775808",
    "1_0",
    "inf",
    "nan",
    ".5",
    "5.",
    "1e400",
    "1f",
    "0x1p3",
    " ",
    "--1",
]:
    c.set("k", v)
    t("int %r" % v, lambda: c.get_int("k", 7))
    t("float %r" % v, lambda: c.get_float("k", 7))
    t("bool %r" % v, lambda: c.get_bool("k", True))
    t("boolf %r" % v, lambda: c.get_bool("k", False))
    t("ints %r" % v, lambda: c.get_int_list("k", [9]))
    t("strs %r" % v, lambda: c.get_string_list("k", ["D"]))
t("dflt kw", lambda: c.get_int(key="zz", default=4))
t("dflt type", lambda: c.get_int("zz", "x"))
t("dflt f->i", lambda: c.get_int("zz", 2.5))
t("dflt i->f", lambda: c.get_float("zz", 2))
t("dflt none", lambda: c.get_string("zz", None))
t("dflt list tuple", lambda: c.get_int_list("zz", (1, 2)))
t("dflt list bad", lambda: c.get_int_list("zz", ["a"]))
t("dflt b int", lambda: c.get_bool("zz", 1))
t("dflt i bool", lambda: c.get_int("zz", True))
t("key int", lambda: c.get_int(3))
t("str dflt int", lambda: c.get_string("zz", 3))
sc = mb.SessionContext()
for k, v in [
    ("i", 5),
    ("big", 1 << 63),
    ("f", 0.5),
    ("s", "x"),
    ("b", True),
    ("n", None),
    ("l", [1, 2]),
    ("lm", [1, 2.5]),
    ("lmix", [1, "a"]),
    ("e", []),
    ("ll", [[1, 2], [3]]),
    ("le2", [[]]),
    ("lle", [[1], []]),
    ("lf", [0.5, 1]),
    ("lb", [True, 2]),
    ("li", [1, True]),
    ("ls", ["a", b"b"]),
    ("t", (1,)),
    ("np", np.arange(3)),
    ("np0", np.int64(3)),
    ("npu", np.zeros(2, np.uint64)),
    ("npc", np.zeros(2, np.complex64)),
    ("lnf", [np.float64(1), 2]),
    ("nstr", np.arange(6).reshape(2, 3)[:, ::2]),
    ("by", b"ab"),
    ("l3", [[[1]]]),
    ("lnone", [None]),
    ("ldict", [{}]),
    ("lli", [[1, 2], 3]),
]:
    if k in ("nstr",):
        continue
    t("sess " + k, lambda: (sc.set_private(k, v), sc.get_private(k))[1])
    t("sessT " + k, lambda: type(sc.get_private(k)).__name__)
t("sess missing", lambda: sc.get_private("zz"))
t("sess int miss", lambda: sc.get_private_int("zz"))
t("sess set int str", lambda: sc.set_private_int("a", "x"))
t("sess set int float", lambda: sc.set_private_int("a", 2.5))
t("sess set int bool", lambda: (sc.set_private_int("a", True), sc.get_private_int("a"))[1])
t("sess str int", lambda: sc.set_private_string("a", 3))
t("sess str bytes", lambda: (sc.set_private_string("a", b"x"), sc.get_private_string("a"))[1])
t("sid", lambda: type(sc.get_session_id()).__name__)
t("setint np", lambda: (sc.set_private_int("a", np.int64(4)), sc.get_private_int("a"))[1])
e = mb.FlowUnitEvent()
t("ev", lambda: (e.set_private_int("a", 1), e.get_private_int("a"))[1])
t("fuerr3", lambda: mb.FlowUnitError("n", "p", mb.Status(S.STATUS_FAULT, "x")).get_description())
bl = mb.BufferList()
t("bl front", lambda: bl.front()) if False else None
t("bl len", lambda: len(bl))
t("bl push arr", lambda: None)
t("bl dev", lambda: bl.get_device())
t("bl bytes", lambda: bl.get_bytes())
t("flow wait", lambda: str(fl.wait()))
t("flow build", lambda: str(fl.build()))
t("run_async", lambda: str(fl.run_async()))
t("io", lambda: fl.create_stream_io())
t("init int", lambda: fl.init(3))
t("init 0", lambda: fl.init())
t(
    "fmt",
    lambda: [str(x) for x in (mb.Flow.Format.FORMAT_AUTO, mb.Flow.Format.FORMAT_TOML, mb.Flow.Format.FORMAT_JSON)],
)
t(
    "lvl",
    lambda: [
        (str(getattr(mb.Log.Level, x)), int(getattr(mb.Log.Level, x)))
        for x in ("DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "FATAL", "OFF")
    ],
)
t("initname", lambda: fl.init_by_name("zz", {}, "/nonexistent").str_code())
t("init empty", lambda: fl.init("a", "").str_code())
g = mb.FlowGraphDesc()
t("gd in", lambda: type(g.add_input("a")).__name__)
t("gd in2", lambda: g.add_input("a"))
t("node name", lambda: g.add_input("b").get_node_name())
n = g.add_input("c")
t("port", lambda: (n[0].get_node_name(), n[0].get_port_name()))
t("portn", lambda: n["x"].get_port_name())
t("nodeneg", lambda: n[-1])
t("dtype", lambda: [str(mb.Buffer.FLOAT), str(mb.Buffer.ModelBoxDataType.INT8), repr(mb.Buffer.UINT8)])
