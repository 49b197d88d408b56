"""CONTRIBUTING.md, the forms, the hooks and both CI files say what is true of this repository."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from repository import listed

from grading.__main__ import VERBS

ROOT = Path(__file__).resolve().parents[2]
FORMS = [ROOT / ".github/ISSUE_TEMPLATE" / name for name in ("a_check_was_wrong.yml", "something_broke.yml")]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
TEXTS = {"CONTRIBUTING.md": GUIDE, "the template": (ROOT / ".github/pull_request_template.md").read_text()}
EXERCISES = sorted(path.stem for path in ROOT.glob("solutions/ex*/ex*.ipynb"))
GENERATED = ("build/", ".venv/")  # not there on a fresh clone


def run(command: list[str], cwd: Path = ROOT, **environment: str) -> tuple[int, str]:
    """Return the status and the output of a tool of this environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, **environment}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


# CI


def github() -> dict[str, dict]:
    """Return GitHub's jobs by name."""
    return yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]


def gitlab() -> dict[str, dict]:
    """Return GitLab's jobs by name, each with what it inherits."""
    read = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())
    jobs = {name: job for name, job in read.items() if isinstance(job, dict) and "script" in job}
    return {name: {**read["default"], **read.get(job.get("extends"), {}), **job} for name, job in jobs.items()}


def commands() -> dict[str, dict[str, list[str]]]:
    """Return what each job runs, on both hosts."""
    here = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in github().items()}
    there = {name: job.get("before_script", []) + job["script"] for name, job in gitlab().items()}
    return {"GitHub": here, "GitLab": there}


def targets() -> set[str]:
    """Return the verbs of the Makefile."""
    return set(re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.M).group(1).split())


def test_both_hosts_run_the_same_verbs_of_the_makefile_and_nothing_else():
    found = commands()
    assert found["GitHub"] == found["GitLab"]
    verbs = [line.split() for lines in found["GitHub"].values() for line in lines if not line.startswith("apt-get ")]
    assert all(words[0] == "make" and len(words) == 2 and words[1] in targets() for words in verbs), verbs
    assert (
        {"lint", "test", "test-full", "check-the-checks", "docs"}
        == set(found["GitHub"])
        == {words[1] for words in verbs} - {"env"}
    )


def test_both_hosts_use_one_image_and_the_same_time_limits():
    limits = {name: f"{job['timeout-minutes']} minutes" for name, job in github().items()}
    assert limits == {name: job["timeout"] for name, job in gitlab().items()}
    images = [job["container"] for job in github().values()] + [job["image"] for job in gitlab().values()]
    assert len({image if isinstance(image, str) else image["image"] for image in images}) == 1


@pytest.mark.parametrize("job", ["test", "test-full"])
def test_both_hosts_keep_what_a_run_found_however_it_ended(job):
    kept = github()[job]["steps"][-1]
    assert kept["uses"].startswith("actions/upload-artifact@") and kept["if"] == "${{ !cancelled() }}"
    there = gitlab()[job]["artifacts"]
    assert there["when"] == "always" and there["paths"] == [kept["with"]["path"]] == ["build/"]


def test_the_environment_is_cached_until_its_files_change():
    cached = [step["with"] for job in github().values() for step in job["steps"] if "cache@" in step.get("uses", "")]
    assert len(cached) == len(github()) and all(one == cached[0] for one in cached)
    assert cached[0]["path"] == ".venv" and "hashFiles('constraints.txt', 'pyproject.toml')" in cached[0]["key"]
    for job in gitlab().values():
        assert job["cache"] == {"key": {"files": ["constraints.txt", "pyproject.toml"]}, "paths": [".venv/"]}


def test_a_job_may_read_and_no_more_and_every_action_has_its_major_version():
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"} and "secrets." not in text
    uses = re.findall(r"uses: (\S+)", text)
    assert uses and all(re.fullmatch(r"actions/[a-z-]+@v\d+", one) for one in uses)


def test_actionlint_finds_nothing():
    assert run(["actionlint"]) == (0, "")


@pytest.mark.parametrize(("right", "wrong"), [("needs: lint", "needs: lnit"), ("event_name ==", "event_nme ==")])
def test_actionlint_would_find_a_slip(tmp_path, right, wrong):
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    (tmp_path / "ci.yml").write_text(text.replace(right, wrong))
    status, said = run(["actionlint", str(tmp_path / "ci.yml")])
    assert right in text and status == 1 and re.search("lnit|event_nme", said)


