class Clock:
    """Stands still until a test moves it on."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now
