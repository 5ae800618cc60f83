"""One sentence and one next step for every error code; one sentence for every notice."""

from __future__ import annotations

from collections.abc import Callable

from app.core.errors import ErrorCode, ErrorDetails, NoticeCode
from app.core.sizes import format_bytes

Translate = Callable[[str], str]
_LONGEST_FACT = 500

ERROR_SENTENCES: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.REPOSITORY_NAME: (
        "“{text}” is not the name of a Hugging Face repository.",
        "Write it as owner/name, or paste the address of its page.",
    ),
    ErrorCode.REPOSITORY_NOT_FOUND: (
        "The repository {repository} does not exist, or it is private.",
        "Check the spelling; for a private repository, sign in first.",
    ),
    ErrorCode.REPOSITORY_GATED: (
        "The repository {repository} is gated: its owner asks you to accept terms first.",
        "Accept them on its page, then sign in with your access token.",
    ),
    ErrorCode.REVISION_NOT_FOUND: (
        "The repository {repository} has no revision “{revision}”.",
        "Leave the revision out to take the newest one.",
    ),
    ErrorCode.REPOSITORY_WITHOUT_WEIGHTS: (
        "The repository {repository} holds no weights: no safetensors and no GGUF file.",
        "Look for another repository of the same model.",
    ),
    ErrorCode.PATTERN_WITHOUT_MATCH: (
        "The repository {repository} has no GGUF file that matches “{pattern}”.",
        "Choose one of these: {files}.",
    ),
    ErrorCode.TOKEN_INVALID: (
        "The access token can't be used ({reason}).",
        "Make one on the Hub's settings page, and sign in with it.",
    ),
    ErrorCode.HUB_UNREACHABLE: (
        "The Hugging Face Hub at {endpoint} can't be reached ({reason}).",
        "Check the network connection and try again; what was downloaded is kept.",
    ),
    ErrorCode.HUB_ANSWER: (
        "The Hugging Face Hub gave an answer that can't be used ({reason}).",
        "Try again in a while; what was downloaded is kept.",
    ),
    ErrorCode.DOWNLOAD_DAMAGED: (
        "{file} arrived damaged: its checksum is not the one the Hub gives.",
        "Download it again; the damaged file has been removed.",
    ),
    ErrorCode.DOWNLOAD_BUSY: (
        "{file} is being downloaded by another run of this program.",
        "Wait for that run to end, or stop it.",
    ),
    ErrorCode.UNSAFE_NAME: (
        "The file name “{name}” would leave its folder or is reserved by the system.",
        "Nothing was written under it; don't trust this source.",
    ),
    ErrorCode.NEEDED_NAME: (
        "The model needs the file “{name}”, and not every system can have that name beside the "
        "others.",
        "Look for another repository of the same model, or ask its owner to rename the file.",
    ),
    ErrorCode.DISK_FULL: (
        "There is not enough room in {folder}: {needed_bytes} needed, {free_bytes} free.",
        "Free some space, or choose another folder.",
    ),
    ErrorCode.OUTPUT_NOT_WRITABLE: (
        "The output can't be written ({reason}).",
        "Free some space, or send it somewhere else.",
    ),
    ErrorCode.FOLDER_NOT_WRITABLE: (
        "The folder {folder} can't be written to ({reason}).",
        "Choose another folder.",
    ),
    ErrorCode.FILE_BUSY: (
        "{file} is being written by another job.",
        "Wait for that job to end, or stop it.",
    ),
    ErrorCode.FILE_EXISTS: (
        "{file} is there already.",
        "Delete it, or choose another name.",
    ),
    ErrorCode.FILE_UNREADABLE: (
        "{file} can't be read ({reason}).",
        "Check that it is there and that you are allowed to read it.",
    ),
    ErrorCode.SOURCE_NOT_FOUND: (
        "There is no folder {source}.",
        "Give the folder of a checkpoint, or a repository as owner/name.",
    ),
    ErrorCode.NOT_A_CHECKPOINT: (
        "{folder} is not a Hugging Face checkpoint: it has no config.json.",
        "Choose the folder that holds config.json and the safetensors files.",
    ),
    ErrorCode.CHECKPOINT_WITHOUT_WEIGHTS: (
        "{folder} holds no safetensors weights.",
        "Download the repository again, or choose another folder.",
    ),
    ErrorCode.WEIGHTS_OF_OTHER_NAMES: (
        "{folder} holds several weight files, and no index says which belong to the model: "
        "{files}.",
        "Keep the one of the model in that folder, or name it model.safetensors.",
    ),
    ErrorCode.WEIGHTS_ARE_HOLES: (
        "What is in the weights of {file} is needed, but their sizes are all that was fetched.",
        "Download the repository, and take its folder.",
    ),
    ErrorCode.PICKLES_WITHOUT_OUTLINE: (
        "{repository} has its weights only as pickle files ({file}), which don't tell their "
        "tensors beforehand.",
        "Look for a safetensors version, or download it with --allow-pickle and estimate its "
        "folder.",
    ),
    ErrorCode.GGUF_ALONE: (
        "{repository} is in GGUF already, and has no checkpoint: {files}.",
        "Download one with “gristmill download {repository} --include LEVEL”, and estimate it.",
    ),
    ErrorCode.PICKLE_WEIGHTS: (
        "{folder} has its weights only as pickle files ({file}), which can run code when read.",
        "Look for a safetensors version, or agree to have them read as weights alone: "
        "--allow-pickle.",
    ),
    ErrorCode.PICKLE_FORMAT: (
        "{file} is not a file of weights as torch has written them since version 1.6.",
        "Look for a safetensors version of this model.",
    ),
    ErrorCode.PICKLE_REFUSED: (
        "{file} asks for more than weights: reading it would run code, and was stopped.",
        "Don't trust this source; nothing in the file was run.",
    ),
    ErrorCode.MISSING_SHARD: (
        "{file}, one of the weight files of the model, is missing.",
        "Download the repository again; what is there will be kept.",
    ),
    ErrorCode.LFS_POINTER: (
        "{file} is not the file itself, only a Git LFS pointer to it.",
        "Download the repository with Gristmill, or run “git lfs pull” in the folder.",
    ),
    ErrorCode.WEIGHTS_DAMAGED: (
        "{file} is damaged or incomplete ({reason}).",
        "Delete that file and download the repository again.",
    ),
    ErrorCode.CONFIG_DAMAGED: (
        "{file} can't be read ({reason}).",
        "Correct it, or download the repository again.",
    ),
    ErrorCode.ARCHITECTURE_UNNAMED: (
        "config.json does not name the model's architecture: it has no “architectures”.",
        "Add the line from config.json of the model that this one was made from.",
    ),
    ErrorCode.ARCHITECTURE_UNSUPPORTED: (
        "llama.cpp can't run the architecture {architecture} yet.",
        "Choose another model, or point Settings to a newer llama.cpp checkout.",
    ),
    ErrorCode.TOKENIZER_MISSING: (
        "{folder} has no {file}, which the tokenizer of this model is in.",
        "Copy it from the model that this one was made from, or download the repository again.",
    ),
    ErrorCode.TOKENIZER_UNKNOWN: (
        "llama.cpp does not know this model's tokenizer ({reason}).",
        "Choose another model, or point Settings to a newer llama.cpp checkout.",
    ),
    ErrorCode.TOKEN_MISSING: (
        "The tokenizer lacks the token “{token}”, which models of this architecture have.",
        "Take the tokenizer's files of the model that this one was made from.",
    ),
    ErrorCode.TENSOR_UNKNOWN: (
        "llama.cpp knows no tensor {tensor} in models of this architecture.",
        "Take the checkpoint as its maker published it, without what was added to its weights.",
    ),
    ErrorCode.REMOTE_CODE_NEEDED: (
        "The tokenizer of this model needs Python code from its repository, which is not run.",
        "Look for a GGUF file of this model, or for another version of it.",
    ),
    ErrorCode.QUANTIZATION_UNSUPPORTED: (
        "The checkpoint is quantised already ({method}), in a way that llama.cpp's converter can't "
        "read: {reason}.",
        "Take the original checkpoint, before it was quantised.",
    ),
    ErrorCode.WEIGHTS_QUANTIZED_ALREADY: (
        "{holder} is in {type} already, and quantising it again would lose twice.",
        "Choose a level that keeps it, such as COPY, agree to the loss with --requantize, or start "
        "from weights in 16 bits.",
    ),
    ErrorCode.PROJECTOR_MISSING: (
        "llama.cpp knows no multimodal projector for the architecture {architecture}.",
        "Convert the language model alone.",
    ),
    ErrorCode.ADAPTER_BASE_MISSING: (
        "The adapter belongs to {base}, whose config.json is not here.",
        "Download that repository first, or give its folder: --base FOLDER.",
    ),
    ErrorCode.ADAPTER_BASE_UNNAMED: (
        "adapter_config.json does not name the model that the adapter belongs to.",
        "Give the folder of that model: --base FOLDER.",
    ),
    ErrorCode.ADAPTER_UNSUPPORTED: (
        "The adapter is of the kind {kind}, and llama.cpp takes LoRA adapters alone.",
        "Merge it into its model with PEFT, and convert the result.",
    ),
    ErrorCode.ADAPTER_FIELD_UNSUPPORTED: (
        "adapter_config.json has {field}, which an adapter of llama.cpp can't express.",
        "Merge the adapter into its model with PEFT, and convert the result.",
    ),
    ErrorCode.CHECKPOINT_REJECTED: (
        "llama.cpp could not load what this checkpoint gives: {reason}.",
        "Its weights and its config.json don't fit together; get it from another source.",
    ),
    ErrorCode.LEVEL_MISSING: (
        "No level was chosen.",
        "Add --level, for example “--level Q4_K_M”; “--dry-run” shows the size of each.",
    ),
    ErrorCode.ONE_FILE_FOR_SEVERAL_LEVELS: (
        "Several levels can't go into the one file {file}.",
        "Give a folder instead.",
    ),
    ErrorCode.LEVEL_NOT_OFFERED: (
        "Projectors and adapters can be F32, F16, BF16 or Q8_0, but not {level}.",
        "Choose one of these levels.",
    ),
    ErrorCode.IMPORTANCE_NOT_OFFERED: (
        "Projectors and adapters take no importance matrix.",
        "Leave it out.",
    ),
    ErrorCode.MEMORY_SHORT: (
        "The conversion needs {needed_bytes} of memory, and {free_bytes} are free.",
        "Close other programs and try again.",
    ),
    ErrorCode.LEVEL_NEEDS_IMPORTANCE_MATRIX: (
        "The level {level} needs an importance matrix: with so few bits the model would be "
        "useless if all weights counted alike.",
        "Have one made from a text (--calibration TEXT), give one (--imatrix FILE), "
        "or choose another level.",
    ),
    ErrorCode.IMPORTANCE_MATRIX_DAMAGED: (
        "{file} can't be used as an importance matrix: {reason}.",
        "Choose another file, or make one from a text.",
    ),
    ErrorCode.TEXT_SHORT: (
        "The text has {tokens} tokens, and {needed} are the fewest that say something.",
        "Choose a longer text.",
    ),
    ErrorCode.IMPORTANCE_MATRIX_MISFIT: (
        "The importance matrix is of another model: its entry for {tensor} has another size.",
        "Give the one that was made with this model, or none.",
    ),
    ErrorCode.IMPORTANCE_MATRIX_INCOMPLETE: (
        "The importance matrix has no entry for {tensor}, which so few bits can't do without.",
        "Have one made from a longer text, or choose another level.",
    ),
    ErrorCode.WEIGHTS_TOO_LARGE: (
        "The tensor {tensor} holds values that are too large for the type {type}.",
        "Choose another level, such as BF16 or F32.",
    ),
    ErrorCode.TYPE_UNKNOWN: (
        "ggml can't quantise to a type “{name}”.",
        "Write it as ggml does, for example q6_K, q8_0 or f16.",
    ),
    ErrorCode.WEIGHTS_NOT_FINITE: (
        "The tensor {tensor} holds values that are not numbers (NaN or infinity).",
        "The checkpoint is broken; get it from another source.",
    ),
    ErrorCode.CONVERTER_MISSING: (
        "llama.cpp's converter is not installed.",
        "Run “gristmill setup” to fetch it.",
    ),
    ErrorCode.CONVERTER_FOLDER_UNFIT: (
        "The settings look for llama.cpp's converter in {folder}, which holds none.",
        "Choose the folder of a llama.cpp checkout there, or none.",
    ),
    ErrorCode.CONVERTER_FAILED: (
        "llama.cpp's converter stopped: {reason}.",
        "Nothing was written; the log has the details.",
    ),
    ErrorCode.MODEL_NOT_FOUND: (
        "There is no model {model}.",
        "Give the path of a .gguf file, or a name that “gristmill models” lists.",
    ),
    ErrorCode.MODEL_AMBIGUOUS: (
        "{model} is the name of several models: {files}.",
        "Give the path of one of them.",
    ),
    ErrorCode.NOT_GGUF: (
        "{file} is not a GGUF file.",
        "Choose a .gguf file, or convert a checkpoint to one.",
    ),
    ErrorCode.GGUF_TRUNCATED: (
        "{file} is incomplete: {missing_bytes} of {needed_bytes} are missing.",
        "Download or convert it again.",
    ),
    ErrorCode.GGUF_DAMAGED: (
        "{file} is damaged: {reason}.",
        "Download or convert it again.",
    ),
    ErrorCode.MODEL_WITHOUT_TEXT: (
        "{model} doesn't write text, so there is nothing to measure.",
        "Give the file of a language model.",
    ),
    ErrorCode.VOCABULARY_MISFIT: (
        "{reference} has another vocabulary than {model}, so they can't be compared.",
        "Give the 16-bit file of the same model as the reference.",
    ),
    ErrorCode.MODEL_REJECTED: (
        "The engine can't load {model}: {reason}.",
        "Choose another model; the log has the details.",
    ),
    ErrorCode.OUT_OF_MEMORY: (
        "{model} does not fit into the memory that is free with a context of {context} tokens.",
        "Choose a smaller context or a smaller level, or close other programs.",
    ),
    ErrorCode.LAYERS_OUT_OF_MEMORY: (
        "{layers} GPU layers of {model} don't fit into the memory that is free with a context of "
        "{context} tokens.",
        "{fitting} of {total} would fit: choose that many, or let the program decide.",
    ),
    ErrorCode.CACHE_NEEDS_FLASH_ATTENTION: (
        "Values of the KV cache in {type} need flash attention, and that is off.",
        "Turn flash attention on, or keep the values in F16.",
    ),
    ErrorCode.ENGINE_MISSING: (
        "The engine (llama-cpp-python) is not installed or can't be loaded ({reason}).",
        "Run “make run”, or install it as the README says.",
    ),
    ErrorCode.ENGINE_BROKEN: (
        "The engine does not work on this machine, not even with its safe setting ({reason}).",
        "Build it again, as the README says.",
    ),
    ErrorCode.ENGINE_STOPPED: (
        "The engine stopped unexpectedly: {reason}.",
        "Load the model again; the conversation is kept.",
    ),
    ErrorCode.ENGINE_HUNG: (
        "The engine hung: it gave no sign of life any more, and was ended.",
        "Load the model again; the conversation is kept.",
    ),
    ErrorCode.MODEL_FILE_CHANGED: (
        "The engine stopped because the file of {model} was changed on disk while it was loaded, "
        "or can't be read any more ({reason}).",
        "Get the model again if its file is damaged, then load it; the conversation is kept.",
    ),
    ErrorCode.SPEED_UNMEASURED: (
        "How fast this machine computes could not be measured ({reason}).",
        "Speeds stay unknown until it can be; the next estimate tries again.",
    ),
    ErrorCode.CONTEXT_FULL: (
        "The conversation needs at least {tokens} tokens and the context holds {context}.",
        "Start a new chat, or load the model with a larger context.",
    ),
    ErrorCode.REQUEST_INVALID: (
        "The request can't be carried out: {reason}.",
        "Correct it and send it again.",
    ),
    ErrorCode.WORKER_UNREACHABLE: (
        "There is no worker at {address} ({reason}).",
        "Start one there with “gristmill worker”, and give its host and port.",
    ),
    ErrorCode.WORKER_LOST: (
        "A worker that held a part of the model was lost, and the engine stopped ({reason}).",
        "Start the worker and the model again; the conversation is kept.",
    ),
    ErrorCode.NETWORK_UNCONFIRMED: (
        "At {address} other machines could reach this one, and {risk}.",
        "Leave --host out, or type the address a second time: --confirm-network {address}.",
    ),
    ErrorCode.PORT_IN_USE: (
        "Port {port} on this machine is in use by another program.",
        "Choose another port, or leave it out to take a free one.",
    ),
    ErrorCode.ADDRESS_UNUSABLE: (
        "“{address}” is not an address of this machine.",
        "Give one of its IP addresses, or 0.0.0.0 for all of them.",
    ),
    ErrorCode.ENDPOINT_ADDRESS: (
        "“{text}” is not the address of a server.",
        "Write it like http://localhost:8080, or paste what the server prints at its start.",
    ),
    ErrorCode.ENDPOINT_INSECURE: (
        "Everybody on the way to {host} could read what you send there without encryption.",
        "Write the address with https.",
    ),
    ErrorCode.ENDPOINT_UNREACHABLE: (
        "The server {url} can't be reached ({reason}).",
        "Check that it is running and that the address is right.",
    ),
    ErrorCode.ENDPOINT_REFUSES: (
        "The server {url} wants another key.",
        "Add it again with the key that it was started with.",
    ),
    ErrorCode.ENDPOINT_ANSWER: (
        "What answers at {url} is no OpenAI-compatible server ({reason}).",
        "Check the address, and that the server offers “/v1/models”.",
    ),
    ErrorCode.KEY_INVALID: (
        "The key has characters that can't be sent.",
        "Copy it again, without line breaks around it.",
    ),
    ErrorCode.CHATS_DAMAGED: (
        "The file with your chats, {file}, is damaged ({reason}).",
        "Start the program again: it keeps the file aside and restores the newest backup.",
    ),
    ErrorCode.CHATS_READ_ONLY: (
        "The chats were written by a newer version of this program; they can only be read.",
        "Update the program to go on with them.",
    ),
    ErrorCode.NOT_EXPORTED_CHATS: (
        "The file does not hold chats that this program has exported ({reason}).",
        "Choose a .json file that was exported from a chat.",
    ),
    ErrorCode.COMPONENT_UNREACHABLE: (
        "{component} could not be fetched from the package registry ({reason}).",
        "Check the network connection and run “gristmill setup” again.",
    ),
    ErrorCode.COMPONENT_DAMAGED: (
        "{component} arrived with another checksum than expected.",
        "Run “gristmill setup” again; nothing of it was kept.",
    ),
    ErrorCode.KEYRING_UNAVAILABLE: (
        "This system has no keyring that can keep the token ({reason}).",
        "Set the environment variable HF_TOKEN instead.",
    ),
    ErrorCode.PRESET_INVALID: (
        "{file} is no preset that can be used ({reason}).",
        "Choose a file that “Export” of this program wrote.",
    ),
    ErrorCode.NO_DISPLAY: (
        "There is no display to open a window on.",
        "Use a command instead: “gristmill --help” lists them.",
    ),
    ErrorCode.WINDOW_BROKEN: (
        "The window's page “{page}” does not open ({reason}).",
        "Run “make setup”, or install the packaged program again.",
    ),
    ErrorCode.INTERNAL: (
        "Something unexpected went wrong: {detail}.",
        "This is a fault of the program; the log has the details.",
    ),
}

