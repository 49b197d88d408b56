"""Is this machine ready for the course? One line for each thing that an exercise needs."""

import importlib.util
import os
import platform
import re
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

__all__ = ["machine_report"]

NEEDED = ("torch", "torchvision", "numpy", "matplotlib", "ipywidgets", "safetensors", "tqdm", "scipy", "pycocotools")
TORCH = [2, 11]  # or newer, as in pyproject.toml
HOSTS = ("COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE", "CODESPACES", "BINDER_LAUNCH_HOST")  # set nowhere else
FREE_GB = 2.0


def machine_report() -> bool:
    """Print what this machine has and what to do where something is missing; return whether all is ready."""
    all_ready = True
    for part in (_python, _packages, _disk, _device, _speed):
        if part is _device and not all_ready:
            break
        try:
            ready, text = part()
        except Exception as error:  # of an import or a damaged file, whatever it raises
            ready, text = False, " ".join(f"{part.__name__[1:]}: {type(error).__name__}: {error}".split())[:400]
        print("ok  " if ready else "MISSING ", text, sep="")
        all_ready &= ready
    return all_ready


def _python() -> tuple[bool, str]:
    parts = [f"Python {platform.python_version()} on {platform.system()}", f"{os.cpu_count()} cores"]
    if hasattr(os, "sysconf"):  # Windows does not say
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        allowed = os.environ.get("MEM_LIMIT", "")  # on a hub, bytes
        parts.append(f"{min(memory, int(allowed) if allowed.isdigit() else memory) / 1e9:.0f} GB of memory")
    parts += [name.split("_")[0].title() for name in HOSTS if name in os.environ]
    parts += ["conda's base"] * Path(sys.prefix, "condabin").is_dir()
    parts += ["but Python 3.11 is needed"] * (sys.version_info < (3, 11))
    return sys.version_info >= (3, 11), ", ".join(parts)


def _packages() -> tuple[bool, str]:
    wrong = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not wrong and [int(number) for number in re.findall(r"\d+", version("torch"))] < TORCH:
        wrong = ['"torch>=2.11"', "torchvision"]
    ask = f"packages: run `%pip install {' '.join(wrong)}` in a cell, then restart the kernel"
    return not wrong, ask if wrong else "all packages"


def _disk() -> tuple[bool, str]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    if not os.access(Path.cwd(), os.W_OK):
        return False, f"{Path.cwd()} cannot be written, so nothing could be saved: copy the course elsewhere"
    if free < FREE_GB:
        return False, f"{free:.1f} GB free on this disk: make room for {FREE_GB:.0f} GB"
    return True, f"{free:.0f} GB free on this disk"


def _device() -> tuple[bool, str]:
    import torch

    from helpers.training.speed import describe_device, pick_device

    kinds = {"cpu": "the CPU, which every exercise is made for", "mps": "the Apple GPU"}
    device = pick_device()  # says a sentence of its own where a GPU cannot be used
    return True, f"torch {torch.__version__}, training on {kinds.get(device.type) or describe_device(device)}"


def _speed() -> tuple[bool, str]:
    from helpers.models.backbones import fine_backbone
    from helpers.models.efficientnet import pretrainable_backbone
    from helpers.people import render_scene

    fine_backbone(pretrained=True), pretrainable_backbone(pretrained=True)  # these read their weights
    render_scene(0, 0)  # reads the body
    start, count = time.perf_counter(), 20
    for index in range(count):
        render_scene(0, index)
    rate = count / (time.perf_counter() - start)
    return True, f"{rate:.0f} rendered images a second: the first data set takes about {2560 / rate:.0f} seconds, once"
