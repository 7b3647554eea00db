"""Processor time and memory are counted over a process and what it started, also when its parent is gone."""

import subprocess
import sys

from bench.peers.process_tree import ProcessTree

BUSY = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"


def test_a_child_counts(tmp_path):
    waiting = "import sys; print('ready', flush=True); sys.stdin.read()"
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {BUSY.format(0.3) + waiting!r}])\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        tree = ProcessTree(process.pid)
        assert tree.look() >= 0.3
        assert len(tree.running()) == 2
        assert tree.peak_mb > 10
        process.kill()
        process.wait()
        assert len(tree.running()) == 1  # its parent is gone, it still is one of ours
        assert process.stdin is not None
        process.stdin.close()
