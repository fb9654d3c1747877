"""CPU time and memory of processes, from the kernel's own accounts (Linux)."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
MIB: Final = 2**20


@dataclass(frozen=True)
class Usage:
    """CPU seconds used so far, resident memory now and at most, in MiB."""

    cpu: float
    memory: float
    peak: float


def usage_of(process_id: int) -> Usage:
    """What one process has used. Raises ``OSError`` if it has ended."""
    folder = Path(f"/proc/{process_id}")
    fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / TICKS
    memory = int((folder / "statm").read_text(encoding="utf-8").split()[1]) * PAGE / MIB
    lines = (folder / "status").read_text(encoding="utf-8").splitlines()
    peak = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    return Usage(cpu, memory, peak)


def machine() -> str:
    """The machine in one line: processor, cores, memory, load in the last minute."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    memory = os.sysconf("SC_PHYS_PAGES") * PAGE / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, load {os.getloadavg()[0]:.1f} at the start"
