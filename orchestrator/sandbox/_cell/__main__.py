"""Started by path, without the package around it: finds its siblings, and nothing else of the place it lies in."""

import sys

if __name__ == "__main__":
    import importlib.util
    import os

    folder = os.path.dirname(os.path.abspath(__file__))
    spec = importlib.util.spec_from_file_location(
        "_cell", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["_cell"] = package
    spec.loader.exec_module(package)
    from _cell.worker import main  # type: ignore[import-not-found]

    main()
