"""Honest work with harmless things in its code: it keeps every point."""

from __future__ import annotations

import textwrap

from grading.sample_submissions.handing_in import scratch
from submissions.exercise import Exercise, HandedIn, until_a_limit, with_scratch


def _before(ex: Exercise, head: str) -> HandedIn:
    """Return right answers, the first of which has these lines at the top of its cell."""
    return ex.honest(**{ex.first: f"{textwrap.dedent(head).strip()}\n\n{ex.answers[ex.first]}"})


def _inside(ex: Exercise, lines: str) -> HandedIn:
    """Return right answers, the first of which runs these lines on every call."""
    name = ex.first
    right = ex.answers[name].replace(f"def {name}(", "def _right(", 1)
    body = textwrap.indent(textwrap.dedent(lines).strip(), "    ")
    return ex.honest(
        **{name: f"{right}\n\n\ndef {name}(*arguments, **options):\n{body}\n    return _right(*arguments, **options)"}
    )


def warnings_and_progress_bars(ex: Exercise) -> HandedIn:
    """Warnings, logs and progress bars go to stderr, from the cell and from the answer."""
    return _inside(
        ex,
        """
        import logging, sys, warnings
        from tqdm.auto import tqdm
        warnings.warn("deprecated", DeprecationWarning)
        logging.warning("this is a warning")
        print("step", end="\\r", file=sys.stderr)
        for _ in tqdm(range(3)): pass
    """,
    )


def warnings_as_errors(ex: Exercise) -> HandedIn:
    """A scratch cell turns warnings into errors, by a call that is not run in grading."""
    return ex.honest("import warnings\nwarnings.simplefilter('error')")


def prints_everything(ex: Exercise) -> HandedIn:
    """The answer prints its arguments, in color, and flushes."""
    return _inside(ex, 'print("\\033[1m", arguments, options, flush=True)\nimport sys\nsys.stdout.flush()')


@until_a_limit
def endless_scratch_cell(ex: Exercise) -> HandedIn:
    """A scratch cell's class never stops being defined."""
    return ex.honest("n = 0\nwhile True:\n    n += 1", "class Endless:\n    while True: pass")


def dying_scratch_cell(ex: Exercise) -> HandedIn:
    """Scratch cells end the process, the kernel and the definition of a class."""
    return ex.honest("import os\nos._exit(1)", "exit()", "quit", "class Dying:\n    import os\n    os._exit(3)")


@until_a_limit
def training_for_hours(ex: Exercise) -> HandedIn:
    """Training loops, sleeps and downloads stand in scratch cells, and one in a function that nobody calls."""
    return ex.honest(
        "import time\nfor epoch in range(10**9):\n    time.sleep(1)",
        "import urllib.request\ndata = urllib.request.urlopen('http://localhost/data.zip').read()",
        "def train():\n    while True: pass",
        "time.sleep(10**6)",
    )


@until_a_limit
def answer_cell_that_hangs_after_the_definition(ex: Exercise) -> HandedIn:
    """Below the answer, in its own cell, it is tried out in a loop that never ends."""
    return ex.honest(**{ex.first: f"{ex.answers[ex.first]}\n\nwhile True:\n    last = 1"})


def slow_cell(ex: Exercise) -> HandedIn:
    """The answer's cell computes for half a second, well within its limit."""
    return _before(ex, "import time\nend = time.perf_counter() + 0.5\nwhile time.perf_counter() < end: pass")


def slow_answer(ex: Exercise) -> HandedIn:
    """Every call of the answer takes 0.3 s more, well within the limits."""
    return _inside(ex, "import time\ntime.sleep(0.3)")


def input_asked(ex: Exercise) -> HandedIn:
    """The cell and the answer ask for input."""
    return _inside(ex, 'name = input("your name? ")\nimport getpass')


def breakpoints_left(ex: Exercise) -> HandedIn:
    """breakpoint() and pdb.set_trace() were left in a scratch cell, in the answer's cell and in the answer."""
    made = _inside(ex, "breakpoint()\nimport pdb\npdb.set_trace()")
    source = ex.cell(made.notebook, ex.first)["source"]
    return ex.honest("breakpoint()", **{ex.first: f"breakpoint()\nimport pdb; pdb.set_trace()\n{source}"})


