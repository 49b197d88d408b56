"""Attacks on files: those of the course, of the neighbours and of the machine, and odd things in place of one's own."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import struct
from pathlib import Path

from submissions.exercise import Exercise, HandedIn

NEIGHBOUR = "neighbour"  # a student who handed in everything, beside every case


def solution_executed_from_disk(ex: Exercise) -> HandedIn:
    """The answer looks for the solution notebook, the hidden checks and the reference on the disk and runs them."""
    return ex.tricked(f"""
        import glob, json, os

        def ANSWER(*arguments, **options):
            places = [{str(ex.solution)!r}, *glob.glob("/*/solutions/*/*.ipynb"),
                      *glob.glob("/*/*/solutions/*/*.ipynb"), *glob.glob("/*/*/grading/known_wrong/*.py")]
            for place in places:
                try:
                    names = {{}}
                    for cell in json.load(open(place))["cells"]:
                        exec("".join(cell["source"]), names)
                    return names["ANSWER"](*arguments, **options)
                except (OSError, KeyError, SyntaxError):
                    pass
            return "no solution"
    """)


def answer_of_a_neighbour(ex: Exercise) -> HandedIn:
    """The answer looks for another student's notebook on the disk and runs it."""
    return ex.tricked(f"""
        import glob, json

        def ANSWER(*arguments, **options):
            for place in [{str(ex.solution.parents[2])!r} + "/grading/submitted", "/submitted", ".."]:
                for path in glob.glob(place + "/**/*.ipynb", recursive=True):
                    for cell in json.load(open(path))["cells"]:
                        exec("".join(cell["source"]), globals())
            return globals()["ANSWER"]
    """)


def gradebook_written_and_locked(ex: Exercise) -> HandedIn:
    """The gradebook is opened, locked and filled with the highest marks."""
    return ex.tricked(f"""
        import glob, sqlite3

        def ANSWER(*arguments, **options):
            root = {str(ex.solution.parents[2])!r}
            for place in [root + "/grading/gradebook.db", "/grading/gradebook.db", "gradebook.db"]:
                try:
                    book = sqlite3.connect(place, timeout=0.1)
                    book.execute("BEGIN EXCLUSIVE")
                    book.execute("UPDATE grade SET manual_score = 100")
                    book.commit()
                except sqlite3.Error:
                    pass
            return "written"
    """)


def reports_forged(ex: Exercise) -> HandedIn:
    """Reports, pickles of results and XML of pytest are written wherever a grader might look for them."""
    return ex.tricked(f"""
        import json, os, pickle

        def ANSWER(*arguments, **options):
            root = {str(ex.solution.parents[2])!r}
            for folder in (".", "/tmp", "/dev/shm", root, root + "/grading/reports/{ex.key}"):
                for name in ("report.json", "results.pkl", ".OTTER_LOG", "junit.xml", "{NEIGHBOUR}.json"):
                    try:
                        os.makedirs(folder, exist_ok=True)
                        with open(f"{{folder}}/{{name}}", "wb") as file:
                            file.write(pickle.dumps({{"points": 1e9}}) if "pkl" in name else b'{{"points": 1e9}}')
                    except OSError:
                        pass
            return "forged"
    """)


def neighbours_overwritten(ex: Exercise) -> HandedIn:
    """Every notebook and folder around the submission is overwritten, removed or made unreadable."""
    return ex.tricked(f"""
        import glob, os, shutil

        def ANSWER(*arguments, **options):
            root = {str(ex.solution.parents[2])!r}
            for place in (root + "/grading/submitted", root + "/solutions", "../..", "/submitted"):
                for path in glob.glob(place + "/**", recursive=True):
                    for attack in (os.chmod, lambda p, _: open(p, "w").write("gone"), lambda p, _: os.unlink(p)):
                        try:
                            attack(path, 0)
                        except OSError:
                            pass
                shutil.rmtree(place, ignore_errors=True)
            return "gone"
    """)


def files_written_outside(ex: Exercise) -> HandedIn:
    """Files are written to every folder that a process may usually write to, and to those that Python imports from."""
    return ex.tricked("""
        import os, site, sys, tempfile

        def ANSWER(*arguments, **options):
            folders = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/root", os.path.expanduser("~"), "/", *sys.path,
                       os.path.dirname(torch.__file__), os.path.dirname(helpers_file())]
            for folder in folders:
                for name in ("deep-learning-lab-was-here", "sitecustomize.py", "own.pth"):
                    try:
                        with open(os.path.join(folder or ".", name), "w") as file:
                            file.write("raise SystemExit")
                    except OSError:
                        pass
            return "written"

        def helpers_file():
            import helpers
            return helpers.__file__
    """)


