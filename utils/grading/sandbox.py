"""Make this very process a place where code that nobody trusts can run: Linux namespaces, limits, no rights.

`enter` prepares what all submissions share, once: a root that holds Python, NumPy and the few files named, read-only;
no network; no way to make further namespaces. `fence` takes from one process what is left: other processes, rights,
memory, time. Standard library and system calls only (man pages: user_namespaces, pivot_root, capabilities, prctl).
"""

import ctypes
import errno
import os
import platform
import shutil
import struct
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows: nothing can be fenced there, and isolation.py says so
    resource = None

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MNT_DETACH = 2
# Flags of a mount that a later mount must keep where we are not its owner: (from statvfs, for mount).
KEPT = ((2, MS_NOSUID), (4, MS_NODEV), (8, MS_NOEXEC), (1024, 1024), (2048, 2048), (4096, 1 << 21))
NUMBERS = {  # of system calls that the C library does not wrap
    "x86_64": {"pivot_root": 155, "mount_setattr": 442, "capset": 126, "audit": 0xC000003E},
    "aarch64": {"pivot_root": 41, "mount_setattr": 442, "capset": 91, "audit": 0xC00000B7},
}
NOBODY = 65534
SCRATCH = "/scratch"  # not /tmp: there the course itself may lie
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_DUMPABLE, PR_SET_PDEATHSIG, PR_SET_SECCOMP = 38, 24, 4, 1, 22
PR_SET_CHILD_SUBREAPER = 36
# Calls that no case program needs and that reach far into the kernel: refused with EPERM, by number.
FORBIDDEN = {
    "x86_64": (101, 155, 161, 165, 166, 246, 248, 249, 250, 272, 298, 304, 308, 310, 311, 313, 321, 323, 425, 426, 427,
               428, 429, 430, 431, 432, 442, 41, 42, 49, 50),
    "aarch64": (117, 41, 51, 39, 40, 104, 217, 218, 219, 97, 241, 265, 268, 270, 271, 273, 280, 282, 425, 426, 427,
                428, 429, 430, 431, 432, 442, 198, 200, 201, 203),
}  # fmt: skip


class Refused(OSError):
    """The system does not allow this kind of isolation; the text says which step."""


@dataclass(frozen=True)
class Limits:
    """What one process may use."""

    seconds: float = 40.0  # on the clock, measured from outside; on a busy computer much more than what is computed
    cpu: int = 10  # seconds of computing
    memory: int = 1 << 30  # bytes of address space
    file: int = 16 << 20  # bytes of one file
    processes: int = 24
    answer: int = 256 << 10  # bytes of answers that are read


@dataclass(frozen=True)
class View:
    """What can be seen in the sandbox: the course's files and packages named here, at their own places, read-only."""

    files: tuple = ()
    packages: tuple = ("numpy",)


def available():
    """Raises Refused unless this system is Linux on a processor whose call numbers are known here."""
    if not sys.platform.startswith("linux"):
        raise Refused(errno.ENOSYS, "namespaces exist on Linux only")
    if platform.machine() not in NUMBERS:
        raise Refused(errno.ENOSYS, f"the call numbers of {platform.machine()} are not known here")


def enter(view):
    """Move this process, which must have one thread, into namespaces of its own with the root that `view` describes.

    Raises Refused.
    """
    available()
    _user_namespace()
    # From here on nobody below can make a user namespace, and with it get back what is taken away later.
    _write("/proc/sys/user/max_user_namespaces", "0", "forbid further namespaces")
    _root(view)


def _user_namespace():
    """New user, mount, network, IPC and UTS namespaces; the user in them is nobody outside, if we may choose."""
    user, group = os.getuid(), os.getgid()
    process, ready = os.getpid(), os.pipe()
    helper = os.fork()
    if helper == 0:  # it stays outside: only there may an administrator map to another user
        code = 1
        try:
            os.close(ready[1])
            if os.read(ready[0], 1):
                outside = NOBODY if user == 0 else user
                if user:
                    Path(f"/proc/{process}/setgroups").write_text("deny")
                Path(f"/proc/{process}/uid_map").write_text(f"0 {outside} 1")
                Path(f"/proc/{process}/gid_map").write_text(f"0 {NOBODY if user == 0 else group} 1")
                code = 0
        finally:
            os._exit(code)
    try:
        os.close(ready[0])
        _call("unshare", NEWUSER | NEWNS | NEWNET | NEWIPC | NEWUTS, step="make namespaces")
        os.write(ready[1], b"x")
    finally:
        os.close(ready[1])
        _, status = os.waitpid(helper, 0)
    if status:
        raise Refused(errno.EPERM, "the users of the namespace could not be set")


