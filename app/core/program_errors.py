"""Messages and next steps for errors about models, the engine, servers, chats and the program."""

from __future__ import annotations

from app.core.errors import ErrorCode
from app.core.language import tr

PROGRAM_ERRORS: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.MODEL_NOT_FOUND: (
        tr("There is no model {model}."),
        tr("Choose a .gguf file, or a model from your library."),
    ),
    ErrorCode.MODEL_AMBIGUOUS: (
        tr("Several models are named {model}: {files}."),
        tr("Use the path of one of them."),
    ),
    ErrorCode.NOT_GGUF: (
        tr("{file} is not a GGUF file."),
        tr("Choose a .gguf file, or convert a checkpoint to one."),
    ),
    ErrorCode.GGUF_TRUNCATED: (
        tr("{file} is incomplete: {missing_bytes} of {needed_bytes} are missing."),
        tr("Download or convert it again."),
    ),
    ErrorCode.GGUF_DAMAGED: (
        tr("{file} is damaged: {reason}."),
        tr("Download or convert it again."),
    ),
    ErrorCode.METADATA_FIXED: (
        tr("The entry {key} can't be changed: the model depends on it."),
        tr("Choose an entry that only describes the model."),
    ),
    ErrorCode.METADATA_INVALID: (
        tr("The value for {key} can't be used: {reason}."),
        tr("Enter another value."),
    ),
    ErrorCode.METADATA_MISSING: (
        tr("The file has no entry {key}."),
        tr("Choose one that it has."),
    ),
    ErrorCode.CHANGES_MISSING: (
        tr("There is nothing to change."),
        tr("Change an entry first."),
    ),
    ErrorCode.CACHE_FILE: (
        tr(
            "{file} is part of another program's cache, and that program would treat the changed "
            "file as damaged."
        ),
        tr("Save the changes as a new file."),
    ),
    ErrorCode.CHECKSUM_DIFFERS: (
        tr("{file} has changed: its SHA-256 differs from the one that {source}."),
        tr("Unless you changed it yourself, delete it and download it again."),
    ),
    ErrorCode.MODEL_WITHOUT_TEXT: (
        tr("{model} does not generate text, so there is nothing to measure."),
        tr("Choose a language model."),
    ),
    ErrorCode.VOCABULARY_MISFIT: (
        tr("{reference} and {model} have different vocabularies, so they can't be compared."),
        tr("Use the 16-bit file of the same model as the reference."),
    ),
    ErrorCode.MODEL_REJECTED: (
        tr("The engine can't load {model}: {reason}."),
        tr("Choose another model; the log has the details."),
    ),
    ErrorCode.OUT_OF_MEMORY: (
        tr("{model} does not fit into the free memory with a context of {context} tokens."),
        tr("Choose a smaller context or a smaller level, or close other programs."),
    ),
    ErrorCode.LAYERS_OUT_OF_MEMORY: (
        tr(
            "{layers} GPU layers of {model} don't fit into the free memory with a context of "
            "{context} tokens."
        ),
        tr("{fitting} of {total} would fit: choose that many, or let the program decide."),
    ),
    ErrorCode.CACHE_NEEDS_FLASH_ATTENTION: (
        tr("KV cache values in {type} require flash attention, which is off."),
        tr("Turn flash attention on, or keep the values in F16."),
    ),
    ErrorCode.ENGINE_MISSING: (
        tr("The engine (llama-cpp-python) is not installed or can't be loaded ({reason})."),
        tr("Install the program again, as the README describes."),
    ),
    ErrorCode.ENGINE_BROKEN: (
        tr("The engine does not work on this machine, not even with its safe settings ({reason})."),
        tr("Build it again, as the README describes."),
    ),
    ErrorCode.ENGINE_STOPPED: (
        tr("The engine stopped unexpectedly: {reason}."),
        tr("Reload the model. The conversation is kept."),
    ),
    ErrorCode.ENGINE_HUNG: (
        tr("The engine stopped responding and was ended."),
        tr("Reload the model. The conversation is kept."),
    ),
    ErrorCode.MODEL_FILE_CHANGED: (
        tr(
            "The engine stopped because the file of {model} was changed on disk while it was "
            "loaded, or can no longer be read ({reason})."
        ),
        tr("If the file is damaged, get the model again and reload it. The conversation is kept."),
    ),
    ErrorCode.SPEED_UNMEASURED: (
        tr("The speed of this machine could not be measured ({reason})."),
        tr("The next estimate tries again."),
    ),
    ErrorCode.CONTEXT_FULL: (
        tr("The conversation needs at least {tokens} tokens, but the context holds {context}."),
        tr("Start a new chat, or load the model with a larger context."),
    ),
    ErrorCode.REQUEST_INVALID: (
        tr("The request can't be processed: {reason}."),
        tr("Correct it and send it again."),
    ),
    ErrorCode.WORKER_UNREACHABLE: (
        tr("There is no worker at {address} ({reason})."),
        tr("Start a Gristmill worker there, and enter its host and port."),
    ),
    ErrorCode.WORKER_LOST: (
        tr(
            "The connection to a worker that held part of the model was lost, so the engine "
            "stopped ({reason})."
        ),
        tr("Restart the worker and reload the model. The conversation is kept."),
    ),
    ErrorCode.NETWORK_UNCONFIRMED: (
        tr("At {address} other machines could reach this one, and {risk}."),
        tr("Confirm the address, or share the model only on this machine."),
    ),
    ErrorCode.PORT_IN_USE: (
        tr("Port {port} on this machine is used by another program."),
        tr("Choose another port."),
    ),
    ErrorCode.ADDRESS_UNUSABLE: (
        tr("“{address}” is not an address of this machine."),
        tr("Use one of its IP addresses, or 0.0.0.0 for all of them."),
    ),
    ErrorCode.ENDPOINT_ADDRESS: (
        tr("“{text}” is not an address."),
        tr("Enter one like http://localhost:8080, as the server prints it when it starts."),
    ),
    ErrorCode.ENDPOINT_INSECURE: (
        tr("Without encryption, anyone between here and {host} could read what you send."),
        tr("Use an address that starts with https."),
    ),
    ErrorCode.ENDPOINT_UNREACHABLE: (
        tr("The server {url} can't be reached ({reason})."),
        tr("Check that it is running and that the address is right."),
    ),
    ErrorCode.ENDPOINT_REFUSES: (
        tr("The server {url} rejects the key."),
        tr("Add it again with the key that it was started with."),
    ),
    ErrorCode.ENDPOINT_ANSWER: (
        tr("{url} is not an OpenAI-compatible server ({reason})."),
        tr("Check the address, and that the server offers “/v1/models”."),
    ),
    ErrorCode.KEY_INVALID: (
        tr("The key contains characters that can't be sent."),
        tr("Copy it again without surrounding line breaks."),
    ),
    ErrorCode.CHATS_DAMAGED: (
        tr("The file with your chats, {file}, is damaged ({reason})."),
        tr("Restart the program: it sets the file aside and restores the newest backup."),
    ),
    ErrorCode.CHATS_READ_ONLY: (
        tr("Your chats were saved by a newer version of this program and are read-only."),
        tr("Update the program to continue them."),
    ),
    ErrorCode.NOT_EXPORTED_CHATS: (
        tr("The file does not contain chats exported by this program ({reason})."),
        tr("Choose a .json file that was exported from a chat."),
    ),
    ErrorCode.COMPONENT_UNREACHABLE: (
        tr("{component} could not be downloaded from the package registry ({reason})."),
        tr("Check your network connection and try again."),
    ),
    ErrorCode.COMPONENT_DAMAGED: (
        tr("The checksum of {component} is not the expected one."),
        tr("Try again; the download was discarded."),
    ),
    ErrorCode.KEYRING_UNAVAILABLE: (
        tr("No system keyring found, so the token can't be kept."),
        tr("Set the environment variable HF_TOKEN instead."),
    ),
    ErrorCode.PRESET_INVALID: (
        tr("{file} is not a valid preset ({reason})."),
        tr("Choose a file that was exported by this program."),
    ),
    ErrorCode.NO_DISPLAY: (
        tr("There is no display to open a window on."),
        tr("Use a command instead: “gristmill --help” lists them."),
    ),
    ErrorCode.WINDOW_BROKEN: (
        tr("The window's page “{page}” can't be opened ({reason})."),
        tr("Install the program again."),
    ),
    ErrorCode.INTERNAL: (
        tr("An unexpected error occurred: {detail}."),
        tr("This is a bug in the program; the log has the details."),
    ),
}
