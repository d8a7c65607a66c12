import os
import signal
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import settings


# The tests compile much and run each program once. Child processes are to have it too.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

_MAPS = 25_000

# A change is judged by the same examples each time; `--hypothesis-profile=default` looks
# for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


def pytest_configure(config):
    """Let the processes of a run share what they compile, and none of another run."""
    folder = "JAX_COMPILATION_CACHE_DIR"
    if folder not in os.environ:
        made = tempfile.TemporaryDirectory(prefix="tmsgrad-compiled-")
        config.add_cleanup(made.cleanup)
        os.environ[folder] = made.name
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    jax.config.update("jax_compilation_cache_dir", os.environ[folder])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # Files are put in order below.


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no worker is left with one."""
    long = Counter(item.path for item in items if item.get_closest_marker("long"))
    count = Counter(item.path for item in items)
    items.sort(key=lambda item: (-long[item.path], -count[item.path], item.path))


def pytest_report_header():
    """Say with what the tests are run."""
    names = ("jax", "equinox", "jaxtyping", "numpy", "scipy", "pyamg", "h5py")
    names += ("nibabel", "matplotlib", "nilearn", "mne", "dipy")
    return "with " + ", ".join(f"{name} {version(name)}" for name in names)


@pytest.fixture
def key():
    return jax.random.key(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Keep the tests away from the user's cache folder."""
    if "TMSGRAD_CACHE" not in os.environ:
        monkeypatch.setenv(
            "TMSGRAD_CACHE", str(tmp_path_factory.getbasetemp() / "cache")
        )


@pytest.fixture(scope="session")
def test_data():
    """The folder with large data that is not part of the repository."""
    folder = os.environ.get("TMSGRAD_TEST_DATA")
    if not folder:
        pytest.skip("TMSGRAD_TEST_DATA is not set: large test data is not at hand")
    return Path(folder)


@pytest.fixture(scope="session")
def references():
    """Fields by SimNIBS 4.5 that are part of the repository."""
    return Path(__file__).parent / "data" / "references"


@pytest.fixture(scope="module")
def program_settings(tmp_path_factory):
    """Put back what the program sets for itself, and keep one cache for a module."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        if "TMSGRAD_CACHE" not in os.environ:
            folder = tmp_path_factory.getbasetemp() / "cache"
            patch.setenv("TMSGRAD_CACHE", str(folder))
        yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(autouse=True, scope="module")
def _room_for_programs():
    """Forget compiled programs before they fill what a process may map.

    Each is some ten pieces of memory, of which Linux allows 65,530. One more ends the
    process, and with it the worker that ran the tests.
    """
    yield
    pieces = Path("/proc/self/maps")
    if pieces.exists() and pieces.read_bytes().count(b"\n") > _MAPS:
        jax.clear_caches()


# These import late: what is imported with this file escapes jaxtyping's checks.


@pytest.fixture(scope="session")
def case(tmp_path_factory):
    """A head, a coil and a pose as files."""
    from cli_examples import Case
    from heads import five_layers, pose_over, write_coil

    from tmsgrad import meshing

    folder = tmp_path_factory.mktemp("case")
    meshing.write_msh(folder / "spheres.msh", five_layers())
    pose = pose_over([0.2, 0.3, 1.0], 0.4)
    np.savetxt(folder / "pose.txt", pose.to_matsimnibs())
    return Case(folder, folder / "spheres.msh", write_coil(folder), folder / "pose.txt")


@pytest.fixture
def signals_heard():
    """Hear signals, which a program in the background may have inherited as ignored."""
    usual = {signal.SIGINT: signal.default_int_handler}
    numbers = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, usual.get(number, signal.SIG_DFL))
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def undrawn():
    """Draw no pictures: give those that are asked for."""
    from tmsgrad.meshing.drawing import studio

    with studio.undrawn() as asked:
        yield asked


@pytest.fixture(scope="session")
def conductor():
    from heads import five_layers

    from tmsgrad import efield

    return efield.assemble(five_layers(), efield.isotropic(five_layers()))


@pytest.fixture(scope="session")
def target():
    from cli_examples import RADIUS, TARGET
    from heads import five_layers

    from tmsgrad import meshing

    return meshing.ball(five_layers(), TARGET, RADIUS)


@pytest.fixture(scope="session")
def page_basis(case, conductor, tmp_path_factory):
    """The file of a basis of two coils around a target, and the basis."""
    from page_examples import write_basis

    return write_basis(tmp_path_factory.mktemp("basis"), case, conductor)


@pytest.fixture(scope="module")
def made_page(case, page_basis, program_settings, tmp_path_factory):
    """An interactive page, and what the command said of it."""
    from page_examples import write_page

    return write_page(tmp_path_factory.mktemp("page"), case, page_basis)


@pytest.fixture(scope="module")
def open_page(made_page, tmp_path_factory):
    """The page in a browser."""
    from page_examples import opened

    with opened(tmp_path_factory.mktemp("browser"), made_page[0]) as page:
        yield page


@pytest.fixture
def shown_page(open_page):
    """The page in a browser, at the best placement of the first coil."""
    from page_examples import begin

    begin(open_page)
    return open_page
