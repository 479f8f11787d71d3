"""The driver: runs the calls of a program one after the other, step after step, in every thread.

Code is an array of (function, arguments, flags). Threads meet where a call reads what another
thread wrote; they spin, and give their core away when that takes long. `shared` holds, a cache
line each: how many have arrived, how often they have met, an error count, the steps done, and the
address of the function that yields a core.
"""

from __future__ import annotations

import platform
from typing import NamedTuple

BARRIER, CHECK = 1, 2
"""Flags of a call: all threads meet before it; nothing more is done when there was an error."""
ARRIVED, MET, ERRORS, DONE, YIELD = 0, 64, 128, 192, 256
SHARED_BYTES = 320
DRIVER = ("run", "run_timed", "once", "over_parts", "cycles")
"""The functions of the driver."""
_SPINS = 1_000


class _Mode(NamedTuple):
    """How a processor is told to make 0 of results below the smallest normal number; and to wait for another.

    The velocity of a unit that has died would else decay among numbers for which a processor takes
    a hundred times as long. The mode is that of the calling thread, and is put back.
    """

    declared: str = ""
    pause: str = ""
    flush: str = ""
    restore: str = ""


_X86 = _Mode(
    "declare void @llvm.x86.sse2.pause()\n"
    "declare void @llvm.x86.sse.stmxcsr(ptr)\ndeclare void @llvm.x86.sse.ldmxcsr(ptr)",
    "call void @llvm.x86.sse2.pause()",
    """
  %mode = alloca i32, align 4
  %own = alloca i32, align 4
  call void @llvm.x86.sse.stmxcsr(ptr %mode)
  %before = load i32, ptr %mode, align 4
  %flushing = or i32 %before, 32768
  store i32 %flushing, ptr %own, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %own)""",
    "call void @llvm.x86.sse.ldmxcsr(ptr %mode)",
)
_ARM = _Mode(
    "declare void @llvm.aarch64.hint(i32)\n"
    "declare i64 @llvm.aarch64.get.fpcr()\ndeclare void @llvm.aarch64.set.fpcr(i64)",
    "call void @llvm.aarch64.hint(i32 1)",
    # FZ is bit 24 of FPCR; such numbers are read as 0, too
    """
  %before = call i64 @llvm.aarch64.get.fpcr()
  %flushing = or i64 %before, 16777216
  call void @llvm.aarch64.set.fpcr(i64 %flushing)""",
    "call void @llvm.aarch64.set.fpcr(i64 %before)",
)
_MODES = {"x86_64": _X86, "amd64": _X86, "aarch64": _ARM, "arm64": _ARM}


def driver_text(machine: str = "") -> str:
    """`run`; `run_timed`, which adds up cycles per call in part 0; `once`, a thread's
    part of one step, with one argument to pass; `over_parts`, the same for several steps, each on
    other rows.

    Args:
        machine: whose instructions are used, by a name of `platform.machine()`; default: the one here.
    """
    mode = _MODES.get((machine or platform.machine()).lower(), _Mode())
    runs = (
        _run(timed).replace("FLUSH", mode.flush).replace("RESTORE", mode.restore) for timed in (False, True)
    )
    return "\n".join([mode.declared, _CYCLES, _MEET.replace("PAUSE", mode.pause), *runs, _ONCE, _OVER_PARTS])


_WORDS = {
    "code": "ptr", "count": "i64", "shared": "ptr", "part": "i64", "parts": "i64",
    "steps": "i64", "arguments": "ptr", "slots": "ptr", "moved": "i64", "stride": "i64",
    "from": "ptr", "to": "ptr", "size": "i64",
}  # fmt: skip
"""What `over_parts` is told, in this order; `once` needs the first line."""


def _words(count: int) -> str:
    """The first words of the frame in registers that are called as they are."""
    lines = []
    for place, (name, kind) in enumerate(list(_WORDS.items())[:count]):
        lines.append(f"  %{name}.at = getelementptr i64, ptr %frame, i64 {place}")
        lines.append(f"  %{name} = load {kind}, ptr %{name}.at, align 8")
    return "\n".join(lines)


