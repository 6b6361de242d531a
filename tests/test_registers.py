"""Kernels keep their vectors in registers, whichever compiler is at hand and whichever target it compiles for."""

import platform
import shutil
import subprocess
import sys

import pytest
import registers
from helpers import ROOT

FLAGS = "-std=c11 -O3 -g0 -fPIC -ffp-contract=off -fno-math-errno -fno-trapping-math".split()

# Arrays that code means to have in memory (the ends of rows, roots on their way out) take that many in a loop; vectors
# that a compiler splits, or has no registers for, take dozens.
FEW = 12

COMPILERS = {"x86_64": ["cc", "clang"], "aarch64": ["aarch64-linux-gnu-gcc"]}  # by the machine they compile for
FILES = {"x86_64": ["settle_avx512", "settle_avx2", "settle_generic"], "aarch64": ["settle_generic"]}
CASES = [(machine, compiler, file) for machine in FILES for compiler in COMPILERS[machine] for file in FILES[machine]]


@pytest.mark.heavy
@pytest.mark.parametrize(("machine", "compiler", "file"), CASES)
def test_vectors_stay_in_registers(machine, compiler, file, tmp_path):
    native = platform.machine() == machine
    compiler = "cc" if native and machine == "aarch64" else compiler
    objdump = "objdump" if native else f"{machine}-linux-gnu-objdump"
    if sys.platform != "linux" or not shutil.which(compiler) or not shutil.which(objdump):
        pytest.skip(f"needs {compiler} and {objdump}")
    if compiler == "cc" and not native:
        pytest.skip(f"cc compiles for {platform.machine()}")
    subprocess.run([compiler, *FLAGS, "-c", ROOT / f"src_c/settle/{file}.c", "-o", tmp_path / "o"], check=True)
    command = [objdump, "-d", "--no-show-raw-insn", tmp_path / "o"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = registers.stacked(listing)
    assert {"sqdist_panel", "sum_distances", "move_rows"} <= set(found)  # it was read
    assert not {name: count for name, count in found.items() if count > FEW}


X86 = """
0000000000000000 <spills>:
   0:\tsub    $0x88,%rsp
   4:\tvmovapd %ymm0,(%rsp)
   8:\tvmovupd (%rdi,%rax,1),%ymm0
   c:\tvaddpd 0x20(%rsp),%ymm0,%ymm0
  10:\tvmovapd %ymm0,0x20(%rsp)
  14:\tadd    $0x20,%rax
  18:\tcmp    %rax,%rdx
  1c:\tjne    8 <spills+0x8>
  20:\tvmovapd %ymm0,(%rsp)
  24:\tret

0000000000000030 <stays>:
  30:\tvmovapd %ymm0,-0x20(%rsp)
  34:\tvaddpd (%rdi,%rax,1),%ymm1,%ymm1
  38:\tmov    %rcx,-0x8(%rsp)
  3c:\tjne    34 <stays+0x4>
  40:\tvmovapd -0x20(%rsp),%ymm0
  44:\tjmp    30 <stays>

0000000000000050 <framed>:
  50:\tmov    %rsp,%rbp
  54:\tvmovapd %zmm0,-0x40(%rbp)
  58:\tjne    54 <framed+0x4>
  5c:\tret

0000000000000060 <unframed>:
  60:\tvmovapd %zmm0,-0x40(%rbp)
  64:\tjne    60 <unframed>
  68:\tret
"""
ARM = """
0000000000000000 <spills>:
   0:\tldr\tq0, [x0], #16
   4:\tldp\tq1, q2, [sp, #16]
   8:\tfadd\tv0.2d, v0.2d, v1.2d
   c:\tstr\tq0, [sp, #16]
  10:\tb.ne\t0 <spills>  // b.any
  14:\tret
"""


def test_what_is_on_the_stack_is_found():
    assert registers.stacked(X86) == {"spills": 2, "stays": 0, "framed": 1, "unframed": 0}
    assert registers.stacked(ARM) == {"spills": 2}
