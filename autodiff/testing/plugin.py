"""Empty: the pytest plugin is `pytest_backflow`. Installations made before it moved still name this module."""
