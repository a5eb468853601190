"""Who may import whom, read from the sources and tried in fresh processes.

The sources say what is written anywhere in a file, also inside functions; a fresh
process says what an import really loads, through other packages too. Both are needed:
a server that never names TensorFlow can still load it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Layer:
    """What the modules of one room of the house may import.

    Attributes:
        rooms: rooms of zap, besides itself; those in ``OPEN`` are open to all.
        packages: packages of others; the standard library is open to all.
        never_loads: what importing all of the room must not load, by whatever way.
            "*" is everything that is neither in ``packages`` nor standard.
    """

    rooms: str = ""
    packages: str = ""
    never_loads: str = ""


ENGINES = "tensorflow keras apache_beam"
OPEN = {"", "errors", "times"}

# To add a room, add a line. The rooms are in the order of the flow.
LAYERS = {
    "errors": Layer(never_loads="*"),
    "times": Layer(never_loads="*"),
    "encoding": Layer(packages="numpy mmh3", never_loads="*"),
    "events": Layer(
        rooms="encoding",
        packages="numpy pyarrow orjson fsspec zstandard ua_parser crawleruseragents",
        never_loads=ENGINES,
    ),
    "histories": Layer(
        rooms="encoding events", packages="numpy pyarrow mmh3", never_loads=ENGINES
    ),
    "examples": Layer(
        rooms="encoding events histories",
        packages="numpy pyarrow mmh3",
        never_loads=ENGINES,
    ),
    "simulation": Layer(
        rooms="encoding histories", packages="numpy pyarrow", never_loads=ENGINES
    ),
    "datasets": Layer(
        rooms="encoding events histories examples",
        packages="numpy pyarrow tfx_bsl tensorflow_metadata google_crc32c fsspec mmh3",
        never_loads=ENGINES,
    ),
    "bundles": Layer(
        rooms="encoding datasets",
        packages="numpy fsspec",
        never_loads=ENGINES + " pyarrow matplotlib fsspec",
    ),
    "serving": Layer(
        rooms="encoding events datasets bundles",
        packages="numpy ai_edge_litert mmh3 msgspec orjson prometheus_client pymongo "
        "redis starlette uvicorn uvloop",
        never_loads=ENGINES + " pyarrow matplotlib",
    ),
    "collect": Layer(
        rooms="encoding events datasets bundles serving",
        packages="numpy pyarrow msgspec orjson jsonschema_rs fsspec prometheus_client "
        "starlette uvicorn uvloop",
        never_loads=ENGINES + " matplotlib",
    ),
    "training": Layer(
        rooms="encoding datasets bundles serving evaluation",
        packages="numpy tensorflow keras ai_edge_litert lightgbm optuna",
        never_loads="apache_beam lightgbm optuna",
    ),
    "evaluation": Layer(
        rooms="encoding datasets bundles",
        packages="numpy matplotlib",
        never_loads=ENGINES,
    ),
    "checks": Layer(
        rooms="encoding events histories examples datasets evaluation",
        packages="numpy pyarrow matplotlib",
        never_loads=ENGINES + " matplotlib",
    ),
    "dataflow": Layer(
        packages="packaging google", never_loads=ENGINES + " pyarrow numpy google"
    ),
    "beam": Layer(
        rooms="encoding events histories examples datasets bundles serving checks "
        "dataflow",
        packages="apache_beam numpy pyarrow tfx_bsl fsspec grpc google",
        never_loads="tensorflow keras",
    ),
    "jobs": Layer(
        rooms="encoding events histories examples datasets bundles serving collect "
        "training evaluation checks dataflow beam",
        packages="numpy",
    ),
    "cli": Layer(
        rooms="encoding events histories examples datasets bundles serving collect "
        "training evaluation checks dataflow beam jobs simulation",
        packages="rich",
        never_loads=ENGINES + " pyarrow matplotlib numpy",
    ),
}

# Modules that are held to more than their room: batch and serving share them.
STRICTER = {
    "zap": Layer(never_loads="*"),
    "zap.events.urls": Layer(never_loads="*"),
    "zap.events.agents": Layer(packages="ua_parser", never_loads="*"),
    "zap.events.bots": Layer(packages="crawleruseragents", never_loads="*"),
    "zap.events.derived": Layer(rooms="events", never_loads=ENGINES + " pyarrow numpy"),
}


def modules_below(root: Path, package: str) -> dict[str, Path]:
    """The files below ``root``/``package`` by module name."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        if "templates" in path.parts:
            continue
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(p for p in parts if p != "__init__")] = path
    return found


