"""Messages of notices."""

from __future__ import annotations

from app.core.errors import NoticeCode
from app.core.language import tr

NOTICE_SENTENCES: dict[NoticeCode, str] = {
    NoticeCode.MODEL_WITHOUT_CHAT: (tr("You can't chat with {repository}: it is {kind}.")),
    NoticeCode.CHATS_AS_TEXT: (
        tr(
            "The model's own chat template can't be used ({reason}), so the chats in the built-in "
            "text are read as plain text."
        )
    ),
    NoticeCode.CHECKPOINT_KEPT: (
        tr("The weights are downloaded first and kept, because {reason}.")
    ),
    NoticeCode.SAFE_SETTING: (
        tr(
            "The engine crashed in its test on this processor ({reason}), so it runs with safe "
            "settings: without {without}, somewhat slower."
        )
    ),
    NoticeCode.SAFE_SETTING_HOLDS: (
        tr(
            "The engine crashed in its test on this processor ({reason}), so the model is loaded "
            "without {without}, regardless of the chosen options."
        )
    ),
    NoticeCode.TEMPLATE_FALLBACK: (
        tr(
            "The model's own chat template can't be used ({reason}); a generic one is used "
            "instead, and replies may be worse."
        )
    ),
    NoticeCode.TEMPLATE_SUSPICIOUS: (
        tr(
            "The model's chat template is unusual: {reasons}. It sees everything you write; don't "
            "rely on this model unless you trust its source."
        )
    ),
    NoticeCode.REPLY_REPEATS: (
        tr(
            "The model kept repeating itself and was stopped; a higher temperature or a repetition "
            "penalty may help."
        )
    ),
    NoticeCode.FEWER_GPU_LAYERS: (
        tr("Not all layers fit on the GPU: {layers} of {total} are on it, the rest run on the CPU.")
    ),
    NoticeCode.EXPERTS_IN_RAM: (
        tr("Not everything fits on the GPU: the experts of {layers} of {total} layers stay in RAM.")
    ),
    NoticeCode.SMALLER_CONTEXT: (
        tr(
            "There is not enough memory for a context of {wished} tokens; it is {context} tokens "
            "instead."
        )
    ),
    NoticeCode.MEMORY_NOT_LOCKED: (
        tr(
            "The system does not allow this much memory to be locked, so the weights may be "
            "swapped out."
        )
    ),
    NoticeCode.CONTEXT_REDUCED: (
        tr("The model was trained with a context of {context} tokens and is loaded with that.")
    ),
    NoticeCode.ENGINE_WARNING: (tr("The engine warns about {model}: {warning}.")),
    NoticeCode.MODEL_FILE_CHANGED: (
        tr(
            "The file of {model} changed on disk while it is loaded: {change}. Its replies may be "
            "wrong from now on, and it may not load again."
        )
    ),
    NoticeCode.SETTINGS_RESET: (
        tr(
            "The settings file could not be read; it was moved to {file}, and the defaults are "
            "used."
        )
    ),
    NoticeCode.VALUES_LEFT_OUT: (
        tr(
            "{file} contains invalid values, which are ignored: {names}. The original is kept as "
            "{kept}."
        )
    ),
    NoticeCode.CHATS_RESET: (
        tr(
            "The file with your chats could not be read; it was moved to {file}, and a new one was "
            "created."
        )
    ),
    NoticeCode.CHATS_RESTORED: (
        tr(
            "The file with your chats could not be read; it was moved to {file}, and the backup of "
            "{date} was restored."
        )
    ),
    NoticeCode.CHATS_NEWER: (
        tr("Your chats were saved by a newer version of this program and are read-only.")
    ),
    NoticeCode.DOWNLOAD_RETRIED: (
        tr("The download of {file} was interrupted ({reason}); it will resume in {seconds} s.")
    ),
    NoticeCode.DOWNLOADS_RESET: (
        tr(
            "The download queue could not be read; its file was moved to {file}. "
            "Downloads that have begun can be resumed on the Models page."
        )
    ),
    NoticeCode.HUB_ANSWER_OLD: tr(
        "The Hugging Face Hub does not respond; this is an earlier answer."
    ),
    NoticeCode.FILES_LEFT_OUT: (
        tr("Files whose names some systems can't store are skipped: {files}.")
    ),
    NoticeCode.KEY_NOT_KEPT: (
        tr(
            "No system keyring found: the API key for {url} is kept only until you close the "
            "window."
        )
    ),
    NoticeCode.SERVER_KEY_NOT_KEPT: (
        tr("No system keyring found: the API key changes each time the model loads.")
    ),
    NoticeCode.CONNECTION_READABLE: (
        tr("The connection to {host} is not encrypted: anyone on that network can read it.")
    ),
    NoticeCode.MEASUREMENT_NOT_KEPT: (
        tr("The measurements of {model} could not be saved ({reason}).")
    ),
    NoticeCode.SPEED_DISTURBED: (
        tr("Other programs kept the processors busy: {model} may be faster than this.")
    ),
    NoticeCode.CONVERTER_WARNING: (tr("llama.cpp's converter warns: {text}.")),
    NoticeCode.ADAPTER_PART_LEFT_OUT: (
        tr("The adapter's {part} is left out: llama.cpp supports only pairs of matrices.")
    ),
    NoticeCode.CONVERTER_FILE_LEFT_OUT: (
        tr("llama.cpp's converter would write {file} next to the model; that file is left out.")
    ),
    NoticeCode.PREDICTION_LAYERS_ABSENT: (
        tr(
            "config.json names layers that predict further tokens (MTP), which the weights lack; "
            "the model is converted without them."
        )
    ),
    NoticeCode.CONFIG_DOUBTFUL: (
        tr(
            "config.json {finding}; llama.cpp converts it anyway. Correct it if the replies are "
            "wrong."
        )
    ),
    NoticeCode.SCALING_LEFT_OUT: (
        tr(
            "config.json scales positions (“{kind}”), which llama.cpp's converter ignores; replies "
            "to long texts may be worse."
        )
    ),
    NoticeCode.TOKENS_DIFFER: (
        tr(
            "llama.cpp splits “{text}” into different tokens than tokenizer.json: {found} instead "
            "of {expected}. The model may misread its prompts."
        )
    ),
    NoticeCode.NOT_BETTER_THAN_LEVEL: (
        tr(
            "On text that it was not made with, this file is no closer to the original than plain "
            "{level}, which takes {size_bytes}. Convert to that level instead."
        )
    ),
    NoticeCode.SLOW_TYPES_CHOSEN: (
        tr(
            "{count} of {total} matrices get types such as {type}, which are slower than others of "
            "their size on a processor."
        )
    ),
    NoticeCode.MEASURED_ON_LITTLE: (
        tr(
            "The text gives {tokens} tokens to measure the model on; with {needed}, types would be "
            "chosen more reliably. Choose a longer text."
        )
    ),
    NoticeCode.CORRECTED_ON_LITTLE: (
        tr(
            "The text gives {tokens} tokens to correct the rounding with, for up to {width} "
            "columns of a matrix; {needed} tokens would give better results. Second moments are "
            "damped by {damping} of their mean."
        )
    ),
    NoticeCode.MATRICES_NOT_MEASURED: (
        tr(
            "{count} of {total} matrices could not be measured; they keep the types of {level}, "
            "the nearest level."
        )
    ),
    NoticeCode.MEASURED_WITHOUT_GRADIENTS: (
        tr(
            "The model's gradients can't be computed: {reason}. llama.cpp measures groups of "
            "tensors instead, which takes longer and tells less about each."
        )
    ),
    NoticeCode.PATTERNS_UNMATCHED: (
        tr("These patterns match no tensor of the model, so they change nothing: {patterns}.")
    ),
    NoticeCode.PATTERNS_UNUSED: (
        tr(
            "Patterns choose types at quantized levels only, so they change nothing at {levels}. "
            "Choose a quantized level, such as {level}."
        )
    ),
    NoticeCode.LEVELS_LOSE_TWICE: (
        tr(
            "The weights are already quantized, and these levels would lose precision twice: "
            "{levels}. They are made only if you agree to quantize again."
        )
    ),
    NoticeCode.BASE_MODEL_UNKNOWN: (
        tr("The card names no base model, because the file doesn't say which one it is made from.")
    ),
    NoticeCode.CARD_KEPT: (
        tr("{repository} has a card of its own, which stays as it is. No card is uploaded.")
    ),
    NoticeCode.TEXT_CUT: (tr("{file} has {size_bytes}; only its first {read_bytes} are used.")),
    NoticeCode.TEXT_SHORT: (
        tr(
            "The text has {tokens} tokens, but this model needs {needed} for a good importance "
            "matrix. A longer text gives better results."
        )
    ),
    NoticeCode.SCAN_LIMITED: (
        tr(
            "The search for models in {folder} stopped after {limit}, so some may be missing. Add "
            "a smaller folder instead."
        )
    ),
}
