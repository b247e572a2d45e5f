from __future__ import annotations

from dataclasses import dataclass

ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
AMAZON_LINUX_2 = ("3.11",)  # with glibc 2.26; the runtimes since are Amazon Linux 2023, with 2.34


@dataclass(frozen=True)
class Target:
    """What a function runs on. The defaults are the same on every machine, and so is the bundle."""

    architecture: str = "arm64"
    python: str = "3.13"

    def __str__(self) -> str:
        return f"{self.runtime}, {self.architecture}"

    @property
    def runtime(self) -> str:
        """As Lambda calls it."""
        return f"python{self.python}"

    @property
    def uv_platform(self) -> str:
        """The platform of the wheels that the runtime's C library can load, as uv calls it."""
        glibc = "2_17" if self.python in AMAZON_LINUX_2 else "2_34"  # 2_17 is manylinux2014; uv knows no 2_26
        return f"{ARCHITECTURES[self.architecture]}-manylinux_{glibc}"