def room_of(module: str) -> str:
    """The room of a module of zap: ``zap.events.urls`` -> ``events``."""
    return [*module.split("."), ""][1]


def imports_in(path: Path, top_level: bool = False) -> Iterator[str]:
    """Full names that a file imports, anywhere or only when it is itself imported.

    ``from a import b`` gives ``a.b``, as b may be a module. Literal names that are
    given to importlib are among them.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in executed_at_import(tree) if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import; write the full name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func).rpartition(".")[2]
            if function in ("import_module", "__import__") and node.args:
                name = node.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield name.value


def executed_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes outside functions and outside ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from executed_at_import(node)


def forbidden(imported: Iterable[str], room: str, layer: Layer) -> list[str]:
    """Those of ``imported`` that a module of ``room`` may not import."""
    rooms = {*OPEN, room, *layer.rooms.split()}
    packages = {*layer.packages.split(), *sys.stdlib_module_names}
    return [
        name
        for name in sorted(set(imported))
        if (
            room_of(name) not in rooms and name != "zap.__version__"
            if name.split(".")[0] == "zap"
            else name.split(".")[0] not in packages
        )
    ]


def rooms_present() -> list[str]:
    """The rooms of the table for which there is code already."""
    present = {room_of(name) for name in modules_below(ROOT, "zap")}
    return [room for room in LAYERS if room in present]


def test_every_room_is_in_the_table() -> None:
    unknown = {room_of(name) for name in modules_below(ROOT, "zap")} - {"", *LAYERS}
    assert not unknown, f"add to LAYERS what these may import: {sorted(unknown)}"


@pytest.mark.parametrize("room", rooms_present())
def test_a_room_imports_only_what_it_may(room: str) -> None:
    modules = modules_below(ROOT, "zap")
    wrong = {
        name: names
        for name, path in modules.items()
        if room_of(name) == room
        and (names := forbidden(imports_in(path), room, LAYERS[room]))
    }
    assert not wrong


@pytest.mark.parametrize("module", STRICTER)
def test_a_stricter_module_imports_only_what_it_may(module: str) -> None:
    path = modules_below(ROOT, "zap")[module]
    layer = STRICTER[module]
    assert forbidden(imports_in(path), room_of(module), layer) == []


def test_a_generator_imports_only_the_examples_room_and_its_like() -> None:
    for path in modules_below(ROOT, "generators").values():
        for name in imports_in(path):
            allowed = name.startswith(("zap.examples.", "generators."))
            assert allowed or name.split(".")[0] in sys.stdlib_module_names, (
                f"{path.relative_to(ROOT)} imports {name}"
            )


def test_a_pipeline_imports_beam_and_zap_alone() -> None:
    for path in modules_below(ROOT, "pipelines").values():
        for name in imports_in(path):
            top = name.split(".")[0]
            allowed = {"zap", "pipelines", "apache_beam", *sys.stdlib_module_names}
            assert top in allowed, f"{path.relative_to(ROOT)} imports {name}"


def find_cycle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Names along a cycle of the graph, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_cycle_between_rooms() -> None:
    graph: dict[str, set[str]] = {}
    for name, path in modules_below(ROOT, "zap").items():
        imported = (n for n in imports_in(path) if n.startswith("zap."))
        rooms = {room_of(n) for n in imported} - {room_of(name), "__version__"}
        graph.setdefault(room_of(name), set()).update(rooms)
    assert find_cycle(graph) == []


def test_no_cycle_between_modules() -> None:
    modules = modules_below(ROOT, "zap")
    graph = {}
    for name, path in modules.items():
        imported = set(imports_in(path, top_level=True))
        imported |= {n.rpartition(".")[0] for n in imported}
        graph[name] = (imported & set(modules)) - {name, "zap"}
    assert find_cycle(graph) == []


LOADED = """
import importlib, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