_ONCE = f"""
define void @once(ptr %frame) #1 {{
{_words(5)}
  call void @run(ptr %code, i64 %count, i64 %part, i64 %parts, i64 0, i64 1, ptr %shared, ptr null)
  ret void
}}
"""
_OVER_PARTS = f"""
define void @over_parts(ptr %frame) #1 {{
entry:
{_words(len(_WORDS))}
  %errors.p = getelementptr i8, ptr %shared, i64 {ERRORS}
  %is.first = icmp eq i64 %part, 0
  br label %steps.loop
steps.loop:
  %step = phi i64 [ 0, %entry ], [ %step.next, %met ]
  %more.steps = icmp slt i64 %step, %steps
  br i1 %more.steps, label %one, label %finish
one:
  call void @run(ptr %code, i64 %count, i64 %part, i64 %parts, i64 0, i64 1, ptr %shared, ptr null)
  %errors = load i64, ptr %errors.p, align 8
  %failed = icmp ne i64 %errors, 0
  br i1 %failed, label %finish, label %whole
whole:
  br i1 %is.first, label %keep, label %met
keep:
  %place = mul i64 %step, %size
  %target = getelementptr i8, ptr %to, i64 %place
  br label %lines.loop
lines.loop:
  %at = phi i64 [ 0, %keep ], [ %at.end, %line ]
  %at.end = add i64 %at, 64
  %fits = icmp sle i64 %at.end, %size
  br i1 %fits, label %line, label %bytes.loop
line:
  %line.from = getelementptr i8, ptr %from, i64 %at
  %line.to = getelementptr i8, ptr %target, i64 %at
  %line.held = load <64 x i8>, ptr %line.from, align 1
  store <64 x i8> %line.held, ptr %line.to, align 1
  br label %lines.loop
bytes.loop:
  %byte.at = phi i64 [ %at, %lines.loop ], [ %byte.next, %byte ]
  %more.bytes = icmp slt i64 %byte.at, %size
  br i1 %more.bytes, label %byte, label %slots.loop
byte:
  %byte.from = getelementptr i8, ptr %from, i64 %byte.at
  %byte.to = getelementptr i8, ptr %target, i64 %byte.at
  %byte.held = load i8, ptr %byte.from, align 1
  store i8 %byte.held, ptr %byte.to, align 1
  %byte.next = add i64 %byte.at, 1
  br label %bytes.loop
slots.loop:
  %slot = phi i64 [ 0, %bytes.loop ], [ %slot.next, %move ]
  %more.slots = icmp slt i64 %slot, %moved
  br i1 %more.slots, label %move, label %met
move:
  %slot.p = getelementptr i64, ptr %slots, i64 %slot
  %slot.place = load i64, ptr %slot.p, align 8
  %argument.p = getelementptr i64, ptr %arguments, i64 %slot.place
  %before = load i64, ptr %argument.p, align 8
  %after = add i64 %before, %stride
  store i64 %after, ptr %argument.p, align 8
  %slot.next = add i64 %slot, 1
  br label %slots.loop
met:
  call void @meet(ptr %shared, i64 %parts)
  %step.next = add i64 %step, 1
  br label %steps.loop
finish:
  ret void
}}
"""
_CYCLES = """
declare i64 @llvm.readcyclecounter()
define i64 @cycles() #1 {
  %now = call i64 @llvm.readcyclecounter()
  ret i64 %now
}
"""
_MEET = f"""
define internal void @meet(ptr %shared, i64 %parts) #1 {{
entry:
  %alone = icmp eq i64 %parts, 1
  br i1 %alone, label %done, label %arrive
arrive:
  %met.p = getelementptr i8, ptr %shared, i64 {MET}
  %before = load atomic i64, ptr %met.p acquire, align 8
  %count = atomicrmw add ptr %shared, i64 1 acq_rel
  %now = add i64 %count, 1
  %last = icmp eq i64 %now, %parts
  br i1 %last, label %release, label %wait
release:
  store atomic i64 0, ptr %shared monotonic, align 8
  %next = add i64 %before, 1
  store atomic i64 %next, ptr %met.p release, align 8
  br label %done
wait:
  %spins = phi i64 [ 0, %arrive ], [ %more, %again ], [ 0, %yielded ]
  %met = load atomic i64, ptr %met.p acquire, align 8
  %same = icmp eq i64 %met, %before
  br i1 %same, label %spin, label %done
spin:
  PAUSE
  %more = add i64 %spins, 1
  %long = icmp ugt i64 %more, {_SPINS}
  br i1 %long, label %give, label %again
again:
  br label %wait
give:
  %yield.p = getelementptr i8, ptr %shared, i64 {YIELD}
  %yield = load ptr, ptr %yield.p, align 8
  %none = icmp eq ptr %yield, null
  br i1 %none, label %yielded, label %call
call:
  %ignored = call i32 %yield()
  br label %yielded
yielded:
  br label %wait
done:
  ret void
}}
"""


