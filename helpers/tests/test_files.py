"""Files that are written whole or not at all, downloads over bad lines, and zip files that mean harm."""

import contextlib
import hashlib
import http.server
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import zipfile
from functools import partial

import pytest

from helpers import files

CONTENT = bytes(range(256)) * 1200  # 307,200 bytes, more than goes through a connection at once
RIGHT = hashlib.sha256(CONTENT).hexdigest()
TIME = "Mon, 02 Mar 2026 10:00:00 GMT"
LATER = "Tue, 03 Mar 2026 10:00:00 GMT"


class Source:
    """What a server has, how it behaves, and the ranges that it was asked for."""

    def __init__(self):
        self.content, self.changed, self.ranges = CONTENT, TIME, True
        self.cut_after, self.pause_s, self.status, self.shift, self.length = None, 0.0, None, 0, True
        self.asked, self.sent = [], 0

    def part(self, headers):
        """Return the status, the first byte to send and the headers of an answer."""
        wanted, whole = headers.get("Range", ""), len(self.content)
        if self.status:
            return self.status, 0, {}
        told = {"Last-Modified": self.changed} if self.changed else {}
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if not wanted or not self.ranges or headers.get("If-Range") != self.changed:
            return 200, 0, told
        if first >= whole:
            return 416, whole, told
        first += self.shift
        return 206, first, told | {"Content-Range": f"bytes {first}-{whole - 1}/{whole}"}


@pytest.fixture
def source():
    """A server of one file, at `source.url`, whose behaviour a test sets."""
    has = Source()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            has.asked.append(self.headers.get("Range"))
            status, first, headers = has.part(self.headers)
            body = has.content[first:] if status in (200, 206) else b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if has.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked has gone
                for start in range(0, len(body[: has.cut_after]), 8192):
                    has.sent += self.wfile.write(body[start : min(start + 8192, has.cut_after or len(body))])
                    time.sleep(has.pause_s)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        has.url = f"http://127.0.0.1:{running.server_port}/set.bin"
        yield has
        running.shutdown()
        thread.join()


def left(folder):
    """Return the names of unfinished downloads."""
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def elsewhere(source, folder):
    """Start a process of its own that fetches the file."""
    code = f"from helpers import files; print(files.fetch({source.url!r}, {RIGHT!r}, {str(folder)!r}))"
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # who runs tests in the background ignores it
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], **pipes, preexec_fn=heard)


