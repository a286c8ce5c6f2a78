import pytest

from mesh import Mesh


@pytest.fixture(scope="module")
def canary():
    """One mesh with examples/canary for the tests of a file; each test puts back what it changed."""
    with Mesh("examples/canary") as m:
        yield m
