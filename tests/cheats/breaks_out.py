"""Mounts, changes its root, makes namespaces, traces its parent."""
# named: could do nothing

import ctypes
import os

libc, done = ctypes.CDLL(None, use_errno=True), []
if libc.unshare(0x10000000) == 0:
    done.append("unshare user")
if libc.unshare(0x20000) == 0:
    done.append("unshare mount")
if libc.mount(b"x", b"/scratch", b"tmpfs", 0, None) == 0:
    done.append("mount")
if libc.chroot(b"/") == 0:
    done.append("chroot")
if libc.ptrace(16, os.getppid(), 0, 0) == 0:
    done.append("ptrace")
if libc.setuid(0) == 0 and os.path.exists("/etc/shadow"):
    done.append("shadow")
for path in ("/proc/1/mem", "/proc/self/mem", "/dev/mem", "/etc/passwd"):
    if os.path.exists(path):
        done.append(path)
raise RuntimeError(f"could do {done or 'nothing'}")
