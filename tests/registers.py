"""Vectors that compiled loops keep on the stack rather than in registers.

`stacked(listing)` reads what `objdump -d --no-show-raw-insn` prints and counts, function by function, the instructions
of innermost loops that read or write a whole vector there. A compiler that splits vectors wider than the target's
registers may do so through memory: results stay the same, but such a loop runs several times as long.
"""

import re

JUMP = re.compile(r"j\w+|b|b\.\w+|cbn?z|tbn?z")
UNCONDITIONAL = re.compile(r"jmp|b|ret\w*|ud2")
PACKED = r"v?(?:mov|add|sub|mul|div|sqrt|max|min|and|andn|or|xor|fn?m\w*)(?:[au]?p[sd]|dq[au]\d*)"
ARM_MOVES = re.compile(r"(?:str|ldr|stp|ldp|stur|ldur) q\d+,.*\[(?:sp|x29)\b")


def functions(listing):
    """(name, [(address, instruction)]) for each of them."""
    for part in re.split(r"\n(?=[0-9a-f]+ <)", listing)[1:]:
        name = re.match(r"[0-9a-f]+ <(\S+)>:", part)[1]
        lines = re.findall(r"^ *([0-9a-f]+):\t(.*)$", part, re.MULTILINE)
        yield name, [(int(address, 16), " ".join(text.split("#")[0].split("//")[0].split())) for address, text in lines]


def successors(instructions):
    """Who may follow whom, by place."""
    place = {address: i for i, (address, _) in enumerate(instructions)}
    following = []
    for i, (_, text) in enumerate(instructions):
        name = text.split(" ")[0]
        after = [] if UNCONDITIONAL.fullmatch(name) or i + 1 == len(instructions) else [i + 1]
        target = re.search(r"\b([0-9a-f]+) <", text) if JUMP.fullmatch(name) else None
        if target and int(target[1], 16) in place:
            after.append(place[int(target[1], 16)])
        following.append(after)
    return following


def components(nodes, following):
    """Sets of more than one node, or of one that follows itself, each of whose nodes leads to all others (Tarjan)."""
    number, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in nodes:
        if root in number:
            continue
        work = [(root, iter(following[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for after in rest:
                if after not in nodes:
                    continue
                if after not in number:
                    number[after] = low[after] = len(number)
                    stack.append(after)
                    on_stack.add(after)
                    work.append((after, iter(following[after])))
                    break
                if after in on_stack:
                    low[node] = min(low[node], number[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    members = set()
                    while node not in members:
                        members.add(stack.pop())
                    on_stack -= members
                    if len(members) > 1 or node in following[node]:
                        found.append(members)
    return found


def innermost_loops(following):
    """The loops that hold no other: without the places where it is entered, a loop falls into those it holds."""
    loops, pending = [], components(set(range(len(following))), following)
    before = [set() for _ in following]
    for i, after in enumerate(following):
        for node in after:
            before[node].add(i)
    while pending:
        loop = pending.pop()
        entries = {node for node in loop if before[node] - loop} or {min(loop)}
        inner = components(loop - entries, following)
        if inner:
            pending += inner
        else:
            loops.append(loop)
    return loops


def moves_on_stack(instructions):
    """What tells an instruction that reads or writes a whole vector on the stack of this function."""
    framed = any(re.fullmatch(r"mov +%rsp, ?%rbp", text) for _, text in instructions)
    x86 = re.compile(rf"{PACKED} .*\((?:%rsp|{'%rbp' if framed else '%rsp'})[,)]")
    return lambda text: bool((x86.match(text) and re.search(r"%[xyz]mm", text)) or ARM_MOVES.match(text))


def stacked(listing):
    """{function: instructions of an innermost loop that read or write a vector on the stack, in the worst of them}."""
    worst = {}
    for name, instructions in functions(listing):
        on_stack = moves_on_stack(instructions)
        counts = [sum(on_stack(instructions[i][1]) for i in loop) for loop in innermost_loops(successors(instructions))]
        worst[name] = max(counts, default=0)
    return worst