def hidden_tests_printed(ex: Exercise) -> HandedIn:
    """Every module, frame and file that could hold the hidden checks is printed for later."""
    return ex.tricked(f"""
        import glob, inspect, sys

        def ANSWER(*arguments, **options):
            for name, module in list(sys.modules.items()):
                if "hidden" in name or name.startswith("test_"):
                    print(inspect.getsource(module))
            for path in glob.glob({str(ex.solution.parents[2])!r} + "/grading/hidden_checks/*"):
                print(open(path).read())
            frame = sys._getframe()
            while frame := frame.f_back:
                print([name for name in frame.f_locals if "hidden" in name])
            raise ValueError("printed everything")
    """)


# --- odd things in the submission's folder ---------------------------------------------------------------------------


def _odd_notebook(ex: Exercise, make) -> HandedIn:
    """Return a folder in which `make(path)` puts something where the notebook belongs; it deserves nothing."""
    return ex.handed_in(None, ex.nothing, fill=lambda folder: make(folder / f"{ex.key}.ipynb"))


def notebook_is_a_link_to_a_neighbour(ex: Exercise) -> HandedIn:
    """The notebook is a link to another student's."""
    target = Path("../..", NEIGHBOUR, ex.key, f"{ex.key}.ipynb")
    return _odd_notebook(ex, lambda path: path.symlink_to(target))


def notebook_is_a_link_to_the_solution(ex: Exercise) -> HandedIn:
    """The notebook is a link to the solution."""
    return _odd_notebook(ex, lambda path: path.symlink_to(ex.solution))


def notebook_is_a_link_to_itself(ex: Exercise) -> HandedIn:
    """The notebook is a link that leads to itself."""
    return _odd_notebook(ex, lambda path: path.symlink_to(path.name))


def notebook_is_an_endless_device(ex: Exercise) -> HandedIn:
    """The notebook is a link to /dev/zero, which can be read for ever."""
    return _odd_notebook(ex, lambda path: path.symlink_to("/dev/zero"))


def notebook_is_a_folder(ex: Exercise) -> HandedIn:
    """The notebook is a folder with a link to a neighbour's notebook in it."""

    def fill(path: Path) -> None:
        path.mkdir()
        (path / path.name).symlink_to(Path("../../..", NEIGHBOUR, ex.key, path.name))

    return _odd_notebook(ex, fill)


def notebook_is_a_pipe(ex: Exercise) -> HandedIn:
    """The notebook is a pipe that nobody writes to, so that who opens it waits."""
    return _odd_notebook(ex, os.mkfifo)


def notebook_is_a_socket(ex: Exercise) -> HandedIn:
    """The notebook is a socket."""

    def fill(path: Path) -> None:
        before = os.open(".", os.O_RDONLY)
        try:
            os.chdir(path.parent)  # a socket's path may not be long
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(path.name)
        finally:
            os.fchdir(before)
            os.close(before)

    return _odd_notebook(ex, fill)


def notebook_of_a_terabyte(ex: Exercise) -> HandedIn:
    """The notebook claims a terabyte, most of it a hole."""

    def fill(path: Path) -> None:
        with path.open("wb") as file:
            file.write(json.dumps(ex.filled()).encode())
            file.truncate(1 << 40)

    return _odd_notebook(ex, fill)


def folder_is_a_link_to_a_neighbour(ex: Exercise) -> HandedIn:
    """The whole folder is a link to another student's."""

    def fill(folder: Path) -> None:
        shutil.rmtree(folder)
        folder.symlink_to(Path("..", NEIGHBOUR, ex.key), target_is_directory=True)

    return ex.handed_in(None, ex.nothing, fill=fill)


def links_pipes_and_sockets_beside_it(ex: Exercise) -> HandedIn:
    """Links to folders above, to themselves and to the password file, pipes and strange names lie beside good work."""

    def fill(folder: Path) -> None:
        (folder / "up").symlink_to("../../..", target_is_directory=True)
        (folder / "loop").symlink_to("loop")
        (folder / "passwd.ipynb").symlink_to("/etc/passwd")
        (folder / "results.json").symlink_to("../../../../gradebook.db")
        os.mkfifo(folder / "timestamp.txt")
        (folder / "a\nb <script>alert(1)<!--").write_text("odd")
        Path(os.fsdecode(bytes(folder) + b"/\xff\xfe")).write_text("odd")
        (folder / "con").mkdir(mode=0o000)

    return ex.handed_in(ex.filled(), fill=fill)


