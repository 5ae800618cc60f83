"""Messages and next steps for errors about the Hub, files and checkpoints."""

from __future__ import annotations

from app.core.errors import ErrorCode
from app.core.language import tr

SOURCE_ERRORS: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.REPOSITORY_NAME: (
        tr("“{text}” is not the name of a Hugging Face repository."),
        tr("Write it as owner/name, or paste the address of its page."),
    ),
    ErrorCode.REPOSITORY_NOT_FOUND: (
        tr("The repository {repository} does not exist or is private."),
        tr("Check the spelling; if it is private, sign in first."),
    ),
    ErrorCode.REPOSITORY_GATED: (
        tr("The repository {repository} is gated: its owner requires you to accept terms first."),
        tr("Accept them on its page, then sign in with your access token."),
    ),
    ErrorCode.REVISION_NOT_FOUND: (
        tr("The repository {repository} has no revision “{revision}”."),
        tr("Leave the revision out to use the newest one."),
    ),
    ErrorCode.REPOSITORY_WITHOUT_WEIGHTS: (
        tr("The repository {repository} contains no weights: neither safetensors nor GGUF files."),
        tr("Look for another repository of the same model."),
    ),
    ErrorCode.PATTERN_WITHOUT_MATCH: (
        tr("The repository {repository} has no GGUF file that matches “{pattern}”."),
        tr("Choose one of these: {files}."),
    ),
    ErrorCode.TOKEN_INVALID: (
        tr("The access token can't be used ({reason})."),
        tr("Create one on the Hub's settings page and sign in with it."),
    ),
    ErrorCode.TOKEN_NEEDED: (
        tr("To publish, you need an access token of the Hugging Face Hub that may write."),
        tr("Create one on the Hub's settings page and sign in with it."),
    ),
    ErrorCode.TOKEN_READ_ONLY: (
        tr("The access token may only read, not publish."),
        tr("Create one that may write on the Hub's settings page and sign in with it."),
    ),
    ErrorCode.PUBLISHING_REFUSED: (
        tr("The Hub refuses to publish to {repository} ({reason})."),
        tr("Publish as one of {owners}, with an access token that may write there."),
    ),
    ErrorCode.REPOSITORY_PUBLIC: (
        tr("The repository {repository} exists and is public."),
        tr("Untick “Private” to publish there, or choose another name."),
    ),
    ErrorCode.PATH_IN_METADATA: (
        tr("The entry {key} in {file} names a path of a machine: {value}."),
        tr("Remove the entry or change it under “Inspect…”, then publish again."),
    ),
    ErrorCode.NAMES_COLLIDE: (
        tr("Two of the files would be named {name} in the repository."),
        tr("Rename one of them, or publish it to another repository."),
    ),
    ErrorCode.LOCAL_ONLY: (
        tr("The program stays off the internet, because “Local only” is on in the settings."),
        tr("Turn it off there to search, download or publish models."),
    ),
    ErrorCode.HUB_UNREACHABLE: (
        tr("The Hugging Face Hub at {endpoint} can't be reached ({reason})."),
        tr("Check your network connection and try again."),
    ),
    ErrorCode.HUB_ANSWER: (
        tr("The Hugging Face Hub sent an unusable response ({reason})."),
        tr("Try again later."),
    ),
    ErrorCode.HUB_BUSY: (
        tr("The rate limit of the Hugging Face Hub is reached."),
        tr("Try again in {duration}; with an access token, the limit is higher."),
    ),
    ErrorCode.MODEL_WITHOUT_CHAT: (
        tr("You can't chat with {repository}: it is {kind}."),
        tr("Look for a chat model."),
    ),
    ErrorCode.DOWNLOAD_DAMAGED: (
        tr("{file} was damaged in transit: its checksum differs from the one on the Hub."),
        tr("Download it again; the damaged file has been removed."),
    ),
    ErrorCode.DOWNLOAD_BUSY: (
        tr("{file} is being downloaded."),
        tr("Wait for that download to finish, or stop it."),
    ),
    ErrorCode.DOWNLOAD_UNFINISHED: (
        tr("The download of {repository} hasn't finished."),
        tr("Resume it on the Models page."),
    ),
    ErrorCode.DOWNLOADS_DAMAGED: (
        tr("The file of the download queue, {file}, is damaged ({reason})."),
        tr("Restart the program: it sets the file aside and starts a new queue."),
    ),
    ErrorCode.UNSAFE_NAME: (
        tr("The file name “{name}” points outside its folder or is reserved by the system."),
        tr("No such file was written; don't trust this source."),
    ),
    ErrorCode.NEEDED_NAME: (
        tr(
            "The model needs the file “{name}”, but some systems can't store that name next to the "
            "others."
        ),
        tr("Look for another repository of the same model, or ask its owner to rename the file."),
    ),
    ErrorCode.DISK_FULL: (
        tr(
            "There is not enough space in {folder}: {needed_bytes} needed, with a reserve of "
            "{reserve_bytes}, but only {free_bytes} free."
        ),
        tr("Free some space, or choose another folder."),
    ),
    ErrorCode.OUTPUT_NOT_WRITABLE: (
        tr("The output can't be written ({reason})."),
        tr("Free some space, or send it somewhere else."),
    ),
    ErrorCode.FOLDER_NOT_WRITABLE: (
        tr("The folder {folder} can't be written to ({reason})."),
        tr("Choose another folder."),
    ),
    ErrorCode.FILE_BUSY: (
        tr("{file} is being written by another task."),
        tr("Wait for that task to finish, or stop it."),
    ),
    ErrorCode.FILE_EXISTS: (
        tr("{file} already exists."),
        tr("Delete it, or choose another name."),
    ),
    ErrorCode.RESULT_EXISTS: (
        tr("{file} already exists."),
        tr("Delete it, or choose another name."),
    ),
    ErrorCode.FILE_UNREADABLE: (
        tr("{file} can't be read ({reason})."),
        tr("Check that it exists and that you have permission to read it."),
    ),
    ErrorCode.SOURCE_NOT_FOUND: (
        tr("The file or folder {source} does not exist."),
        tr("Enter the folder of a checkpoint, a GGUF file, or a repository as owner/name."),
    ),
    ErrorCode.FILE_NOT_CONVERTIBLE: (
        tr("{file} is a file that can't be converted: it is not a GGUF file."),
        tr("Choose a folder with safetensors files, a GGUF file, or a repository as owner/name."),
    ),
    ErrorCode.NOT_A_CHECKPOINT: (
        tr("{folder} is not a Hugging Face checkpoint: it has no config.json."),
        tr("Choose the folder that contains config.json and the safetensors files."),
    ),
    ErrorCode.CHECKPOINT_WITHOUT_WEIGHTS: (
        tr("{folder} contains no safetensors weights."),
        tr("Download the repository again, or choose another folder."),
    ),
    ErrorCode.WEIGHTS_OF_OTHER_NAMES: (
        tr(
            "{folder} contains several weight files and no index that says which belong to the "
            "model: {files}."
        ),
        tr("Keep only the model's file in that folder, or name it model.safetensors."),
    ),
    ErrorCode.WEIGHTS_ARE_HOLES: (
        tr("Only the header of {file} was downloaded, but the weights themselves are needed."),
        tr("Download the repository and use its folder."),
    ),
    ErrorCode.PICKLES_WITHOUT_OUTLINE: (
        tr(
            "{repository} has its weights only as pickle files ({file}), whose tensors can't be "
            "listed without downloading them."
        ),
        tr("Look for a safetensors version, or download the repository and estimate its folder."),
    ),
    ErrorCode.ADAPTER_WITHOUT_OUTLINE: (
        tr("{repository} contains only an adapter, which runs on top of its base model."),
        tr("Estimate the base model instead."),
    ),
    ErrorCode.GGUF_ALONE: (
        tr("{repository} contains only GGUF files and no checkpoint: {files}."),
        tr("Download one of them and estimate that file."),
    ),
    ErrorCode.PICKLE_WEIGHTS: (
        tr("{folder} has its weights only as pickle files ({file}), which can run code when read."),
        tr("Look for a safetensors version, or agree to read pickle weights safely."),
    ),
    ErrorCode.PICKLE_FORMAT: (
        tr("{file} is not in the format that PyTorch has used for weights since version 1.6."),
        tr("Look for a safetensors version of this model."),
    ),
    ErrorCode.PICKLE_REFUSED: (
        tr("{file} contains more than weights: reading it would run code, so it was stopped."),
        tr("Don't trust this source; nothing in the file was run."),
    ),
    ErrorCode.MISSING_SHARD: (
        tr("{file}, one of the model's weight files, is missing."),
        tr("Download the repository again; existing files are kept."),
    ),
    ErrorCode.LFS_POINTER: (
        tr("{file} is only a Git LFS pointer to the actual file."),
        tr("Download the repository with Gristmill, or run “git lfs pull” in the folder."),
    ),
    ErrorCode.WEIGHTS_DAMAGED: (
        tr("{file} is damaged or incomplete ({reason})."),
        tr("Delete that file and download the repository again."),
    ),
    ErrorCode.CONFIG_DAMAGED: (
        tr("{file} can't be read ({reason})."),
        tr("Correct it, or download the repository again."),
    ),
    ErrorCode.ARCHITECTURE_UNNAMED: (
        tr("config.json does not name the model's architecture: it has no “architectures”."),
        tr("Add that line from the config.json of the model that this one is based on."),
    ),
    ErrorCode.ARCHITECTURE_UNSUPPORTED: (
        tr("llama.cpp does not support the architecture {architecture} yet."),
        tr("Choose another model, or point Settings to a newer llama.cpp checkout."),
    ),
    ErrorCode.TOKENIZER_MISSING: (
        tr("{folder} has no {file}, which this model's tokenizer needs."),
        tr("Copy it from the model that this one is based on, or download the repository again."),
    ),
    ErrorCode.TOKENIZER_UNKNOWN: (
        tr("llama.cpp does not support this model's tokenizer ({reason})."),
        tr("Choose another model, or point Settings to a newer llama.cpp checkout."),
    ),
    ErrorCode.TOKEN_MISSING: (
        tr("The tokenizer lacks the token “{token}”, which models of this architecture need."),
        tr("Use the tokenizer files of the model that this one is based on."),
    ),
    ErrorCode.TENSOR_UNKNOWN: (
        tr("llama.cpp has no tensor {tensor} in models of this architecture."),
        tr("Use the checkpoint as its author published it, without anything added to its weights."),
    ),
    ErrorCode.REMOTE_CODE_NEEDED: (
        tr("This model's tokenizer needs Python code from its repository, which is never run."),
        tr("Look for a GGUF file of this model, or for another version of it."),
    ),
    ErrorCode.QUANTIZATION_UNSUPPORTED: (
        tr(
            "The checkpoint is already quantized ({method}) in a way that llama.cpp's converter "
            "can't read: {reason}."
        ),
        tr("Use the original checkpoint from before quantization."),
    ),
    ErrorCode.WEIGHTS_QUANTIZED_ALREADY: (
        tr("{holder} is already in {type}; quantizing it again would lose precision twice."),
        tr(
            "Choose a level that keeps it, such as COPY, agree to quantize it again, or start from "
            "16-bit weights."
        ),
    ),
    ErrorCode.PROJECTOR_MISSING: (
        tr("llama.cpp has no multimodal projector for the architecture {architecture}."),
        tr("Convert only the language model."),
    ),
    ErrorCode.ADAPTER_BASE_MISSING: (
        tr("The adapter belongs to {base}, whose config.json was not found."),
        tr("Download that repository first, or choose the base model's folder."),
    ),
    ErrorCode.ADAPTER_BASE_UNNAMED: (
        tr("adapter_config.json does not name the model that the adapter belongs to."),
        tr("Choose the base model's folder."),
    ),
    ErrorCode.ADAPTER_UNSUPPORTED: (
        tr("This is a {kind} adapter; llama.cpp supports only LoRA."),
        tr("Merge it into its model with PEFT and convert the result."),
    ),
    ErrorCode.ADAPTER_FIELD_UNSUPPORTED: (
        tr("adapter_config.json has {field}, which llama.cpp's adapters don't support."),
        tr("Merge the adapter into its model with PEFT and convert the result."),
    ),
    ErrorCode.CHECKPOINT_REJECTED: (
        tr("llama.cpp can't load the converted model: {reason}."),
        tr("The checkpoint's weights and config.json don't match; get it from another source."),
    ),
}
TRANSFER_STEPS: dict[ErrorCode, str] = {
    ErrorCode.HUB_UNREACHABLE: (
        tr("Check your network connection and try again; what was transferred is kept.")
    ),
    ErrorCode.HUB_ANSWER: (tr("Try again later; what was transferred is kept.")),
}
"""Next steps of errors that stopped a transfer: their details have `is_kept`."""