def plots_shown(ex: Exercise) -> HandedIn:
    """Figures are drawn and shown, in the answer too."""
    return _inside(
        ex,
        """
        import matplotlib.pyplot as plt
        plt.figure()
        plt.plot([1, 2])
        plt.show()
    """,
    )


def magics_and_shell_lines(ex: Exercise) -> HandedIn:
    """Magics, shell lines and questions for help stand in scratch cells and in the answer's cell."""
    head = """
        %matplotlib inline
        %load_ext autoreload
        %autoreload 2
        !pip install torch
        files = !ls
        ?torch.zeros
        torch.ones??
        %config InlineBackend.figure_format = 'retina'
        %env X=1
        %cd ..
    """
    return ex.honest(
        "%%time\nx = 1", "%%timeit\ny = 1", "%%bash\nrm -rf /", "%%writefile helpers.py\nx = 1",
        "!nvidia-smi", "%run other.ipynb", "%%html\n<b>x</b>", "%debug",
        **{ex.first: "\n".join(line.strip() for line in head.strip().splitlines()) + f"\n{ex.answers[ex.first]}"},
    )  # fmt: skip


def timed_answer_cell(ex: Exercise) -> HandedIn:
    """The answer's cell begins with %%time."""
    return ex.honest(**{ex.first: f"%%time\n{ex.answers[ex.first]}"})


def captured_answer_cell(ex: Exercise) -> HandedIn:
    """The answer's cell begins with empty lines and %%capture with options."""
    return ex.honest(**{ex.first: f"\n%%capture out --no-stderr\n{ex.answers[ex.first]}"})


def cuda_everywhere(ex: Exercise) -> HandedIn:
    """The answer was written on a GPU: .cuda(), to, device= in factories, synchronize, autocast, empty_cache."""
    return _inside(
        ex,
        """
        device = torch.device("cuda")
        x = torch.zeros(2, 3, device="cuda") + torch.ones(3, device=device) + torch.arange(3, device="cuda:0")
        x = x.cuda().to("cuda").to(device, non_blocking=True).to(torch.ones(1).cuda())
        x = x + torch.zeros_like(x, device="cuda") + x.new_ones(3, device=device) + torch.tensor([1, 2, 3]).cuda(0)
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.manual_seed_all(0)
        with torch.autocast("cuda", enabled=False):
            layer = torch.nn.Linear(3, 2, device="cuda").to("cuda")
            y = layer(x)
        module = torch.nn.Sequential(layer).cuda()
        torch.save(module.state_dict(), "own.pt")
        torch.load("own.pt", map_location="cuda")
        torch.rand(2, device="cuda")
        torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
    """,
    )


def mps_everywhere(ex: Exercise) -> HandedIn:
    """The answer was written on a Mac's GPU."""
    return _inside(
        ex,
        """
        device = torch.device("mps")
        x = torch.zeros(2, 3, device="mps") + torch.ones(3, device=device).to("mps:0")
        y = torch.nn.Linear(3, 2, device="mps").to(device)(x)
        torch.mps.synchronize()
        torch.mps.empty_cache()
    """,
    )


def cuda_if_there(ex: Exercise) -> HandedIn:
    """The device is chosen by what there is, in a scratch cell, and used by the answer."""
    made = _inside(ex, "torch.zeros(3).to(device), torch.ones(2, device=DEVICE)")
    source = ex.cell(made.notebook, ex.first)["source"]
    return ex.honest(
        'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")\nDEVICE = str(device)',
        **{ex.first: source},
    )


def helper_in_another_cell(ex: Exercise) -> HandedIn:
    """The answer calls a function, a class and a constant of cells that the student added, before and behind it."""
    made = _inside(ex, "assert helper(OFFSET) == 4 and Helper().value == 5")
    source = ex.cell(made.notebook, ex.first)["source"]
    return ex.honest(
        "import functools as own_import\nOFFSET = 3\n\n\ndef helper(x): return own_import.reduce(max, [x]) + 1",
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Helper:\n    value: int = 5",
        **{ex.first: source},
    )


