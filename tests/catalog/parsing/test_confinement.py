# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Confinement of a parser process that a file has taken over."""

import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from msrv.catalog.parsing import seccomp
from msrv.catalog.parsing.confinement import ENVIRONMENT
from msrv.catalog.parsing.errors import ParserCrashed
from msrv.catalog.parsing.parser import Parser
from tests.catalog.parsing import hostile_parser
from tests.catalog.parsing.hostile_parser import (
    code_reporting_error,
    needs_confinement,
    process_id,
    run_code,
)

SECRET = "a secret of the store that starts the parser: 4hT-9kQ"


@pytest.fixture(scope="module")
def hijacked_parser() -> Iterator[Parser]:
    """A hijacked parser of a store with secrets in its environment."""
    with (
        pytest.MonkeyPatch.context() as patch,
        hostile_parser.create() as parser,
    ):
        for name in ("NONCE", "MSRV_STRIPE_KEY", "MSRV_SMTP_URL"):
            patch.setenv(name, SECRET)
        parser.start()
        yield parser


def test_process_has_no_secret_in_its_environment(
    hijacked_parser: Parser,
) -> None:
    said = run_code(
        hijacked_parser, "import os; said = ' '.join(sorted(os.environ))"
    )
    # Python itself sets LC_CTYPE in an environment without a language.
    assert set(said.split()) - {"LC_CTYPE"} == set(ENVIRONMENT)
    kept = Path(f"/proc/{process_id(hijacked_parser)}/environ").read_bytes()
    assert SECRET.encode() not in kept


def test_process_has_no_open_file_of_the_store(
    tmp_path: Path,
) -> None:
    with (tmp_path / "open").open("wb") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003  # as careless code would
        code = (
            "import os\nfound = []\n"
            "for number in range(3, 64):\n"
            "    try: os.fstat(number); found.append(number)\n"
            "    except OSError: pass\n"
            "said = len(found)"
        )
        with hostile_parser.create() as parser:
            # The socket, select()'s own or none, and the file that it reads.
            assert int(run_code(parser, code)) <= 3


@needs_confinement
@pytest.mark.parametrize(
    "code",
    [
        "socket.socket(socket.AF_INET)",
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "os.memfd_create('x')",
        "os.open(f'/proc/{os.getppid()}/environ', os.O_RDONLY)",
        "os.open(f'/proc/{os.getppid()}/mem', os.O_RDONLY)",
        "os.open('/proc/self/mem', os.O_RDWR)",
        "os.open('/etc/passwd', os.O_RDONLY)",
        "os.listdir('/')",
        "os.listdir('/tmp')",
        "os.open(f'/tmp/written-{os.getpid()}', os.O_WRONLY | os.O_CREAT)",
        "os.mkdir(f'/tmp/made-{os.getpid()}')",
        "os.open(f'/proc/self/fd/{len(fields) + 2}', os.O_WRONLY)",
    ],
)
def test_process_is_refused_network_disk_and_signals(
    hijacked_parser: Parser, code: str
) -> None:
    assert (
        run_code(hijacked_parser, code_reporting_error(code))
        == "PermissionError"
    )


@needs_confinement
@pytest.mark.parametrize(
    "call",
    [
        "io_uring_setup",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "pidfd_open",
        "shmget",
        "bpf",
        "unshare",
        "keyctl",
    ],
)
def test_system_calls_without_a_wrapper_are_refused(
    hijacked_parser: Parser, call: str
) -> None:
    column = ["x86_64", "aarch64"].index(os.uname().machine)
    number = seccomp._REFUSED[call][column]
    said = run_code(
        hijacked_parser,
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"said = libc.syscall({number}, 0, 0, 0, 0, 0), ctypes.get_errno()",
    )
    assert said == "(-1, 1)"


