def likely_mistake(e): return "?"
class Evidence:
    def __init__(self, **k): self.__dict__.update(k)