@cache
def loaded_by(*modules: str) -> frozenset[str]:
    """Top-level names of all that a fresh process loads for these modules."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *modules],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return frozenset(done.stdout.splitlines()[-1].split())


def loads_wrongly(layer: Layer, modules: Iterable[str]) -> set[str]:
    """What importing the modules loads although the layer forbids it."""
    loaded = loaded_by(*modules)
    if layer.never_loads == "*":
        allowed = {"zap", *layer.packages.split(), *sys.stdlib_module_names}
        return {n for n in loaded - allowed if not part_of_allowed(n, layer)}
    return set(loaded & set(layer.never_loads.split()))


def part_of_allowed(name: str, layer: Layer) -> bool:
    """Whether a top-level module comes with an allowed package, or with Python."""
    own = tuple(f"{package}_" for package in layer.packages.split())
    return name.startswith(("_", *own))


@pytest.mark.parametrize("room", rooms_present())
def test_a_room_loads_only_what_it_may(room: str) -> None:
    modules = [n for n in modules_below(ROOT, "zap") if room_of(n) == room]
    assert loads_wrongly(LAYERS[room], modules) == set()


@pytest.mark.parametrize("module", STRICTER)
def test_a_stricter_module_loads_only_what_it_may(module: str) -> None:
    assert module in modules_below(ROOT, "zap")
    assert loads_wrongly(STRICTER[module], [module]) == set()


def test_importing_zap_loads_no_room() -> None:
    code = "import sys, zap; print(*[n for n in sys.modules if n.startswith('zap.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, "")


# The rules themselves, on made sources: each must be seen when it is broken.


def made(folder: Path, source: str) -> Path:
    path = folder / "made.py"
    path.write_text(source)
    return path


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf",
        "def f():\n    from apache_beam import DoFn",
        "import importlib\nimportlib.import_module('pyarrow.compute')",
        "from zap.beam import transforms",
        "import zap.training.model",
        "from zap import cli",
    ],
)
def test_a_forbidden_import_is_seen(tmp_path: Path, source: str) -> None:
    imported = imports_in(made(tmp_path, source))
    assert len(forbidden(imported, "serving", LAYERS["serving"])) == 1


def test_allowed_imports_are_let_through(tmp_path: Path) -> None:
    source = "import json\nimport numpy as np\nfrom zap.errors import ZapError\n"
    source += "from zap import __version__\nfrom zap.serving.scorer import Scorer\n"
    imported = imports_in(made(tmp_path, source))
    assert forbidden(imported, "serving", LAYERS["serving"]) == []


def test_only_what_runs_at_import_counts_for_cycles(tmp_path: Path) -> None:
    source = "import a\nclass C:\n    import b\ndef f():\n    import c\n"
    source += "if TYPE_CHECKING:\n    import d\n"
    assert list(imports_in(made(tmp_path, source), top_level=True)) == ["a", "b"]


def test_a_cycle_is_seen() -> None:
    assert find_cycle({"a": ["b"], "b": ["c"], "c": []}) == []
    assert set(find_cycle({"a": ["b"], "b": ["a"]})) == {"a", "b"}


def test_a_loaded_package_is_seen() -> None:
    layer = Layer(never_loads="*")
    assert "numpy" in loads_wrongly(layer, ["numpy"])
    assert loads_wrongly(Layer(packages="numpy", never_loads="*"), ["numpy"]) == set()
    assert loads_wrongly(Layer(never_loads="numpy"), ["numpy"]) == {"numpy"}
