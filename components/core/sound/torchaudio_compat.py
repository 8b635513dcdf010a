"""torchaudio where its compiled extension cannot load.

torchaudio's wheels link against CUDA's libraries and do not import beside a CPU build of torch. The parts used here
(sinc resampling and network definitions) are pure Python, so there the extension's loader is replaced by an
empty module. Everything that needs torchaudio imports it from here.
"""

import importlib
import sys
import types


def _import_torchaudio() -> types.ModuleType:
    try:
        return importlib.import_module("torchaudio")
    except (OSError, ImportError):
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        extension = types.ModuleType("torchaudio._extension")
        extension._IS_TORCHAUDIO_EXT_AVAILABLE = False  # type: ignore[attr-defined]
        extension._IS_ALIGN_AVAILABLE = False  # type: ignore[attr-defined]
        extension.fail_if_no_align = lambda function: function  # type: ignore[attr-defined]
        sys.modules["torchaudio._extension"] = extension
        return importlib.import_module("torchaudio")


torchaudio = _import_torchaudio()