@needs_confinement
def test_process_cannot_change_limits_of_another(
    hijacked_parser: Parser,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    # What it is already, lest a hole in the filter ends the tests.
    code = f"import resource; resource.prlimit(os.getppid(), 7, {before})"
    assert (
        run_code(hijacked_parser, code_reporting_error(code))
        == "PermissionError"
    )
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


@needs_confinement
def test_file_is_readable_and_not_writable(
    hijacked_parser: Parser, tmp_path: Path
) -> None:
    path = tmp_path / "sold"
    code = (
        "import os, gc, io\n"
        "files = [each for each in gc.get_objects()"
        " if isinstance(each, io.FileIO) and each.fileno() > 2]\n"
        "said = []\n"
        "for each in files:\n"
        "    try: os.write(each.fileno(), b'x'); said.append('written')\n"
        "    except OSError as error: said.append(type(error).__name__)\n"
    )
    path.write_text(code)
    with path.open("rb") as file:
        said = hijacked_parser.tags(
            file, "x.mp3", hostile_parser.sha256(code)
        ).title
    assert said == "['OSError']"
    assert path.read_text() == code


def test_process_can_start_threads(hijacked_parser: Parser) -> None:
    code = (
        "import threading\nfound = []\n"
        "each = threading.Thread(target=found.append, args=(1,))\n"
        "each.start(); each.join(); said = found"
    )
    assert run_code(hijacked_parser, code) == "[1]"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such limit")
def test_memory_is_limited() -> None:
    """A file that needs too much is reported, and the next is parsed."""
    with hostile_parser.create() as parser:
        with pytest.raises(ParserCrashed, match="too much memory"):
            run_code(parser, "said = len(bytearray(400 << 20))")
        assert (
            run_code(parser, "said = len(bytearray(100 << 20))") == "104857600"
        )


@pytest.mark.slow
def test_cpu_time_is_limited() -> None:
    with hostile_parser.create(None, "CPU_SECONDS=1") as parser:
        with pytest.raises(ParserCrashed, match="too long"):
            run_code(parser, "while True: pass")
        assert run_code(parser, "said = 1") == "1"


def test_crash_leaves_no_core_file() -> None:
    code = "import resource; said = resource.getrlimit(resource.RLIMIT_CORE)"
    with hostile_parser.create() as parser:
        assert run_code(parser, code) == "(0, 0)"


@needs_confinement
def test_limits_cannot_be_raised(hijacked_parser: Parser) -> None:
    for name in ("RLIMIT_AS", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_CORE"):
        number = getattr(resource, name)
        code = (
            "import resource\n"
            f"soft, hard = resource.getrlimit({number})\n"
            f"try: resource.setrlimit({number}, (hard + 1, hard + 1))\n"
            "except ValueError: said = 'refused'\n"
            "except OSError: said = 'refused'\n"
        )
        # Root may, outside a container: no capability is left there.
        if os.geteuid() != 0:
            assert run_code(hijacked_parser, code) == "refused"
    status = Path(f"/proc/{process_id(hijacked_parser)}/status").read_text(
        "ascii"
    )
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status


def test_unsupported_confinement_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("INFO"):
        with hostile_parser.create() as parser:
            parser._log_confinement(["Landlock", "seccomp"])
        assert [each.levelname for each in caplog.records] == ["WARNING"]
        assert "Landlock, seccomp" in caplog.text
        caplog.clear()
        with hostile_parser.create() as parser:
            parser._log_confinement([])
            parser._log_confinement([])
    assert [each.levelname for each in caplog.records] == ["INFO"]


@needs_confinement
def test_system_calls_of_another_architecture_kill_the_process() -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the instruction is one of x86")
    # getpid by `int 0x80`, which is the 32-bit kernel's: 20 there.
    code = (
        "import ctypes, mmap\n"
        "page = mmap.mmap(-1, 4096, prot=7)\n"
        "page.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n"
        "where = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "said = ctypes.CFUNCTYPE(ctypes.c_int)(where)()\n"
    )
    with (
        hostile_parser.create() as parser,
        pytest.raises(ParserCrashed, match=r"SIGSYS|SIGSEGV"),
    ):
        run_code(parser, code)


def test_process_ends_with_a_killed_store(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.catalog.parsing import hostile_parser\n"
        "parser = hostile_parser.create()\n"
        "parser.start()\n"
        "print(hostile_parser.process_id(parser), flush=True)\n"
        "hostile_parser.run_code(parser, 'import time; time.sleep(3600)')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as store:
        assert store.stdout is not None
        helper = int(store.stdout.readline())
        assert not hostile_parser.has_ended(helper)
        descriptor = os.pidfd_open(helper)
        store.send_signal(signal.SIGKILL)
        store.wait()
    try:
        assert select.select([descriptor], [], [], 60)[0]
    finally:
        os.close(descriptor)
    assert tmp_path.exists()