def _root(view):
    """A root of our own, read-only, in the place of everything."""
    _mount(None, "/", None, MS_REC | MS_PRIVATE, step="part from the mounts outside")
    new = "/tmp" if os.path.isdir("/tmp") else "/dev/shm"
    system, own = _system(), [*map(str, view.files), *map(str, _packages(view.packages))]
    hidden = list(_package_folders(system))
    # Opened while we may still read what our user may; what is mounted next may lie over them, too.
    handles = {path: os.open(path, os.O_PATH) for path in [*system, *own]}
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    _libc().prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self belongs to somebody else now
    _mount("sandbox", new, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755", step="make a new root")
    _show(new, system, handles)
    # Other people's packages within what is shown are hidden: engines could be borrowed from them.
    shadows = [path for path in hidden if os.path.isdir(new + path)]
    for path in shadows:
        _mount("nothing", new + path, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=755", step=f"hide {path}")
    _show(new, own, handles)
    for path in shadows:
        _mount(None, new + path, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, step=f"hide {path}")
    for path in (SCRATCH, "/tmp", "/proc"):
        os.makedirs(new + path, exist_ok=True)
    os.chdir(new)
    if _libc().syscall(NUMBERS[platform.machine()]["pivot_root"], b".", b"."):
        raise Refused(ctypes.get_errno(), "the root could not be changed")
    _call("umount2", b".", MNT_DETACH, step="leave the old root")
    os.chdir("/")
    _mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, step="make the root read-only")


def _show(new, paths, handles):
    """Mount each path, read-only, at its own place below `new`, outer folders first."""
    for path in sorted(paths, key=lambda path: path.count("/")):
        place, source = new + path, f"/proc/self/fd/{handles[path]}"
        if os.path.isdir(source):
            os.makedirs(place, exist_ok=True)
        elif not os.path.exists(place):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            Path(place).touch()
        _mount(source, place, None, MS_BIND | MS_REC, step=f"show {path}")
        os.close(handles[path])
        if not path.startswith("/dev/"):
            _read_only(place)


def _system():
    """What Python and the C library need, and three devices; outer folders only."""
    wanted = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache",
              str(Path(sysconfig.get_paths()["stdlib"]).resolve()), *_shared_libraries(),
              "/dev/null", "/dev/zero", "/dev/urandom"]  # fmt: skip
    there = list(dict.fromkeys(path for path in wanted if os.path.exists(path)))
    return [path for path in there if not any(path != other and path.startswith(other + "/") for other in there)]


def _shared_libraries():
    """Files of shared libraries that this process has loaded from elsewhere, such as Python's own."""
    with open("/proc/self/maps", encoding="utf-8") as stream:
        files = {line.split(None, 5)[5].strip() for line in stream if line.count("/") and ".so" in line}
    return sorted(file for file in files if not file.startswith(("/lib", "/usr/lib")) and os.path.exists(file))


def _packages(names):
    """The folders of packages, with what a wheel keeps beside itself: shared libraries, and its own description."""
    from importlib.util import find_spec

    for name in names:
        spec = find_spec(name)
        if spec is None:
            continue
        for place in spec.submodule_search_locations or [spec.origin]:
            yield place
            yield from Path(place).parent.glob(f"{name}.libs")
            yield from Path(place).parent.glob(f"{name}-*.dist-info")


def _package_folders(folders):
    """Where other people's packages lie within what is shown, those of other versions of Python too."""
    for path in folders:
        for pattern in ("*-packages", "python*/*-packages", "python*/python*/*-packages"):
            yield from (str(found) for found in Path(path).glob(pattern) if found.name[:4] in ("site", "dist"))


def _read_only(place):
    """Make a mount and everything in it read-only."""
    attributes = struct.pack("QQQQ", 1 | 2 | 4, 0, 0, 0)  # read-only, no setuid, no devices
    number = NUMBERS[platform.machine()]["mount_setattr"]
    if _libc().syscall(number, -100, place.encode(), 0x8000, attributes, len(attributes)) == 0:  # 0x8000: recursive
        return
    flags = os.statvfs(place).f_flag
    kept = sum(mount for status, mount in KEPT if flags & status)
    _mount(None, place, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | kept, step="make it read-only")


def own_tree():
    """Go on in a fork that is the first of a PID namespace: should this process be killed, all below it end too."""
    _call("unshare", NEWPID, step="separate processes")
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    _libc().prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)


def own_processes():
    """The next process that this one forks is the first of a PID namespace: when it ends, all in it end."""
    _call("unshare", NEWPID | NEWNS, step="separate processes")


