"""How Jupyter is started in half the time: by deferring an import that it makes for nothing.

jsonschema 4.25 and later imports `rfc3987_syntax` to check international addresses, which no schema of
Jupyter's holds. That import compiles 38 grammars and takes longer than all other imports of a server: 0.85 of
1.45 s of processor time (https://github.com/python-jsonschema/jsonschema/issues/1428, December 2026). It is
made when something is to be checked. Only the process of the server is started so: kernels, terminals and
what people install are as they would be.
"""

from __future__ import annotations

DEFER = """
import importlib, importlib.util, sys, types

class Deferred(types.ModuleType):
    def load(self):
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return importlib.import_module(self.__name__)
    def is_valid_syntax(self, *given, **named):
        return self.load().is_valid_syntax(*given, **named)
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.load(), name)

if importlib.util.find_spec("rfc3987_syntax"):
    sys.modules["rfc3987_syntax"] = Deferred("rfc3987_syntax")
"""
"""Python code of its own process: puts a stand-in where the module is installed."""

RUN = f"""
import sys
del sys.argv[0]
sys.path[0] = sys.argv[0].rpartition("/")[0]
{DEFER}
import runpy
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Python code that runs the script whose path is its first argument, as Python itself runs a script."""
