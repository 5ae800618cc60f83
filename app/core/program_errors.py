"""Sentences and next steps of errors about models, the engine, servers, chats and the program."""

from __future__ import annotations

from app.core.errors import ErrorCode
from app.core.language import tr

PROGRAM_ERRORS: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.MODEL_NOT_FOUND: (
        tr("There is no model {model}."),
        tr("Give the path of a .gguf file, or a name that “gristmill models” lists."),
    ),
    ErrorCode.MODEL_AMBIGUOUS: (
        tr("{model} is the name of several models: {files}."),
        tr("Give the path of one of them."),
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
    ErrorCode.MODEL_WITHOUT_TEXT: (
        tr("{model} doesn't write text, so there is nothing to measure."),
        tr("Give the file of a language model."),
    ),
    ErrorCode.VOCABULARY_MISFIT: (
        tr("{reference} has another vocabulary than {model}, so they can't be compared."),
        tr("Give the 16-bit file of the same model as the reference."),
    ),
    ErrorCode.MODEL_REJECTED: (
        tr("The engine can't load {model}: {reason}."),
        tr("Choose another model; the log has the details."),
    ),
    ErrorCode.OUT_OF_MEMORY: (
        tr("{model} does not fit into the memory that is free with a context of {context} tokens."),
        tr("Choose a smaller context or a smaller level, or close other programs."),
    ),
    ErrorCode.LAYERS_OUT_OF_MEMORY: (
        tr(
            "{layers} GPU layers of {model} don't fit into the memory that is free with a "
            "context of {context} tokens."
        ),
        tr("{fitting} of {total} would fit: choose that many, or let the program decide."),
    ),
    ErrorCode.CACHE_NEEDS_FLASH_ATTENTION: (
        tr("Values of the KV cache in {type} need flash attention, and that is off."),
        tr("Turn flash attention on, or keep the values in F16."),
    ),
    ErrorCode.ENGINE_MISSING: (
        tr("The engine (llama-cpp-python) is not installed or can't be loaded ({reason})."),
        tr("Run “make run”, or install it as the README says."),
    ),
    ErrorCode.ENGINE_BROKEN: (
        tr("The engine does not work on this machine, not even with its safe setting ({reason})."),
        tr("Build it again, as the README says."),
    ),
    ErrorCode.ENGINE_STOPPED: (
        tr("The engine stopped unexpectedly: {reason}."),
        tr("Load the model again; the conversation is kept."),
    ),
    ErrorCode.ENGINE_HUNG: (
        tr("The engine hung: it gave no sign of life any more, and was ended."),
        tr("Load the model again; the conversation is kept."),
    ),
    ErrorCode.MODEL_FILE_CHANGED: (
        tr(
            "The engine stopped because the file of {model} was changed on disk while it was "
            "loaded, or can't be read any more ({reason})."
        ),
        tr("Get the model again if its file is damaged, then load it; the conversation is kept."),
    ),
    ErrorCode.SPEED_UNMEASURED: (
        tr("How fast this machine computes could not be measured ({reason})."),
        tr("Speeds stay unknown until it can be; the next estimate tries again."),
    ),
    ErrorCode.CONTEXT_FULL: (
        tr("The conversation needs at least {tokens} tokens and the context holds {context}."),
        tr("Start a new chat, or load the model with a larger context."),
    ),
    ErrorCode.REQUEST_INVALID: (
        tr("The request can't be carried out: {reason}."),
        tr("Correct it and send it again."),
    ),
    ErrorCode.WORKER_UNREACHABLE: (
        tr("There is no worker at {address} ({reason})."),
        tr("Start one there with “gristmill worker”, and give its host and port."),
    ),
    ErrorCode.WORKER_LOST: (
        tr("A worker that held a part of the model was lost, and the engine stopped ({reason})."),
        tr("Start the worker and the model again; the conversation is kept."),
    ),
    ErrorCode.NETWORK_UNCONFIRMED: (
        tr("At {address} other machines could reach this one, and {risk}."),
        tr("Leave --host out, or type the address a second time: --confirm-network {address}."),
    ),
    ErrorCode.PORT_IN_USE: (
        tr("Port {port} on this machine is in use by another program."),
        tr("Choose another port, or leave it out to take a free one."),
    ),
    ErrorCode.ADDRESS_UNUSABLE: (
        tr("“{address}” is not an address of this machine."),
        tr("Give one of its IP addresses, or 0.0.0.0 for all of them."),
    ),
    ErrorCode.ENDPOINT_ADDRESS: (
        tr("“{text}” is not the address of a server."),
        tr("Write it like http://localhost:8080, or paste what the server prints at its start."),
    ),
    ErrorCode.ENDPOINT_INSECURE: (
        tr("Everybody on the way to {host} could read what you send there without encryption."),
        tr("Write the address with https."),
    ),
    ErrorCode.ENDPOINT_UNREACHABLE: (
        tr("The server {url} can't be reached ({reason})."),
        tr("Check that it is running and that the address is right."),
    ),
    ErrorCode.ENDPOINT_REFUSES: (
        tr("The server {url} wants another key."),
        tr("Add it again with the key that it was started with."),
    ),
    ErrorCode.ENDPOINT_ANSWER: (
        tr("What answers at {url} is no OpenAI-compatible server ({reason})."),
        tr("Check the address, and that the server offers “/v1/models”."),
    ),
    ErrorCode.KEY_INVALID: (
        tr("The key has characters that can't be sent."),
        tr("Copy it again, without line breaks around it."),
    ),
    ErrorCode.CHATS_DAMAGED: (
        tr("The file with your chats, {file}, is damaged ({reason})."),
        tr("Start the program again: it keeps the file aside and restores the newest backup."),
    ),
    ErrorCode.CHATS_READ_ONLY: (
        tr("The chats were written by a newer version of this program; they can only be read."),
        tr("Update the program to go on with them."),
    ),
    ErrorCode.NOT_EXPORTED_CHATS: (
        tr("The file does not hold chats that this program has exported ({reason})."),
        tr("Choose a .json file that was exported from a chat."),
    ),
    ErrorCode.COMPONENT_UNREACHABLE: (
        tr("{component} could not be fetched from the package registry ({reason})."),
        tr("Check the network connection and run “gristmill setup” again."),
    ),
    ErrorCode.COMPONENT_DAMAGED: (
        tr("{component} arrived with another checksum than expected."),
        tr("Run “gristmill setup” again; nothing of it was kept."),
    ),
    ErrorCode.KEYRING_UNAVAILABLE: (
        tr("This system has no keyring that can keep the token ({reason})."),
        tr("Set the environment variable HF_TOKEN instead."),
    ),
    ErrorCode.PRESET_INVALID: (
        tr("{file} is no preset that can be used ({reason})."),
        tr("Choose a file that “Export” of this program wrote."),
    ),
    ErrorCode.NO_DISPLAY: (
        tr("There is no display to open a window on."),
        tr("Use a command instead: “gristmill --help” lists them."),
    ),
    ErrorCode.WINDOW_BROKEN: (
        tr("The window's page “{page}” does not open ({reason})."),
        tr("Run “make setup”, or install the packaged program again."),
    ),
    ErrorCode.INTERNAL: (
        tr("Something unexpected went wrong: {detail}."),
        tr("This is a fault of the program; the log has the details."),
    ),
}