def answer_split_over_two_cells(ex: Exercise) -> HandedIn:
    """The first answer stands in two cells: what it builds on in its own, and itself in the one below."""
    name = ex.first
    right = ex.answers[name].replace(f"def {name}(", "def _part(", 1)
    made = ex.honest(**{name: right})
    place = made.notebook["cells"].index(ex.cell(made.notebook, name))
    second = f"def {name}(*arguments, **options):\n    return _part(*arguments, **options)"
    made.notebook["cells"].insert(place + 1, scratch(second, "second-half"))
    return made


def modern_python(ex: Exercise) -> HandedIn:
    """Type hints, a dataclass, a walrus, match, async functions and generics stand around the answer."""
    return _before(
        ex,
        """
        from __future__ import annotations
        from dataclasses import dataclass, field
        from typing import Generic, NamedTuple, TypeVar
        import asyncio, enum

        T = TypeVar("T")

        @dataclass(frozen=True, slots=True)
        class Settings(Generic[T]):
            sigma: float = 1.0
            names: list[no_such_name] = field(default_factory=list)

        class Colour(enum.Enum):
            RED = 1

        class Pair(NamedTuple):
            x: int
            y: int = 2

        async def later(x): return x

        if (n := 3) > 2:
            match n:
                case 3: kind = Colour.RED
        await asyncio.sleep(0)
        assert Settings().sigma == 1.0 and Pair(1).y == 2
    """,
    )


def wrapped_by_a_decorator(ex: Exercise) -> HandedIn:
    """The answer is wrapped by decorators: no_grad elsewhere, functools.wraps, a timer of the student's own."""
    wrapped = """
        import functools, time

        def timed(function):
            @functools.wraps(function)
            def inner(*arguments, **options):
                started = time.perf_counter()
                try:
                    return function(*arguments, **options)
                finally:
                    print(f"{function.__name__}: {time.perf_counter() - started:.3f} s")
            return inner
    """
    made = _before(ex, wrapped)
    source = ex.cell(made.notebook, ex.first)["source"]
    return ex.honest(**{ex.first: f"{source}\n\n\n{ex.first} = timed({ex.first})"})


def compiled(ex: Exercise) -> HandedIn:
    """The answer is wrapped by torch.compile, which finds no compiler in grading."""
    return ex.honest(**{ex.first: f"{ex.answers[ex.first]}\n\n\n{ex.first} = torch.compile({ex.first})"})


def scripted_helper(ex: Exercise) -> HandedIn:
    """A helper of the answer is compiled by torch.jit.script, which reads its source."""
    made = _inside(ex, "assert own_sum(torch.ones(3)).item() == 3")
    source = ex.cell(made.notebook, ex.first)["source"]
    head = "@torch.jit.script\ndef own_sum(x: torch.Tensor) -> torch.Tensor:\n    return x.sum() + torch.zeros(1)"
    return ex.honest(**{ex.first: f"{head}\n\n\n{source}"})


def seeds_and_settings(ex: Exercise) -> HandedIn:
    """Seeds, threads, print options and deterministic algorithms are set in the answer's cell."""
    return _before(
        ex,
        """
        import random
        random.seed(0); np_seed = __import__("numpy").random.seed(0); torch.manual_seed(0)
        torch.set_num_threads(2)
        torch.set_printoptions(precision=2)
        torch.backends.cudnn.benchmark = True
    """,
    )


def default_dtype_in_a_scratch_cell(ex: Exercise) -> HandedIn:
    """A scratch cell sets the default dtype; only definitions of such cells count, so the answer is judged without."""
    return ex.honest("torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)")


def notebook_progress_bar(ex: Exercise) -> HandedIn:
    """tqdm.notebook is imported and used in the answer."""
    return _inside(
        ex,
        """
        from tqdm.notebook import tqdm
        for _ in tqdm(range(2), desc="once"): pass
    """,
    )


def widgets(ex: Exercise) -> HandedIn:
    """Widgets are made, decorated with and shown in the answer's cell."""
    return _before(
        ex,
        """
        import ipywidgets
        from IPython.display import HTML, Image, clear_output, display
        slider = ipywidgets.IntSlider(3, 0, 9)
        display(slider, HTML("<b>x</b>"))
        clear_output(wait=True)

        @ipywidgets.interact(x=(0, 3))
        def show(x=1):
            print(x)
    """,
    )