def _run(timed: bool) -> str:
    text = _LOOP.replace("START", _BEGIN if timed else "").replace("STOP", _END if timed else _NOTED)
    return text.replace("NAME", "run_timed" if timed else "run")


_BEGIN = "%began = call i64 @llvm.readcyclecounter()"
_NOTED = """
  br label %noted
noted:"""
_END = """
  %ended = call i64 @llvm.readcyclecounter()
  %cycles = sub i64 %ended, %began
  %total.p = getelementptr i64, ptr %times, i64 %i
  %first.part = icmp eq i64 %part, 0
  br i1 %first.part, label %note, label %noted
note:
  %total = load i64, ptr %total.p, align 8
  %sum = add i64 %total, %cycles
  store i64 %sum, ptr %total.p, align 8
  br label %noted
noted:"""
_LOOP = f"""
define void @NAME(ptr %code, i64 %count, i64 %part, i64 %parts, i64 %first, i64 %steps,
  ptr %shared, ptr %times) #1 {{
entry:FLUSH
  %errors.p = getelementptr i8, ptr %shared, i64 {ERRORS}
  %done.p = getelementptr i8, ptr %shared, i64 {DONE}
  %end = add i64 %first, %steps
  br label %steps.loop
steps.loop:
  %step = phi i64 [ %first, %entry ], [ %step.next, %step.counted ]
  %more.steps = icmp slt i64 %step, %end
  br i1 %more.steps, label %calls.loop, label %finish
calls.loop:
  %i = phi i64 [ 0, %steps.loop ], [ %i.next, %noted ]
  %more.calls = icmp slt i64 %i, %count
  br i1 %more.calls, label %one, label %step.done
one:
  %place = mul i64 %i, 24
  %entry.p = getelementptr i8, ptr %code, i64 %place
  %function = load ptr, ptr %entry.p, align 8
  %arguments.p = getelementptr i8, ptr %entry.p, i64 8
  %arguments = load ptr, ptr %arguments.p, align 8
  %flags.p = getelementptr i8, ptr %entry.p, i64 16
  %flags = load i64, ptr %flags.p, align 8
  START
  %meets = and i64 %flags, {BARRIER}
  %must.meet = icmp ne i64 %meets, 0
  br i1 %must.meet, label %meeting, label %checking
meeting:
  call void @meet(ptr %shared, i64 %parts)
  br label %checking
checking:
  %checks = and i64 %flags, {CHECK}
  %must.check = icmp ne i64 %checks, 0
  br i1 %must.check, label %check, label %go
check:
  %errors = load i64, ptr %errors.p, align 8
  %failed = icmp ne i64 %errors, 0
  br i1 %failed, label %finish, label %go
go:
  call void %function(ptr %arguments, i64 %part, i64 %parts, i64 %step)STOP
  %i.next = add i64 %i, 1
  br label %calls.loop
step.done:
  call void @meet(ptr %shared, i64 %parts)
  %is.first = icmp eq i64 %part, 0
  %step.next = add i64 %step, 1
  br i1 %is.first, label %count.step, label %step.counted
count.step:
  store i64 %step.next, ptr %done.p, align 8
  br label %step.counted
step.counted:
  br label %steps.loop
finish:
  RESTORE
  ret void
}}
"""
