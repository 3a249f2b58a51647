"""Takes what nobody looks at."""
import _flowunit as mb


class BiEat(mb.FlowUnit):
    def open(self, config):
        return mb.Status()

    def process(self, data_context):
        return mb.Status.StatusCode.STATUS_SUCCESS

    def close(self):
        return mb.Status()