def error_beside_the_answer(ex: Exercise) -> HandedIn:
    """In the answer's cell, tries around the definition fail with errors."""
    return ex.honest(
        "1 / 0",
        **{ex.first: f"no_such_name\n{ex.answers[ex.first]}\nassert False\n{ex.first}('nonsense')\nraise SystemExit"},
    )


def syntax_errors_in_scratch_cells(ex: Exercise) -> HandedIn:
    """Scratch cells are unfinished: brackets open, text, tabs and spaces mixed, a lone surrogate."""
    return ex.honest(
        "print((1, 2", "Hier fehlt noch etwas!", "if True:\n\tx = 1\n        y = 2", "'\ud800", "\x00", "%"
    )


def answer_tried_out_below(ex: Exercise) -> HandedIn:
    """A scratch cell at the end rebinds the first answer's name and those of arguments."""
    made = ex.honest()
    made.notebook["cells"].append(scratch(f"{ex.first} = 3\npred = target = x = None", "try"))
    return made


def two_versions_of_the_answer(ex: Exercise) -> HandedIn:
    """The answer's cell holds a first, wrong version above the right one."""
    return _before(ex, f"def {ex.first}(*arguments):\n    return None")


def docstring_only_quotes(ex: Exercise) -> HandedIn:
    """Strings of the answer's cell hold quotes, backslashes, percent signs and words that look like magics."""
    return _before(
        ex,
        '''
        text = """
        %matplotlib inline
        !ls
        """
        path = r"C:\\new\\table%d" % 3
        assert "%matplotlib" in text and "!ls" in text
    ''',
    )


def reads_files_that_are_not_there(ex: Exercise) -> HandedIn:
    """The answer's cell reads data, changes folders and saves pictures beside the notebook."""
    return _before(
        ex,
        """
        import os, pathlib
        os.chdir(".")
        pathlib.Path("out").mkdir(exist_ok=True)
        torch.save({"a": torch.ones(2)}, "out/own.pt")
        own = torch.load("out/own.pt")
        data = open("/home/student/data.csv").read()
    """,
    )


def workers_that_load_data(ex: Exercise) -> HandedIn:
    """A loader with two workers is made in the answer's cell and used in a loop there."""
    return _before(
        ex,
        """
        from torch.utils.data import DataLoader, TensorDataset
        loader = DataLoader(TensorDataset(torch.arange(4.0)), batch_size=2, num_workers=2)
        for batch in loader:
            print(batch)
    """,
    )


def star_imports(ex: Exercise) -> HandedIn:
    """Scratch cells import everything from torch and math, over names that others use."""
    return ex.honest("from math import *\nfrom torch.nn.functional import *", "import torch as th, numpy as numpy")


def surrogate_in_an_error(ex: Exercise) -> HandedIn:
    """A wrong answer and its cell raise errors whose texts are half a character, a NUL and a very long line."""
    return ex.tricked("""
        print("\\ud800")
        raise ValueError("\\ud800\\x00" + "x" * 10**6)
        def ANSWER(*arguments, **options):
            raise ValueError("\\udfff")
    """)


def helpers_of_one_name(ex: Exercise) -> HandedIn:
    """Two answers have helpers of the same name, each the right one for its own."""
    return ex.honest(**{name: _through_helper(name, ex.answers[name]) for name in (ex.first, ex.second)})


def _through_helper(name: str, right: str) -> str:
    through = f"def {name}(*arguments, **options):\n    return _helper(*arguments, **options)"
    return f"{right}\n\n\n_helper = {name}\n\n\n{through}"


def scratch_takes_names(ex: Exercise) -> HandedIn:
    """A cell at the end calls numbers what the answers know as modules and builtins."""
    made = ex.honest()
    made.notebook["cells"].append(scratch("torch = np = nn = F = None\nlen = sum = list = range = 3", "taken"))
    return made


def own_table_by_comprehension(ex: Exercise) -> HandedIn:
    """The answer needs a table that a cell of the student's own makes by comprehension."""
    made = _inside(ex, "assert TABLE[2] == [0, 1]")
    made.notebook = with_scratch(made.notebook, "TABLE = {n: [k for k in range(n)] for n in range(3)}")
    return made
