"""One sentence for every notice code."""

from __future__ import annotations

from app.core.errors import NoticeCode
from app.core.language import tr

NOTICE_SENTENCES: dict[NoticeCode, str] = {
    NoticeCode.SAFE_SETTING: (
        tr(
            "The engine crashed in its test on this processor ({reason}), so it runs with its safe "
            "setting: without {without}, somewhat slower."
        )
    ),
    NoticeCode.SAFE_SETTING_HOLDS: (
        tr(
            "The engine crashed in its test on this processor ({reason}), so the model is loaded "
            "without {without}, although something else was chosen."
        )
    ),
    NoticeCode.TEMPLATE_FALLBACK: (
        tr(
            "The model's own chat template can't be used ({reason}); "
            "a generic one takes its place, and replies may be worse."
        )
    ),
    NoticeCode.TEMPLATE_SUSPICIOUS: (
        tr(
            "The model's chat template is unusual: {reasons}. It sees all that you write; "
            "don't rely on this model unless you trust where it is from."
        )
    ),
    NoticeCode.REPLY_REPEATS: (
        tr(
            "The model said the same again and again, and was stopped; a higher temperature or a "
            "repetition penalty may help."
        )
    ),
    NoticeCode.FEWER_GPU_LAYERS: (
        tr("Not all layers fit on the GPU: {layers} of {total} are there, the rest on the CPU.")
    ),
    NoticeCode.EXPERTS_IN_RAM: (
        tr("Not everything fits on the GPU: the experts of {layers} of {total} layers stay in RAM.")
    ),
    NoticeCode.SMALLER_CONTEXT: (
        tr("There is no memory for a context of {wished} tokens, so it holds {context}.")
    ),
    NoticeCode.MEMORY_NOT_LOCKED: (
        tr(
            "The system does not allow so much memory to be locked, so the weights may be "
            "swapped out."
        )
    ),
    NoticeCode.CONTEXT_REDUCED: (
        tr("The model was made for a context of {context} tokens; it is loaded with that.")
    ),
    NoticeCode.ENGINE_WARNING: tr("The engine has a warning about {model}: {warning}."),
    NoticeCode.MODEL_FILE_CHANGED: (
        tr(
            "The file of {model} changed on disk while it is loaded: {change}. "
            "Its replies may be wrong from now on, and it may not load again."
        )
    ),
    NoticeCode.SETTINGS_RESET: (
        tr("The settings file could not be read; it is kept as {file} and the defaults are in use.")
    ),
    NoticeCode.VALUES_LEFT_OUT: (
        tr(
            "{file} has values that can't be understood, and goes without them: {names}. It is "
            "kept as {kept}."
        )
    ),
    NoticeCode.CHATS_RESET: (
        tr(
            "The file with your chats could not be read; it is kept as {file} and a new one was "
            "begun."
        )
    ),
    NoticeCode.CHATS_RESTORED: (
        tr(
            "The file with your chats could not be read; it is kept as {file} "
            "and the backup of {date} took its place."
        )
    ),
    NoticeCode.CHATS_NEWER: (
        tr("Your chats were written by a newer version of this program; they can only be read.")
    ),
    NoticeCode.DOWNLOAD_RETRIED: (
        tr("The download of {file} broke off ({reason}); it goes on in {seconds} s.")
    ),
    NoticeCode.FILES_LEFT_OUT: (
        tr("Not every system can have files of these names, so they are left out: {files}.")
    ),
    NoticeCode.KEY_NOT_KEPT: (
        tr(
            "This system has no keyring ({reason}), so the key of {url} is kept no longer than "
            "until the window closes."
        )
    ),
    NoticeCode.SERVER_KEY_NOT_KEPT: (
        tr("This system has no keyring ({reason}), so the server gets a new key at every start.")
    ),
    NoticeCode.CONNECTION_READABLE: (
        tr(
            "The connection to {host} is not encrypted: whoever can listen in that network can "
            "read it."
        )
    ),
    NoticeCode.MEASUREMENT_NOT_KEPT: (
        tr("The figures of {model} are not kept, and so not shown again ({reason}).")
    ),
    NoticeCode.SPEED_DISTURBED: (
        tr("Other programs kept the processors busy: {model} may be faster than this.")
    ),
    NoticeCode.CONVERTER_WARNING: tr("llama.cpp's converter warns: {text}."),
    NoticeCode.ADAPTER_PART_LEFT_OUT: (
        tr("The adapter's {part} is left out: llama.cpp takes nothing but pairs of matrices.")
    ),
    NoticeCode.CONVERTER_FILE_LEFT_OUT: (
        tr("llama.cpp's converter would write {file} beside the model; it is left out.")
    ),
    NoticeCode.PREDICTION_LAYERS_ABSENT: (
        tr(
            "config.json names layers that predict further tokens (MTP), which the weights lack; "
            "the model is converted without them."
        )
    ),
    NoticeCode.CONFIG_DOUBTFUL: (
        tr(
            "config.json {finding}; llama.cpp converts it nevertheless. Correct it if the "
            "replies are wrong."
        )
    ),
    NoticeCode.SCALING_LEFT_OUT: (
        tr(
            "config.json scales positions (“{kind}”), which llama.cpp's converter leaves out; "
            "replies to long texts may be worse."
        )
    ),
    NoticeCode.TOKENS_DIFFER: (
        tr(
            "llama.cpp cuts “{text}” into other tokens than tokenizer.json does: {found} instead "
            "of {expected}. The model may read its prompts wrongly."
        )
    ),
    NoticeCode.LEVELS_LOSE_TWICE: (
        tr(
            "The weights are quantized already, and these levels would lose twice: {levels}. "
            "With --requantize they are made nonetheless."
        )
    ),
}
