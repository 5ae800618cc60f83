"""Messages and next steps for errors about levels, types, texts and the converter."""

from __future__ import annotations

from app.core.errors import ErrorCode
from app.core.language import tr

CONVERSION_ERRORS: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.LEVEL_MISSING: (
        tr("No level was chosen."),
        tr("Choose at least one, for example Q4_K_M."),
    ),
    ErrorCode.ONE_FILE_FOR_SEVERAL_LEVELS: (
        tr("Several levels can't be written to the single file {file}."),
        tr("Choose a folder instead."),
    ),
    ErrorCode.LEVEL_NOT_OFFERED: (
        tr("Projectors and adapters can be F32, F16, BF16 or Q8_0, but not {level}."),
        tr("Choose one of these levels."),
    ),
    ErrorCode.GRADIENTS_UNAVAILABLE: (
        tr("The model's gradients can't be computed: {reason}."),
        tr("Convert it without corrected rounding, which is the only part that needs them."),
    ),
    ErrorCode.FLAGS_CONFLICT: (
        tr("{one} can't be combined with {other}."),
        tr("Leave out one of them."),
    ),
    ErrorCode.FLAG_NEEDS_OTHER: (
        tr("{one} has no effect without {other}."),
        tr("Add {other}, or leave out {one}."),
    ),
    ErrorCode.TUNING_NEEDS_MEMORY: (
        tr("Tuning this model takes {needed_bytes} of memory; {free_bytes} are free."),
        tr("Convert it without tuning, or close other programs."),
    ),
    ErrorCode.LEVEL_NOT_CORRECTED: (
        tr("Rounding can't be corrected at {level}."),
        tr("Choose a level from Q2_K to Q8_0."),
    ),
    ErrorCode.ONE_LEVEL_TO_CORRECT: (
        tr("Rounding is corrected for one level at a time."),
        tr("Choose a single level, or a size."),
    ),
    ErrorCode.TARGET_TOO_SMALL: (
        tr("The smallest file of this model takes {needed_bytes}."),
        tr("Choose a larger size."),
    ),
    ErrorCode.ALLOCATION_NOT_OFFERED: (
        tr("Types are chosen for the language model of a checkpoint only."),
        tr("Choose a level instead of a size."),
    ),
    ErrorCode.IMPORTANCE_NOT_OFFERED: (
        tr("Projectors and adapters can't use an importance matrix."),
        tr("Leave it out."),
    ),
    ErrorCode.MEMORY_SHORT: (
        tr("The conversion needs {needed_bytes} of memory, but only {free_bytes} are free."),
        tr("Close other programs and try again."),
    ),
    ErrorCode.LEVEL_NEEDS_IMPORTANCE_MATRIX: (
        tr("The level {level} needs an importance matrix."),
        tr("Create one from a text, choose an existing one, or choose another level."),
    ),
    ErrorCode.TYPE_NEEDS_IMPORTANCE_MATRIX: (
        tr("The type {type}, which was named for {tensor}, needs an importance matrix."),
        tr("Create one from a text, choose an existing one, or name another type."),
    ),
    ErrorCode.IMPORTANCE_MATRIX_DAMAGED: (
        tr("{file} can't be used as an importance matrix: {reason}."),
        tr("Choose another file, or create one from a text."),
    ),
    ErrorCode.TEXT_SHORT: (
        tr("The text has {tokens} tokens; at least {needed} are needed."),
        tr("Choose a longer text."),
    ),
    ErrorCode.TEXT_REPEATS: (
        tr(
            "The text repeats itself: only {tokens} of its tokens are not among those that the "
            "file is checked on, and at least {needed} are needed."
        ),
        tr("Choose a text with fewer repetitions, or a longer one."),
    ),
    ErrorCode.TEXT_UNUSABLE: (
        tr("{file} can't be used as a text: {reason}."),
        tr("Choose a text file in UTF-8, or the built-in text."),
    ),
    ErrorCode.IMPORTANCE_MATRIX_MISFIT: (
        tr(
            "The importance matrix belongs to another model: its entry for {tensor} has a "
            "different size."
        ),
        tr("Use the one that was made with this model, or none."),
    ),
    ErrorCode.IMPORTANCE_MATRIX_INCOMPLETE: (
        tr("The importance matrix has no entry for {tensor}, which is required at so few bits."),
        tr("Create one from a longer text, or choose another level."),
    ),
    ErrorCode.WEIGHTS_TOO_LARGE: (
        tr("The tensor {tensor} contains values too large for the type {type}."),
        tr("Choose another level, such as BF16 or F32."),
    ),
    ErrorCode.TYPE_UNKNOWN: (
        tr("ggml can't quantize to a type “{name}”."),
        tr("Write it as ggml does, for example q6_K, q8_0 or f16."),
    ),
    ErrorCode.TYPES_UNUSABLE: (
        tr("{file} is neither a GGUF file nor a list of types: {reason}."),
        tr("Write one PATTERN=TYPE on each line, such as ffn_down=q6_k, or name another file."),
    ),
    ErrorCode.TYPES_MISFIT: (
        tr("{file} has types for another model: none of its {count} patterns matches a tensor."),
        tr("Choose the types of a similar model, or none."),
    ),
    ErrorCode.ONE_LEVEL_FOR_TYPES: (
        tr("A list of types describes a single file."),
        tr("Choose a single level, or a size."),
    ),
    ErrorCode.WEIGHTS_NOT_FINITE: (
        tr("The tensor {tensor} contains values that are not numbers (NaN or infinity)."),
        tr("The checkpoint is broken; get it from another source."),
    ),
    ErrorCode.CONVERTER_MISSING: (
        tr("llama.cpp's converter is not installed."),
        tr("Download it, or choose a llama.cpp checkout in Settings."),
    ),
    ErrorCode.CONVERTER_FOLDER_UNFIT: (
        tr("The llama.cpp folder in Settings, {folder}, contains no converter."),
        tr("Choose the folder of a llama.cpp checkout, or none."),
    ),
    ErrorCode.CONVERTER_FAILED: (
        tr("llama.cpp's converter failed: {reason}."),
        tr("Nothing was written; the log has the details."),
    ),
}