def wait_for(what, seconds=30):
    """Wait until `what()` is true."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.01)


def test_an_interrupt_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.atomically(path) as part:
        part.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_fetch_brings_a_file_once(source, tmp_path):
    path = files.fetch(source.url, RIGHT.upper(), tmp_path / "here")
    assert path.name == "set.bin" and path.read_bytes() == CONTENT
    assert files.fetch(source.url, RIGHT, tmp_path / "here") == path and source.asked == [None]
    assert list((tmp_path / "here").iterdir()) == [path]


@pytest.mark.parametrize("cut", [1, 100_000, len(CONTENT) - 1])
def test_what_was_cut_is_gone_on_with(source, tmp_path, cut):
    source.cut_after = cut
    with pytest.raises(ConnectionError, match="could not be downloaded .* try again"):
        files.fetch(source.url, RIGHT, tmp_path)
    assert not (tmp_path / "set.bin").exists() and len(left(tmp_path)) == 1
    source.cut_after = None
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT
    kept = cut // 8192 * 8192  # it is written in blocks
    assert source.asked == [None, f"bytes={kept}-" if kept else None] and left(tmp_path) == []
    wait_for(lambda: source.sent == len(CONTENT) + cut - kept)  # nothing came twice


def test_a_line_that_is_cut_again_and_again_brings_it_all(source, tmp_path):
    source.cut_after = 8 * 8192
    for _ in range(4):
        with pytest.raises(ConnectionError):
            files.fetch(source.url, RIGHT, tmp_path)
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT
    wait_for(lambda: source.sent == len(CONTENT))


@pytest.mark.parametrize("changed", [LATER, None])
def test_a_file_that_was_changed_is_not_stitched_together(source, tmp_path, changed):
    """The first half came of another file; of a server that does not say when its file was changed, nobody knows."""
    source.content, source.cut_after = CONTENT[::-1], 100_000
    with pytest.raises(ConnectionError):
        files.fetch(source.url, RIGHT, tmp_path)
    source.content, source.cut_after, source.changed = CONTENT, None, changed
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT and left(tmp_path) == []


def test_a_server_that_knows_no_ranges_sends_it_all_again(source, tmp_path):
    source.cut_after = 100_000
    with pytest.raises(ConnectionError):
        files.fetch(source.url, RIGHT, tmp_path)
    source.cut_after, source.ranges = None, False
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT and left(tmp_path) == []


@pytest.mark.parametrize("shift", [1, -5])
def test_a_server_that_sends_another_part_than_asked_for_does_no_harm(source, tmp_path, shift):
    source.cut_after = 100_000
    with pytest.raises(ConnectionError):
        files.fetch(source.url, RIGHT, tmp_path)
    source.cut_after, source.shift = None, shift
    with pytest.raises(ValueError, match="thrown away"):
        files.fetch(source.url, RIGHT, tmp_path)
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT and left(tmp_path) == []


def test_what_came_whole_but_was_not_yet_named_does_no_harm(source, tmp_path):
    """The process was killed between the last byte and the name: the server has nothing more to send (416)."""
    part = tmp_path / ".set.bin.1-1.part"
    part.write_bytes(CONTENT)
    os.utime(part, (0, 1772445600))  # TIME
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT and left(tmp_path) == []


def test_another_file_is_thrown_away_and_what_was_there_stays(source, tmp_path):
    (tmp_path / "set.bin").write_text("mine")
    source.content = CONTENT[:-1]
    with pytest.raises(ValueError, match=r"another file than expected \(SHA-256 is not [0-9a-f]{12}\.\.\."):
        files.fetch(source.url, RIGHT, tmp_path)
    assert (tmp_path / "set.bin").read_text() == "mine" and left(tmp_path) == []


def test_a_newer_file_takes_the_place_of_the_old_one_when_it_is_whole(source, tmp_path):
    (tmp_path / "set.bin").write_text("old")
    source.cut_after = 5000
    with pytest.raises(ConnectionError):
        files.fetch(source.url, RIGHT, tmp_path)
    assert (tmp_path / "set.bin").read_text() == "old"
    source.cut_after = None
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT


def test_a_cut_that_no_length_tells_of_is_found_by_the_checksum(source, tmp_path):
    source.length, source.cut_after = False, 5000
    with pytest.raises(ValueError, match="another file"):
        files.fetch(source.url, RIGHT, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_server_that_refuses_is_quoted(source, tmp_path, status):
    source.status = status
    with pytest.raises(ConnectionError, match=rf"\(the server says {status}\).* put the file into .* as set.bin"):
        files.fetch(source.url, RIGHT, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/set.bin", "set.bin", "http:///set.bin"])
def test_no_server_at_all_is_a_sentence(tmp_path, url):
    with pytest.raises(ConnectionError, match="Check the network"):
        files.fetch(url, RIGHT, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("end", "name"), [("a%20b.zip?x=/y", "a b.zip"), ("", "download"), ("..%2F..", "download"), (".x", "x")]
)
def test_the_name_is_the_addresses_and_stays_in_the_folder(source, tmp_path, end, name):
    url = source.url.replace("set.bin", end)
    assert files.fetch(url, RIGHT, tmp_path / "here") == tmp_path / "here" / name


def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(source, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "TIMEOUT_S", 0.5)
    source.pause_s = 0.02
    assert files.fetch(source.url, RIGHT, tmp_path / "slow").read_bytes() == CONTENT
    source.pause_s = 2
    with pytest.raises(ConnectionError, match="could not be downloaded"):
        files.fetch(source.url, RIGHT, tmp_path / "silent")
    source.pause_s = 0
    assert files.fetch(source.url, RIGHT, tmp_path / "silent").read_bytes() == CONTENT


def test_an_interrupt_loses_nothing(source, tmp_path):
    source.pause_s = 0.05
    running = elsewhere(source, tmp_path)
    wait_for(lambda: any(path.stat().st_size for path in tmp_path.glob(".set.bin*")))
    running.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in running.communicate(timeout=30)[1] and not (tmp_path / "set.bin").exists()
    source.pause_s = 0
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT
    assert int(source.asked[1].strip("bytes=-")) >= 8192 and left(tmp_path) == []


def test_a_killed_process_is_in_nobodys_way(source, tmp_path):
    source.pause_s = 0.05
    running = elsewhere(source, tmp_path)
    wait_for(lambda: left(tmp_path))
    running.kill()
    running.communicate(timeout=30)
    (orphan,) = left(tmp_path)
    source.pause_s = 0
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT and left(tmp_path) == [orphan]
    (tmp_path / "set.bin").unlink()
    os.utime(tmp_path / orphan, (0, time.time() - 300))  # five minutes on it is known to be nobody's
    assert files.fetch(source.url, RIGHT, tmp_path).read_bytes() == CONTENT and left(tmp_path) == []


def test_two_processes_at_once_do_not_disturb_each_other(source, tmp_path):
    source.pause_s = 0.03
    running = [elsewhere(source, tmp_path) for _ in range(2)]
    wait_for(lambda: len(left(tmp_path)) == 2)
    for one in running:
        assert one.communicate(timeout=60)[0].strip() == str(tmp_path / "set.bin") and one.returncode == 0
    assert (tmp_path / "set.bin").read_bytes() == CONTENT and left(tmp_path) == []


needs_mounts = pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0,
    reason="needs root and mounts of its own",
)


@needs_mounts
@pytest.mark.parametrize("mount", ["-t tmpfs -o size=100k none", "--bind {0}"], ids=["full", "read-only"])
def test_a_disk_that_cannot_be_written_is_a_sentence_and_keeps_what_was_there(source, tmp_path, mount):
    place = shlex.quote(str(tmp_path))
    lines = [f"mount {mount.format(place)} {place}", f"cd {place}", "echo mine > set.bin"]
    lines += [] if "tmpfs" in mount else [f"mount -o remount,bind,ro {place}"]
    code = f"from helpers import files; files.fetch({source.url!r}, {RIGHT!r}, {str(tmp_path)!r})"
    lines += [f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}; ls -A; cat set.bin"]
    environment = {**os.environ, "PYTHONPATH": str(files.ROOT)}
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", " && ".join(lines)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert f"OSError: {tmp_path} cannot keep {source.url} (" in done.stderr, done.stderr
    assert "No space left" in done.stderr or "Read-only file system" in done.stderr
    assert done.stdout.split() == ["set.bin", "mine"]


def zipped(path, *entries, **more):
    """Write a zip file of (name, content) or (ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", **more) as file:
        for name, content in entries:
            file.writestr(name, content)
    return path


def test_a_zip_file_is_unpacked_whole_over_what_is_there(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.txt").write_text("mine")
    tmp_path.chmod(0o755)
    files.unpack(zipped(tmp_path / "a.zip", ("images/", ""), ("images/x.jpg", "x"), ("deep/er/y", "y")), tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"a.zip", "images/mine.txt", "images/x.jpg", "deep/er/y"}
    assert all(path.stat().st_mode & 0o055 for path in (tmp_path, tmp_path / "deep", tmp_path / "images" / "x.jpg"))


LINK = zipfile.ZipInfo("link")
LINK.create_system, LINK.external_attr = 3, (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    "name",
    ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "C:/out.txt", "..\\out.txt", "\\out.txt", "a/..", LINK],
    ids=str,
)
def test_what_leads_out_of_its_folder_is_not_unpacked(tmp_path, name):
    archive = zipped(tmp_path / "a.zip", ("good.txt", "good"), (name, "/etc/passwd"))
    with pytest.raises(ValueError, match=r"a\.zip .*in it leads elsewhere"):
        files.unpack(archive, tmp_path)
    assert list(tmp_path.iterdir()) == [archive]


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 1 << 20)
    bomb = zipped(tmp_path / "a.zip", ("zeros", bytes(1 << 20) + b"0"), compression=zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 2000
    with pytest.raises(ValueError, match=r"a\.zip .*unpacked it is larger than"):
        files.unpack(bomb, tmp_path)
    assert list(tmp_path.iterdir()) == [bomb]


def test_a_size_that_lies_does_not_let_a_bomb_through(tmp_path):
    """Of an entry no more is read than the list of contents promises, so what it promises may be trusted."""
    bomb = zipped(tmp_path / "a.zip", ("zeros", bytes(1 << 20)), compression=zipfile.ZIP_DEFLATED)
    told = bomb.read_bytes().replace((1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    bomb.write_bytes(told)
    with pytest.raises(ValueError, match=r"a\.zip is damaged"):
        files.unpack(bomb, tmp_path)
    assert list(tmp_path.iterdir()) == [bomb]


def harmed(content, harm):
    """Return the bytes of a zip file with a fault."""
    middle = content.index(b"sound") if b"sound" in content else 0
    return {
        "half": content[: len(content) // 2], "empty": b"", "page": b"<html>log in</html>", "tail": content[100:],
        "flip": content[:middle] + b"S" + content[middle + 1 :],
    }[harm]  # fmt: skip


@pytest.mark.parametrize("harm", ["half", "empty", "page", "tail", "flip"])
def test_a_damaged_zip_file_leaves_nothing(tmp_path, harm):
    archive = zipped(tmp_path / "a.zip", ("first.txt", "first"), ("second.txt", "sound" * 100))
    archive.write_bytes(harmed(archive.read_bytes(), harm))
    with pytest.raises(ValueError, match=r"a\.zip is damaged, or no zip file"):
        files.unpack(archive, tmp_path)
    assert list(tmp_path.iterdir()) == [archive]
