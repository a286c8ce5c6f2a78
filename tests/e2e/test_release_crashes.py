"""kill -9 of weftd at random moments of releases, without a mesh: see release_crashes.py. WEFT_KILLS=200 for all of it."""
import os
import pathlib
import subprocess
import sys


def test_kill_9_at_random_moments():
    script = pathlib.Path(__file__).with_name("release_crashes.py")
    r = subprocess.run([sys.executable, script, os.environ.get("WEFT_KILLS", "4"), "3"], capture_output=True, text=True, timeout=1800)
    print(r.stdout)
    assert r.returncode == 0, r.stdout + r.stderr
