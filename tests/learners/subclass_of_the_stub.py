"""The class is the finished one under the same name."""


from utils.autograd_stub import Value as Finished


class Value(Finished):
    pass
