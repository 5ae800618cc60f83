"""Sentences and next steps of errors about sources: the Hub, files, checkpoints, conversions."""

from __future__ import annotations

from app.core.errors import ErrorCode
from app.core.language import tr

SOURCE_ERRORS: dict[ErrorCode, tuple[str, str]] = {
    ErrorCode.REPOSITORY_NAME: (
        tr("“{text}” is not the name of a Hugging Face repository."),
        tr("Write it as owner/name, or paste the address of its page."),
    ),
    ErrorCode.REPOSITORY_NOT_FOUND: (
        tr("The repository {repository} does not exist, or it is private."),
        tr("Check the spelling; for a private repository, sign in first."),
    ),
    ErrorCode.REPOSITORY_GATED: (
        tr("The repository {repository} is gated: its owner asks you to accept terms first."),
        tr("Accept them on its page, then sign in with your access token."),
    ),
    ErrorCode.REVISION_NOT_FOUND: (
        tr("The repository {repository} has no revision “{revision}”."),
        tr("Leave the revision out to take the newest one."),
    ),
    ErrorCode.REPOSITORY_WITHOUT_WEIGHTS: (
        tr("The repository {repository} holds no weights: no safetensors and no GGUF file."),
        tr("Look for another repository of the same model."),
    ),
    ErrorCode.PATTERN_WITHOUT_MATCH: (
        tr("The repository {repository} has no GGUF file that matches “{pattern}”."),
        tr("Choose one of these: {files}."),
    ),
    ErrorCode.TOKEN_INVALID: (
        tr("The access token can't be used ({reason})."),
        tr("Make one on the Hub's settings page, and sign in with it."),
    ),
    ErrorCode.HUB_UNREACHABLE: (
        tr("The Hugging Face Hub at {endpoint} can't be reached ({reason})."),
        tr("Check the network connection and try again; what was downloaded is kept."),
    ),
    ErrorCode.HUB_ANSWER: (
        tr("The Hugging Face Hub gave an answer that can't be used ({reason})."),
        tr("Try again in a while; what was downloaded is kept."),
    ),
    ErrorCode.DOWNLOAD_DAMAGED: (
        tr("{file} arrived damaged: its checksum is not the one the Hub gives."),
        tr("Download it again; the damaged file has been removed."),
    ),
    ErrorCode.DOWNLOAD_BUSY: (
        tr("{file} is being downloaded by another run of this program."),
        tr("Wait for that run to end, or stop it."),
    ),
    ErrorCode.UNSAFE_NAME: (
        tr("The file name “{name}” would leave its folder or is reserved by the system."),
        tr("Nothing was written under it; don't trust this source."),
    ),
    ErrorCode.NEEDED_NAME: (
        tr(
            "The model needs the file “{name}”, and not every system can have that name beside the "
            "others."
        ),
        tr("Look for another repository of the same model, or ask its owner to rename the file."),
    ),
    ErrorCode.DISK_FULL: (
        tr("There is not enough room in {folder}: {needed_bytes} needed, {free_bytes} free."),
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
        tr("{file} is being written by another job."),
        tr("Wait for that job to end, or stop it."),
    ),
    ErrorCode.FILE_EXISTS: (
        tr("{file} is there already."),
        tr("Delete it, or choose another name."),
    ),
    ErrorCode.FILE_UNREADABLE: (
        tr("{file} can't be read ({reason})."),
        tr("Check that it is there and that you are allowed to read it."),
    ),
    ErrorCode.SOURCE_NOT_FOUND: (
        tr("There is no folder {source}."),
        tr("Give the folder of a checkpoint, or a repository as owner/name."),
    ),
    ErrorCode.NOT_A_CHECKPOINT: (
        tr("{folder} is not a Hugging Face checkpoint: it has no config.json."),
        tr("Choose the folder that holds config.json and the safetensors files."),
    ),
    ErrorCode.CHECKPOINT_WITHOUT_WEIGHTS: (
        tr("{folder} holds no safetensors weights."),
        tr("Download the repository again, or choose another folder."),
    ),
    ErrorCode.WEIGHTS_OF_OTHER_NAMES: (
        tr(
            "{folder} holds several weight files, and no index says which belong to the model: "
            "{files}."
        ),
        tr("Keep the one of the model in that folder, or name it model.safetensors."),
    ),
    ErrorCode.WEIGHTS_ARE_HOLES: (
        tr("What is in the weights of {file} is needed, but their sizes are all that was fetched."),
        tr("Download the repository, and take its folder."),
    ),
    ErrorCode.PICKLES_WITHOUT_OUTLINE: (
        tr(
            "{repository} has its weights only as pickle files ({file}), which don't tell their "
            "tensors beforehand."
        ),
        tr(
            "Look for a safetensors version, or download it with --allow-pickle and estimate its "
            "folder."
        ),
    ),
    ErrorCode.GGUF_ALONE: (
        tr("{repository} is in GGUF already, and has no checkpoint: {files}."),
        tr("Download one with “gristmill download {repository} --include LEVEL”, and estimate it."),
    ),
    ErrorCode.PICKLE_WEIGHTS: (
        tr("{folder} has its weights only as pickle files ({file}), which can run code when read."),
        tr(
            "Look for a safetensors version, or agree to have them read as weights alone: "
            "--allow-pickle."
        ),
    ),
    ErrorCode.PICKLE_FORMAT: (
        tr("{file} is not a file of weights as torch has written them since version 1.6."),
        tr("Look for a safetensors version of this model."),
    ),
    ErrorCode.PICKLE_REFUSED: (
        tr("{file} asks for more than weights: reading it would run code, and was stopped."),
        tr("Don't trust this source; nothing in the file was run."),
    ),
    ErrorCode.MISSING_SHARD: (
        tr("{file}, one of the weight files of the model, is missing."),
        tr("Download the repository again; what is there will be kept."),
    ),
    ErrorCode.LFS_POINTER: (
        tr("{file} is not the file itself, only a Git LFS pointer to it."),
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
        tr("Add the line from config.json of the model that this one was made from."),
    ),
    ErrorCode.ARCHITECTURE_UNSUPPORTED: (
        tr("llama.cpp can't run the architecture {architecture} yet."),
        tr("Choose another model, or point Settings to a newer llama.cpp checkout."),
    ),
    ErrorCode.TOKENIZER_MISSING: (
        tr("{folder} has no {file}, which the tokenizer of this model is in."),
        tr("Copy it from the model that this one was made from, or download the repository again."),
    ),
    ErrorCode.TOKENIZER_UNKNOWN: (
        tr("llama.cpp does not know this model's tokenizer ({reason})."),
        tr("Choose another model, or point Settings to a newer llama.cpp checkout."),
    ),
    ErrorCode.TOKEN_MISSING: (
        tr("The tokenizer lacks the token “{token}”, which models of this architecture have."),
        tr("Take the tokenizer's files of the model that this one was made from."),
    ),
    ErrorCode.TENSOR_UNKNOWN: (
        tr("llama.cpp knows no tensor {tensor} in models of this architecture."),
        tr("Take the checkpoint as its maker published it, without what was added to its weights."),
    ),
    ErrorCode.REMOTE_CODE_NEEDED: (
        tr("The tokenizer of this model needs Python code from its repository, which is not run."),
        tr("Look for a GGUF file of this model, or for another version of it."),
    ),
    ErrorCode.QUANTIZATION_UNSUPPORTED: (
        tr(
            "The checkpoint is quantized already ({method}), in a way that llama.cpp's converter "
            "can't read: {reason}."
        ),
        tr("Take the original checkpoint, before it was quantized."),
    ),
    ErrorCode.WEIGHTS_QUANTIZED_ALREADY: (
        tr("{holder} is in {type} already, and quantizing it again would lose twice."),
        tr(
            "Choose a level that keeps it, such as COPY, agree to the loss with --requantize, or "
            "start from weights in 16 bits."
        ),
    ),
    ErrorCode.PROJECTOR_MISSING: (
        tr("llama.cpp knows no multimodal projector for the architecture {architecture}."),
        tr("Convert the language model alone."),
    ),
    ErrorCode.ADAPTER_BASE_MISSING: (
        tr("The adapter belongs to {base}, whose config.json is not here."),
        tr("Download that repository first, or give its folder: --base FOLDER."),
    ),
    ErrorCode.ADAPTER_BASE_UNNAMED: (
        tr("adapter_config.json does not name the model that the adapter belongs to."),
        tr("Give the folder of that model: --base FOLDER."),
    ),
    ErrorCode.ADAPTER_UNSUPPORTED: (
        tr("The adapter is of the kind {kind}, and llama.cpp takes LoRA adapters alone."),
        tr("Merge it into its model with PEFT, and convert the result."),
    ),
    ErrorCode.ADAPTER_FIELD_UNSUPPORTED: (
        tr("adapter_config.json has {field}, which an adapter of llama.cpp can't express."),
        tr("Merge the adapter into its model with PEFT, and convert the result."),
    ),
    ErrorCode.CHECKPOINT_REJECTED: (
        tr("llama.cpp could not load what this checkpoint gives: {reason}."),
        tr("Its weights and its config.json don't fit together; get it from another source."),
    ),
    ErrorCode.LEVEL_MISSING: (
        tr("No level was chosen."),
        tr("Add --level, for example “--level Q4_K_M”; “--dry-run” shows the size of each."),
    ),
    ErrorCode.ONE_FILE_FOR_SEVERAL_LEVELS: (
        tr("Several levels can't go into the one file {file}."),
        tr("Give a folder instead."),
    ),
    ErrorCode.LEVEL_NOT_OFFERED: (
        tr("Projectors and adapters can be F32, F16, BF16 or Q8_0, but not {level}."),
        tr("Choose one of these levels."),
    ),
    ErrorCode.IMPORTANCE_NOT_OFFERED: (
        tr("Projectors and adapters take no importance matrix."),
        tr("Leave it out."),
    ),
    ErrorCode.MEMORY_SHORT: (
        tr("The conversion needs {needed_bytes} of memory, and {free_bytes} are free."),
        tr("Close other programs and try again."),
    ),
    ErrorCode.LEVEL_NEEDS_IMPORTANCE_MATRIX: (
        tr(
            "The level {level} needs an importance matrix: with so few bits the model would be "
            "useless if all weights counted alike."
        ),
        tr(
            "Have one made from a text (--calibration TEXT), give one (--imatrix FILE), "
            "or choose another level."
        ),
    ),
    ErrorCode.IMPORTANCE_MATRIX_DAMAGED: (
        tr("{file} can't be used as an importance matrix: {reason}."),
        tr("Choose another file, or make one from a text."),
    ),
    ErrorCode.TEXT_SHORT: (
        tr("The text has {tokens} tokens, and {needed} are the fewest that say something."),
        tr("Choose a longer text."),
    ),
    ErrorCode.IMPORTANCE_MATRIX_MISFIT: (
        tr("The importance matrix is of another model: its entry for {tensor} has another size."),
        tr("Give the one that was made with this model, or none."),
    ),
    ErrorCode.IMPORTANCE_MATRIX_INCOMPLETE: (
        tr("The importance matrix has no entry for {tensor}, which so few bits can't do without."),
        tr("Have one made from a longer text, or choose another level."),
    ),
    ErrorCode.WEIGHTS_TOO_LARGE: (
        tr("The tensor {tensor} holds values that are too large for the type {type}."),
        tr("Choose another level, such as BF16 or F32."),
    ),
    ErrorCode.TYPE_UNKNOWN: (
        tr("ggml can't quantize to a type “{name}”."),
        tr("Write it as ggml does, for example q6_K, q8_0 or f16."),
    ),
    ErrorCode.WEIGHTS_NOT_FINITE: (
        tr("The tensor {tensor} holds values that are not numbers (NaN or infinity)."),
        tr("The checkpoint is broken; get it from another source."),
    ),
    ErrorCode.CONVERTER_MISSING: (
        tr("llama.cpp's converter is not installed."),
        tr("Run “gristmill setup” to fetch it."),
    ),
    ErrorCode.CONVERTER_FOLDER_UNFIT: (
        tr("The settings look for llama.cpp's converter in {folder}, which holds none."),
        tr("Choose the folder of a llama.cpp checkout there, or none."),
    ),
    ErrorCode.CONVERTER_FAILED: (
        tr("llama.cpp's converter stopped: {reason}."),
        tr("Nothing was written; the log has the details."),
    ),
}
