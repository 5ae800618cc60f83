"""Build the quantization kernels, a library for each instruction set."""

from __future__ import annotations

import copy
import platform
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FOLDER = Path("app/native/kernels")

# Contraction and fast-math would change the order or number of roundings, and with them the bytes.
UNIX_FLAGS = [
    "-std=c11",
    "-O3",
    "-g0",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
]
MSVC_FLAGS = ["/std:c11", "/O2", "/fp:precise"]

UNIX_INSTRUCTION_SETS = {
    "baseline": ["-msse4.1"],
    "avx2": ["-mavx2"],
    "avx512": [
        *("-mavx512f", "-mavx512bw", "-mavx512cd", "-mavx512dq", "-mavx512vl"),
        "-mprefer-vector-width=512",
    ],
}
MSVC_INSTRUCTION_SETS = {"baseline": [], "avx2": ["/arch:AVX2"]}


class BuildKernels(build_ext):
    """Build plain shared libraries instead of Python modules."""

    def finalize_options(self) -> None:
        """Compile in parallel by default."""
        super().finalize_options()
        if self.parallel is None:
            self.parallel = True

    def build_extensions(self) -> None:
        """Add this compiler's flags to every library."""
        is_msvc = self.compiler.compiler_type == "msvc"
        sets = instruction_sets(is_msvc=is_msvc)
        self.extensions = [kernels for kernels in self.extensions if set_name(kernels) in sets]
        for kernels in self.extensions:
            flags = MSVC_FLAGS if is_msvc else UNIX_FLAGS
            kernels.extra_compile_args = [*flags, *sets[set_name(kernels)]]
            kernels.libraries = [] if is_msvc else ["m"]
        super().build_extensions()

    def build_extension(self, ext: Extension) -> None:
        """Compile into a separate folder for each library: all have the same sources."""
        separate = copy.copy(self)
        separate.build_temp = str(Path(self.build_temp) / set_name(ext))
        build_ext.build_extension(separate, ext)

    def get_ext_filename(self, fullname: str) -> str:
        """Return the file name without a Python version: the library doesn't use Python."""
        return str(Path(*fullname.split("."))) + library_suffix()

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """Return no module entry point: the sources mark their exports."""
        return ext.export_symbols


def library_suffix() -> str:
    """Return the suffix of a library's name that app.native.kernels expects."""
    return {"Windows": ".dll", "Darwin": ".dylib"}.get(platform.system(), ".so")


def set_name(kernels: Extension) -> str:
    """Return the instruction set of a library, such as `avx2`."""
    return kernels.name.rpartition("kernels_")[2]


def instruction_sets(*, is_msvc: bool = False) -> dict[str, list[str]]:
    """Return the flags of each instruction set that this machine's compiler may be asked for."""
    if platform.machine() not in {"x86_64", "AMD64"}:
        return {"baseline": []}
    return MSVC_INSTRUCTION_SETS if is_msvc else UNIX_INSTRUCTION_SETS


setup(
    ext_modules=[
        Extension(
            f"app.native.kernels.kernels_{name}",
            sources=sorted(str(source) for source in FOLDER.glob("*.c")),
            depends=sorted(str(header) for header in FOLDER.glob("*.h")),
            # Without a compiler, or with one that lacks a flag, only ggml quantizes.
            optional=True,
        )
        for name in instruction_sets()
    ],
    cmdclass={"build_ext": BuildKernels},
)