def own_scratch(bytes_):
    """An empty folder to write to, which nobody else sees and which goes away with the last process that does."""
    options = f"size={bytes_},nr_inodes=2000,mode=777"
    _mount("scratch", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, options, step="make a folder to write to")


def fence(limits, *, namespaces, keep=()):
    """Give up every right, set the limits, close every file but those in `keep`: what comes next may be anything."""
    for kind, amount in (
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, limits.cpu), (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_NPROC, limits.processes), (resource.RLIMIT_NOFILE, 64), (resource.RLIMIT_AS, limits.memory),
    ):  # fmt: skip
        if kind == resource.RLIMIT_NPROC and not namespaces:
            running = _threads_of(NOBODY if os.getuid() == 0 else os.getuid())
            if not running:
                continue
            amount += running  # without a user of its own, everybody's other processes count too
        hard = resource.getrlimit(kind)[1]
        amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        try:
            resource.setrlimit(kind, (amount, amount))
        except (ValueError, OSError):  # macOS knows some limits by name only
            pass
    top = max((*keep, 2)) + 1
    for number in range(3, top):
        if number not in keep:
            try:
                os.close(number)
            except OSError:
                pass
    os.closerange(top, 4096)
    if namespaces:
        libc, numbers = _libc(), NUMBERS[platform.machine()]
        for capability in range(64):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        header, nothing = struct.pack("Ii", 0x20080522, 0), struct.pack("IIIIII", *[0] * 6)
        if libc.syscall(numbers["capset"], header, nothing):
            raise Refused(ctypes.get_errno(), "the rights could not be given up")
    elif os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if sys.platform.startswith("linux"):
        _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _filter_calls()


def _threads_of(user):
    """How many threads a user has, 0 where nobody can tell."""
    count = 0
    for process in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc/self") else ()):
        try:
            if os.stat(f"/proc/{process}").st_uid == user:
                count += len(os.listdir(f"/proc/{process}/task"))
        except OSError:  # it has ended meanwhile
            continue
    return max(count, 1) if os.path.isdir("/proc/self") else 0


def adopt_orphans():
    """What a child of this process leaves behind becomes a child of this process, where the system can do that."""
    if sys.platform.startswith("linux"):
        _libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children():
    """End every child of this process, and what they leave behind, until there is none."""
    while True:
        try:
            with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as stream:
                children = [int(word) for word in stream.read().split()]
        except OSError:
            return
        if not children:
            return
        for child in children:
            try:
                os.kill(child, 9)
                os.waitpid(child, 0)
            except OSError:
                pass


def empty(folder):
    """Remove everything in a folder, so that one submission leaves nothing to the next."""
    with os.scandir(folder) as entries:
        for entry in list(entries):
            try:
                shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
            except OSError:
                pass


def _filter_calls():
    """Refuse the calls in FORBIDDEN, where the kernel filters calls; the other fences hold without it."""
    machine = platform.machine()
    if machine not in FORBIDDEN:
        return

    def step(code, yes, no, k):
        return struct.pack("HBBI", code, yes, no, k)

    allow, refuse, kill = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00030000
    numbers = FORBIDDEN[machine]
    program = step(0x20, 0, 0, 4) + step(0x15, 1, 0, NUMBERS[machine]["audit"]) + step(0x06, 0, 0, kill)
    program += step(0x20, 0, 0, 0)
    if machine == "x86_64":  # the x32 names of the same calls
        program += step(0x35, len(numbers) + 1, 0, 0x40000000)
    for place, number in enumerate(numbers):
        program += step(0x15, len(numbers) - place, 0, number)
    program += step(0x06, 0, 0, allow) + step(0x06, 0, 0, refuse)
    steps = ctypes.create_string_buffer(program)
    whole = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(steps))
    _libc().prctl(PR_SET_SECCOMP, 2, ctypes.c_char_p(whole), 0, 0)


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def _call(name, *arguments, step):
    if getattr(_libc(), name)(*arguments):
        number = ctypes.get_errno()
        raise Refused(number, f"{os.strerror(number)}, on the way to: {step}")


def _mount(source, place, kind, flags, options=None, *, step):
    def text(word):
        return word.encode() if word else None

    _call("mount", text(source), text(place), text(kind), ctypes.c_ulong(flags), text(options), step=step)


def _write(path, text, step):
    try:
        with open(path, "w", encoding="ascii") as stream:
            stream.write(text)
    except OSError as error:
        raise Refused(error.errno or 0, f"{error.strerror}, on the way to: {step}") from None
