"""Ends the graph."""

import _flowunit as mb


class Sk(mb.FlowUnit):
    def open(self, c):
        return mb.Status()

    def close(self):
        return mb.Status()

    def data_pre(self, ctx):
        return mb.Status()

    def process(self, ctx):
        return mb.Status()

    def data_post(self, ctx):
        return mb.Status(mb.Status.StatusCode.STATUS_STOP)
