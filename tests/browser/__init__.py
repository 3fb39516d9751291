"""A package, so that its browser, pages and server end with its last test: they take as much processor when idle."""
