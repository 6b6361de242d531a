"""Of what was compiled for x86-64, only the kernels may hold instructions that not every x86-64 has.

baseline.py FOLDER: disassembles the object files below it. The kernels must hold such instructions, all others none:
were it any other way, the check would have gone blind, or the wheel would die on an old machine.
"""

import re
import subprocess
import sys
from pathlib import Path

KERNELS = re.compile(r"src_c/(screen/isa|settle/settle)_avx\w*\.o$")

# `tzcnt` is left out: compilers write it for `rep bsf`, which older machines carry out as plain `bsf`.
BEYOND = re.compile(
    r"v(?!err$|erw$|mcall$)\w+|k(mov|or|and|xor|not|add|shift|unpck|test)\w+|tile\w+|tdp\w+|[ls]dtilecfg|[ls]ttilecfg"
    r"|popcnt|lzcnt|andn|bextr|bls(i|r|msk)|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx|adcx|adox|movbe|crc32|xgetbv"
    r"|addsubp[ds]|h(add|sub)p[ds]|lddqu|mov(d|sh|sl)dup|fisttp\w*"
    r"|pabs[bwd]|palignr|ph(add|sub)\w+|pmaddubsw|pmulhrsw|pshufb|psign[bwd]"
    r"|p?blend\w+|dpp[ds]|(extract|insert)ps|mpsadbw|packusdw|pcmp(eq|gt)q|pextr[bdq]|pinsr[bdq]"
    r"|p(max|min)(sb|sd|ud|uw)|pmov[sz]x\w+|pmuldq|pmulld|ptest|rounds?[ps][ds]|movntdqa|pcmp[ei]str\w"
    r"|aes\w+|pclmul\w+|sha(1|256)\w+|rd(rand|seed)|cmpxchg16b"
)
ASKS_THE_SYSTEM = {"base/cpu.o": {"xgetbv"}}  # run only where cpuid says that it exists


def mnemonics(path):
    """Every instruction of an object file by name, once."""
    command = ["objdump", "-d", "--no-show-raw-insn", str(path)]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    prefixes = r"(?:(?:rep\w*|lock|data16|bnd|notrack|cs|ds|rex\S*|\{\w+\}) +)*"
    return set(re.findall(rf"^ *[0-9a-f]+:\t{prefixes}(\w+)", listing, re.MULTILINE))


def main(folder):
    objects = sorted(Path(folder).rglob("*.o"))
    kernels = [path for path in objects if KERNELS.search(path.as_posix())]
    if not kernels or len(kernels) == len(objects):
        sys.exit(f"{folder}: {len(objects)} object files, {len(kernels)} of them kernels")
    faults = []
    for path in objects:
        beyond = {name for name in mnemonics(path) if BEYOND.fullmatch(name)}
        if path in kernels and not beyond:
            faults.append(f"{path}: a kernel without any instruction beyond the baseline")
        if path not in kernels:
            beyond -= ASKS_THE_SYSTEM.get("/".join(path.parts[-2:]), set())
            faults += [f"{path}: {' '.join(sorted(beyond))}"] * bool(beyond)
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(objects)} object files: beyond x86-64's baseline only in the {len(kernels)} kernels")


if __name__ == "__main__":
    main(sys.argv[1])
