"""Next steps and notices for the terminal; unlike the window's, they name commands and flags."""

from __future__ import annotations

from app.core.errors import ErrorCode, NoticeCode
from app.core.language import tr

TERMINAL_STEPS: dict[ErrorCode, str] = {
    ErrorCode.DOWNLOAD_UNFINISHED: (tr("Run “gristmill download {repository}” to resume it.")),
    ErrorCode.TOKEN_NEEDED: (
        tr("Create one on the Hub's settings page and give it to “gristmill sign-in”.")
    ),
    ErrorCode.REPOSITORY_PUBLIC: (
        tr("Add --public to publish there, or choose another name with --repo.")
    ),
    ErrorCode.PATH_IN_METADATA: (
        tr("Remove it with “gristmill models edit MODEL --remove {key}”, then publish again.")
    ),
    ErrorCode.HUB_BUSY: (
        tr("Try again in {duration}; after “gristmill sign-in”, the limit is higher.")
    ),
    ErrorCode.RESULT_EXISTS: (tr("Replace it with --overwrite, or keep both with --keep-both.")),
    ErrorCode.PICKLES_WITHOUT_OUTLINE: (
        tr(
            "Look for a safetensors version, or download it with --allow-pickle and estimate its "
            "folder."
        )
    ),
    ErrorCode.GGUF_ALONE: (
        tr(
            "Download one with “gristmill download {repository} --include LEVEL” and estimate that "
            "file."
        )
    ),
    ErrorCode.PICKLE_WEIGHTS: (
        tr(
            "Look for a safetensors version, or allow safe loading of pickle weights with "
            "--allow-pickle."
        )
    ),
    ErrorCode.WEIGHTS_QUANTIZED_ALREADY: (
        tr(
            "Choose a level that keeps it, such as COPY, agree to the loss with --requantize, or "
            "start from 16-bit weights."
        )
    ),
    ErrorCode.ADAPTER_BASE_MISSING: (
        tr("Download that repository first, or give the base model's folder with --base FOLDER.")
    ),
    ErrorCode.ADAPTER_BASE_UNNAMED: (tr("Give the base model's folder with --base FOLDER.")),
    ErrorCode.LEVEL_MISSING: (
        tr("Add --level, for example “--level Q4_K_M”; “--dry-run” shows the size of each.")
    ),
    ErrorCode.LEVEL_NEEDS_IMPORTANCE_MATRIX: (
        tr(
            "Create one (--calibration builtin, or a text file), give one (--imatrix FILE), or "
            "choose another level."
        )
    ),
    ErrorCode.TYPE_NEEDS_IMPORTANCE_MATRIX: (
        tr(
            "Create one (--calibration builtin, or a text file), give one (--imatrix FILE), or "
            "name another type."
        )
    ),
    ErrorCode.TEXT_UNUSABLE: (
        tr("Give a text file in UTF-8, or the word “builtin” for the built-in text.")
    ),
    ErrorCode.CONVERTER_MISSING: (tr("Run “gristmill setup” to install it.")),
    ErrorCode.MODEL_NOT_FOUND: (
        tr("Give the path of a .gguf file, or a name that “gristmill models” lists.")
    ),
    ErrorCode.METADATA_MISSING: (tr("“gristmill models inspect” lists the entries.")),
    ErrorCode.CHANGES_MISSING: (
        tr("Add an option such as --name or --template; “--help” lists them.")
    ),
    ErrorCode.CACHE_FILE: (tr("Write the changed model to a new file with --to FILE.")),
    ErrorCode.WORKER_UNREACHABLE: (
        tr("Start one there with “gristmill worker” and pass its host and port.")
    ),
    ErrorCode.ENGINE_MISSING: (tr("Run “make run”, or install it as the README describes.")),
    ErrorCode.NETWORK_UNCONFIRMED: (
        tr("Leave --host out, or confirm the address by repeating it: --confirm-network {address}.")
    ),
    ErrorCode.PORT_IN_USE: (tr("Choose another one, or leave --port out to use a free one.")),
    ErrorCode.COMPONENT_UNREACHABLE: (
        tr("Check your network connection and run “gristmill setup” again.")
    ),
    ErrorCode.COMPONENT_DAMAGED: (tr("Run “gristmill setup” again; the download was discarded.")),
    ErrorCode.WINDOW_BROKEN: (tr("Run “make setup”, or install the packaged program again.")),
}

TERMINAL_NOTICES: dict[NoticeCode, str] = {
    NoticeCode.BASE_MODEL_UNKNOWN: (
        tr(
            "The card names no base model, because the file doesn't say which one it is made from; "
            "give it with --base-model OWNER/NAME."
        )
    ),
    NoticeCode.CARD_KEPT: (
        tr(
            "{repository} has a card of its own, which stays as it is; --replace-card replaces it "
            "with the new one."
        )
    ),
    NoticeCode.LEVELS_LOSE_TWICE: (
        tr(
            "The weights are already quantized, and these levels would lose precision twice: "
            "{levels}. They are made only with --requantize."
        )
    ),
}
