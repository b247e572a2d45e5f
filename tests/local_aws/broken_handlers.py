"""Cannot be imported."""

raise ImportError("there is no café")