NOTICE_SENTENCES: dict[NoticeCode, str] = {
    NoticeCode.SAFE_SETTING: (
        "The engine crashed in its test on this processor ({reason}), so it runs with its safe "
        "setting: without {without}, somewhat slower."
    ),
    NoticeCode.SAFE_SETTING_HOLDS: (
        "The engine crashed in its test on this processor ({reason}), so the model is loaded "
        "without {without}, although something else was chosen."
    ),
    NoticeCode.TEMPLATE_FALLBACK: (
        "The model's own chat template can't be used ({reason}); "
        "a generic one takes its place, and replies may be worse."
    ),
    NoticeCode.TEMPLATE_SUSPICIOUS: (
        "The model's chat template is unusual: {reasons}. It sees all that you write; "
        "don't rely on this model unless you trust where it is from."
    ),
    NoticeCode.REPLY_REPEATS: (
        "The model said the same again and again, and was stopped; a higher temperature or a "
        "repetition penalty may help."
    ),
    NoticeCode.FEWER_GPU_LAYERS: (
        "Not all layers fit on the GPU: {layers} of {total} are there, the rest on the CPU."
    ),
    NoticeCode.EXPERTS_IN_RAM: (
        "Not everything fits on the GPU: the experts of {layers} of {total} layers stay in RAM."
    ),
    NoticeCode.SMALLER_CONTEXT: (
        "There is no memory for a context of {wished} tokens, so it holds {context}."
    ),
    NoticeCode.MEMORY_NOT_LOCKED: (
        "The system does not allow so much memory to be locked, so the weights may be swapped out."
    ),
    NoticeCode.CONTEXT_REDUCED: (
        "The model was made for a context of {context} tokens; it is loaded with that."
    ),
    NoticeCode.ENGINE_WARNING: "The engine has a warning about {model}: {warning}.",
    NoticeCode.MODEL_FILE_CHANGED: (
        "The file of {model} changed on disk while it is loaded: {change}. "
        "Its replies may be wrong from now on, and it may not load again."
    ),
    NoticeCode.SETTINGS_RESET: (
        "The settings file could not be read; it is kept as {file} and the defaults are in use."
    ),
    NoticeCode.VALUES_LEFT_OUT: (
        "{file} has values that can't be understood, and goes without them: {names}. It is kept as "
        "{kept}."
    ),
    NoticeCode.CHATS_RESET: (
        "The file with your chats could not be read; it is kept as {file} and a new one was begun."
    ),
    NoticeCode.CHATS_RESTORED: (
        "The file with your chats could not be read; it is kept as {file} "
        "and the backup of {date} took its place."
    ),
    NoticeCode.CHATS_NEWER: (
        "Your chats were written by a newer version of this program; they can only be read."
    ),
    NoticeCode.DOWNLOAD_RETRIED: (
        "The download of {file} broke off ({reason}); it goes on in {seconds} s."
    ),
    NoticeCode.FILES_LEFT_OUT: (
        "Not every system can have files of these names, so they are left out: {files}."
    ),
    NoticeCode.KEY_NOT_KEPT: (
        "This system has no keyring ({reason}), so the key of {url} is kept no longer than until "
        "the window closes."
    ),
    NoticeCode.SERVER_KEY_NOT_KEPT: (
        "This system has no keyring ({reason}), so the server gets a new key at every start."
    ),
    NoticeCode.CONNECTION_READABLE: (
        "The connection to {host} is not encrypted: whoever can listen in that network can read it."
    ),
    NoticeCode.MEASUREMENT_NOT_KEPT: (
        "The figures of {model} are not kept, and so not shown again ({reason})."
    ),
    NoticeCode.SPEED_DISTURBED: (
        "Other programs kept the processors busy: {model} may be faster than this."
    ),
    NoticeCode.CONVERTER_WARNING: "llama.cpp's converter warns: {text}.",
    NoticeCode.ADAPTER_PART_LEFT_OUT: (
        "The adapter's {part} is left out: llama.cpp takes nothing but pairs of matrices."
    ),
    NoticeCode.CONVERTER_FILE_LEFT_OUT: (
        "llama.cpp's converter would write {file} beside the model; it is left out."
    ),
    NoticeCode.PREDICTION_LAYERS_ABSENT: (
        "config.json names layers that predict further tokens (MTP), which the weights lack; "
        "the model is converted without them."
    ),
    NoticeCode.CONFIG_DOUBTFUL: (
        "config.json {finding}; llama.cpp converts it nevertheless. Correct it if the replies are "
        "wrong."
    ),
    NoticeCode.SCALING_LEFT_OUT: (
        "config.json scales positions (“{kind}”), which llama.cpp's converter leaves out; replies "
        "to long texts may be worse."
    ),
    NoticeCode.TOKENS_DIFFER: (
        "llama.cpp cuts “{text}” into other tokens than tokenizer.json does: {found} instead of "
        "{expected}. The model may read its prompts wrongly."
    ),
    NoticeCode.LEVELS_LOSE_TWICE: (
        "The weights are quantised already, and these levels would lose twice: {levels}. "
        "With --requantize they are made nonetheless."
    ),
}


def _unchanged(text: str) -> str:
    return text


def _fill(template: str, facts: ErrorDetails) -> str:
    shown = {
        key: format_bytes(value)
        if key.endswith("_bytes") and not isinstance(value, str)
        else _one_line(str(value))
        for key, value in facts.items()
    }
    return template.format_map(_Named(shown))


def _one_line(text: str) -> str:
    # Facts quote files, logs and the network: a line break or control character stays out.
    shown = "".join(c if c.isprintable() else " " for c in text[: _LONGEST_FACT + 1]).strip()
    return shown.rstrip(".") if len(text) <= _LONGEST_FACT else f"{shown[:_LONGEST_FACT]}…"


class _Named(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def describe_error(code: ErrorCode, facts: ErrorDetails, translate: Translate = _unchanged) -> str:
    """The sentence and the next step of an error, on one line."""
    sentence, next_step = ERROR_SENTENCES[code]
    return f"{_fill(translate(sentence), facts)} {_fill(translate(next_step), facts)}"


def describe_notice(
    code: NoticeCode, facts: ErrorDetails, translate: Translate = _unchanged
) -> str:
    """The sentence of a notice, on one line."""
    return _fill(translate(NOTICE_SENTENCES[code]), facts)
