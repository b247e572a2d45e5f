from __future__ import annotations

import hashlib
import os
import random
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from django_tasks_oneshot.bundle.archive import largest, megabytes, unzipped_size, write_archive

PACKAGE = Path(__file__).parents[2] / "django_tasks_oneshot"
CONTENTS = {
    "b.py": b"b" * 5000,
    "a/z.py": b"",
    "a.py": b"print()",
    "a/ü.txt": "ü".encode(),
    "big": bytes(range(256)) * 999,
}
STORED = "823a91f72d97d8a208cacdab481d8c89b375bc4b66b49f8fc358af619e9daf0c"  # CONTENTS, by whatever Python


@pytest.fixture
def files(tmp_path):
    found = {}
    for number, path in enumerate(random.sample(list(CONTENTS), len(CONTENTS))):
        found[path] = tmp_path / f"source-{number}"
        found[path].write_bytes(CONTENTS[path])
        found[path].chmod(random.choice([0o600, 0o644, 0o755]))
        os.utime(found[path], (random.randrange(2**31),) * 2)
    return found


def test_the_archive_has_the_files(files, tmp_path):
    write_archive(tmp_path / "a.zip", files)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == CONTENTS
        assert archive.testzip() is None


def test_its_size_and_hash_are_told(files, tmp_path):
    archive = write_archive(tmp_path / "a.zip", files)
    content = (tmp_path / "a.zip").read_bytes()
    assert (archive.size, archive.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_entries_say_nothing_of_the_machine(files, tmp_path):
    write_archive(tmp_path / "a.zip", files)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(CONTENTS)
    assert {(entry.date_time, entry.create_system, entry.extra, entry.comment) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 3, b"", b"")
    }
    assert {entry.external_attr >> 16 for entry in entries} == {stat.S_IFREG | 0o755}


def test_lambda_can_read_it_from_its_beginning(files, tmp_path):
    """No sizes are told after a file, and none takes the fields of large archives."""
    write_archive(tmp_path / "a.zip", files)
    signature, version, flags = struct.unpack("<IHH", (tmp_path / "a.zip").read_bytes()[:8])
    assert (signature, version, flags & 0x08) == (0x04034B50, 20, 0)


@pytest.mark.parametrize("compress", [True, False])
def test_the_same_files_make_the_same_archive(files, tmp_path, compress):
    first = write_archive(tmp_path / "a.zip", files, compress=compress)
    for source in files.values():
        os.utime(source, (0, 0))
        source.chmod(0o777)
    paths = {name: str(source) for name, source in reversed(files.items())}
    code = (
        "import sys; from pathlib import Path; from django_tasks_oneshot.bundle.archive import write_archive\n"
        f"files = {paths!r}\n"
        f"print(write_archive(Path(sys.argv[1]), {{n: Path(s) for n, s in files.items()}}, compress={compress}).sha256)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "elsewhere" / "b.zip")],
        env={**os.environ, "TZ": "Pacific/Auckland", "PYTHONHASHSEED": "1", "LANG": "C"},
        cwd=PACKAGE.parent,
        umask=0o077,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == first.sha256


def test_uncompressed_bytes_are_those_of_every_python(files, tmp_path):
    assert write_archive(tmp_path / "a.zip", files, compress=False).sha256 == STORED


def test_a_failed_build_leaves_the_old_archive_and_nothing_else(files, tmp_path):
    output = tmp_path / "dist" / "a.zip"
    write_archive(output, files)
    before = output.read_bytes()
    (tmp_path / "source-0").unlink()
    with pytest.raises(FileNotFoundError):
        write_archive(output, files)
    assert [each.name for each in output.parent.iterdir()] == ["a.zip"]
    assert output.read_bytes() == before


def test_a_killed_build_leaves_the_old_archive(files, tmp_path):
    output, pipe = tmp_path / "a.zip", tmp_path / "pipe"
    write_archive(output, files)
    before = output.read_bytes()
    os.mkfifo(pipe)
    code = (
        "import sys; from pathlib import Path; from django_tasks_oneshot.bundle.archive import write_archive\n"
        "write_archive(Path(sys.argv[1]), {'a': Path(sys.argv[2]), 'b': Path(sys.argv[3])})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(output), str(tmp_path / "source-0"), str(pipe)], cwd=PACKAGE.parent
    )
    with pipe.open("wb"):  # it has begun to read this
        process.kill()
        process.wait()
    assert output.read_bytes() == before


def test_the_archive_may_be_read_by_whom_the_umask_lets(files, tmp_path):
    write_archive(tmp_path / "a.zip", files)
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.zip").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_sizes_are_of_what_is_unzipped(files):
    assert unzipped_size(files) == sum(map(len, CONTENTS.values()))
    assert largest(files, 2) == [("big", 256 * 999), ("b.py", 5000)]
    assert dict(largest(files, 10))["a"] == 2


def test_a_megabyte_is_that_of_aws():
    assert megabytes(250 * 1024 * 1024) == "250.0 MB"
