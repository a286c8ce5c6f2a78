#!/usr/bin/env python3
"""embed.py PROTOC FILE.proto OUT.h: the file's FileDescriptorProto as the bytes of a C initialiser."""
import pathlib
import subprocess
import sys
import tempfile


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


protoc, source, out = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "set"
    subprocess.run([protoc, f"-I{source.parent}", f"--descriptor_set_out={file}", str(source)], check=True)
    data = file.read_bytes()
# A FileDescriptorSet with one file: tag 0x0a, length, the file.
length, at = varint(data, 1)
out.write_text(",".join(map(str, data[at : at + length])) + "\n")