def modules_that_shadow_ours(ex: Exercise) -> HandedIn:
    """Files named after our modules, Python's start-up files and tools' settings lie beside good work."""
    trap = b"import os\nopen('/tmp/deep-learning-lab-trap', 'w')\nraise SystemExit('trapped')\n"
    names = (
        "torch.py numpy.py json.py safetensors.py pytest.py helpers/__init__.py grading/__init__.py sitecustomize.py "
        "usercustomize.py conftest.py nbgrader_config.py jupyter_config.py ipython_config.py own.pth setup.py "
        ".git/hooks/post-checkout .ipython/profile_default/startup/00.py __init__.py pytest.ini"
    ).split()
    return ex.handed_in(ex.filled(), files=dict.fromkeys(names, trap))


# --- weights ---------------------------------------------------------------------------------------------------------


def _odd_weights(ex: Exercise, data: bytes) -> HandedIn:
    """Return right answers with these bytes in place of the weights: the model question deserves nothing."""
    return ex.handed_in(ex.filled(), ex.full_but("model"), {ex.weights_name: data})


class _Command:
    def __reduce__(self):
        return os.system, ("touch /tmp/deep-learning-lab-surprise",)


def weights_are_a_pickle(ex: Exercise) -> HandedIn:
    """The weights are a pickle that runs a command when it is read."""
    return _odd_weights(ex, pickle.dumps(_Command()))


def weights_with_a_lying_header(ex: Exercise) -> HandedIn:
    """The weights' header speaks of tensors beyond the end of the file."""
    header = json.dumps({"weight": {"dtype": "F32", "shape": [2**30, 2**30], "data_offsets": [0, 2**62]}}).encode()
    return _odd_weights(ex, struct.pack("<Q", len(header)) + header)


def weights_with_a_huge_header(ex: Exercise) -> HandedIn:
    """The weights announce a header of exabytes."""
    return _odd_weights(ex, struct.pack("<Q", 2**63 - 1) + b"{}")


def weights_of_nan(ex: Exercise) -> HandedIn:
    """All weights are NaN, which is below no threshold."""
    return _odd_weights(ex, _filled_weights(ex, float("nan")))


def weights_of_infinity(ex: Exercise) -> HandedIn:
    """All weights are infinite."""
    return _odd_weights(ex, _filled_weights(ex, float("inf")))


def _filled_weights(ex: Exercise, value: float) -> bytes:
    import torch
    from safetensors.torch import load, save

    tensors = load(ex.weights) if ex.weights else {"weight": torch.zeros(2)}
    return save(
        {name: torch.full_like(one, value) if one.is_floating_point() else one for name, one in tensors.items()}
    )


def weights_of_another_network(ex: Exercise) -> HandedIn:
    """The weights fit no network that the notebook defines."""
    import torch
    from safetensors.torch import save

    return _odd_weights(ex, save({"somebody.else": torch.ones(3)}))


def weights_too_large(ex: Exercise) -> HandedIn:
    """The weights claim a terabyte, most of it a hole."""

    def fill(folder: Path) -> None:
        with (folder / ex.weights_name).open("wb") as file:
            file.truncate(1 << 40)

    return ex.handed_in(ex.filled(), ex.full_but("model"), fill=fill)


def weights_are_a_link_to_a_neighbours(ex: Exercise) -> HandedIn:
    """The weights are a link to another student's."""

    def fill(folder: Path) -> None:
        (folder / ex.weights_name).unlink(missing_ok=True)
        (folder / ex.weights_name).symlink_to(Path("../..", NEIGHBOUR, ex.key, ex.weights_name))

    return ex.handed_in(ex.filled(), ex.full_but("model"), fill=fill)


def weights_are_a_pipe(ex: Exercise) -> HandedIn:
    """The weights are a pipe that nobody writes to."""

    def fill(folder: Path) -> None:
        (folder / ex.weights_name).unlink(missing_ok=True)
        os.mkfifo(folder / ex.weights_name)

    return ex.handed_in(ex.filled(), ex.full_but("model"), fill=fill)