def valid(schema: str, *files: Path) -> tuple[int, str]:
    """Return the verdict of a schema that check-jsonschema brings."""
    return run(["check-jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)])


def test_gitlab_would_take_its_file():
    assert valid("gitlab-ci", ROOT / ".gitlab-ci.yml")[0] == 0


# Forms


def test_github_would_show_the_forms():
    assert valid("github-issue-forms", *FORMS)[0] == 0
    assert valid("github-issue-config", ROOT / ".github/ISSUE_TEMPLATE/config.yml")[0] == 0


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_asks_for_what_a_report_needs_and_warns_first(form):
    first, *fields = yaml.safe_load(form.read_text())["body"]
    assert first["type"] == "markdown" and "Report a vulnerability" in first["attributes"]["value"]
    assert all(field["validations"]["required"] for field in fields)
    asked = {field["id"] for field in fields}
    assert (
        asked
        >= {
            "a_check_was_wrong": {"exercise", "question", "code", "said", "expected", "version"},
            "something_broke": {"command", "output", "machine", "version"},
        }[form.stem]
    )


def test_the_form_knows_every_exercise():
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/a_check_was_wrong.yml").read_text())
    assert [field for field in form["body"] if field.get("id") == "exercise"][0]["attributes"]["options"] == EXERCISES


def test_the_machine_report_that_a_form_asks_for_is_there():
    text = (ROOT / ".github/ISSUE_TEMPLATE/something_broke.yml").read_text()
    code = re.search(r'`python -c "(.*?)"`', text).group(1)
    assert run([sys.executable, "-c", code.replace("machine_report()", "machine_report.__doc__")])[0] == 0


# What CONTRIBUTING.md and the template name


def code_of(text: str) -> str:
    """Return what stands in backticks and blocks, with the first exercise's key for exNN_topic."""
    blocks = re.findall(r"```.*?\n(.*?)```", text, re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return "\n".join(blocks + inline).replace("exNN_topic", EXERCISES[1])


@pytest.mark.parametrize("text", TEXTS)
def test_every_verb_that_is_named_is_there(text):
    code = code_of(TEXTS[text])
    verbs = re.findall(r"^\s*make ([a-z-]+)", code, re.M)
    assert verbs and set(verbs) <= targets()
    for module, verb in re.findall(r"python -m ([\w.]+)(?: ([a-z-]+))?", code):
        assert importlib.util.find_spec(module), module
        assert module != "grading" or verb in VERBS


@pytest.mark.parametrize("text", TEXTS)
def test_every_path_that_is_named_is_there(text):
    links = re.findall(r"\]\(([^)]+)\)", TEXTS[text])
    known = {path.name for path in ROOT.iterdir()}  # a word with a slash is a path if it begins with one of these
    words = [word.rstrip(",;:.") for word in re.split(r"[\s`|\"'()]+", code_of(TEXTS[text]))]
    paths = [word for word in words if word.partition("/")[0] in known and ("/" in word or "." in word)]
    missing = [path for path in {*links, *paths} if not path.startswith(GENERATED) and not list(ROOT.glob(path))]
    assert paths and missing == []


def test_the_picture_names_every_folder_that_belongs_to_exercises():
    picture = GUIDE[GUIDE.index("## The house") : GUIDE.index("## Run one test")]
    content = {f"grading/{name}" for name in ("known_wrong", "hidden_checks", "right_variants", "sample_submissions")}
    places = {"solutions/exNN_topic", "exercises/exNN_topic", "helpers/checks"} | content
    assert places <= set(re.findall(r"[\w/]+\w", picture))


# Hooks


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """All files that git knows or would know, as they are now, as a repository of its own."""
    folder = tmp_path_factory.mktemp("clone")
    for name in listed("-co", "--exclude-standard"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    run(["git", "init", "-q"], folder)
    run(["git", "add", "-A"], folder)
    return folder


def hooks(clone: Path, *arguments: str) -> tuple[int, str]:
    """Return what pre-commit says, which may fetch nothing."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return run(["pre-commit", "run", *arguments], clone, PRE_COMMIT_HOME=str(clone.parent / "pre-commit"), **nowhere)


def test_all_hooks_pass_without_a_network(clone):
    status, said = hooks(clone, "--all-files")
    assert status == 0, said
    assert said.count("Passed") >= 8 and "Failed" not in said


NOTEBOOK = (ROOT / f"solutions/{EXERCISES[0]}/{EXERCISES[0]}.ipynb").read_text()
BAD = {
    "ruff-check": ("helpers/bad.py", "import os\n"),
    "ruff-format": ("helpers/bad.py", "x = {'a':1}\n"),
    "lint-imports": ("helpers/shapes.py", "import helpers.training.loop\n"),
    "nbstripout": ("solutions/bad.ipynb", NOTEBOOK.replace('"execution_count": null', '"execution_count": 7', 1)),
    "actionlint": (".github/workflows/bad.yml", "on: push\njobs: {a: {runs-on: nowhere-at-all, steps: []}}\n"),
    "check-added-large-files": ("data/bad.bin", "x" * 2_000_000),
    "check-merge-conflict": ("docs/bad.md", "<<<<<<< HEAD\n"),
    "detect-private-key": ("docs/bad.md", "-----BEGIN RSA " + "PRIVATE KEY-----\n"),
    "nothing-of-a-class": ("grading/submitted/ann/ex00_start_here/notes.txt", "mine\n"),
}


@pytest.mark.parametrize("hook", BAD)
def test_a_hook_stops_what_it_is_for(hook, clone):
    name, content = BAD[hook]
    before = (clone / name).read_bytes() if (clone / name).exists() else None
    (clone / name).parent.mkdir(parents=True, exist_ok=True)
    (clone / name).write_text(content)
    run(["git", "add", "-f", name], clone)
    try:
        status, said = hooks(clone, hook, "--files", name)
    finally:
        run(["git", "rm", "-q", "-f", "--cached", name], clone)
        (clone / name).unlink()
        if before is not None:
            (clone / name).write_bytes(before)
            run(["git", "add", name], clone)
    assert status == 1 and "Failed" in said, said


def test_every_hook_is_tried():
    listed = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in listed] == ["local"]
    assert {hook["id"] for hook in listed[0]["hooks"]} == set(BAD)
