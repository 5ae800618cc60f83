"""Codes of expected errors and notices; their messages are in `app.core.sentences`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from app.core.language import tr

ErrorDetails = dict[str, str | int | float]
"""Details of an error or notice. A key that ends in `_bytes` is shown as a size."""


class ErrorCode(StrEnum):
    """Codes of expected errors; each has a message and a next step."""

    REPOSITORY_NAME = "repository_name"
    REPOSITORY_NOT_FOUND = "repository_not_found"
    REPOSITORY_GATED = "repository_gated"
    REVISION_NOT_FOUND = "revision_not_found"
    REPOSITORY_WITHOUT_WEIGHTS = "repository_without_weights"
    PATTERN_WITHOUT_MATCH = "pattern_without_match"
    TOKEN_INVALID = "token_invalid"
    TOKEN_NEEDED = "token_needed"
    TOKEN_READ_ONLY = "token_read_only"
    PUBLISHING_REFUSED = "publishing_refused"
    REPOSITORY_PUBLIC = "repository_public"
    PATH_IN_METADATA = "path_in_metadata"
    NAMES_COLLIDE = "names_collide"
    LOCAL_ONLY = "local_only"
    HUB_UNREACHABLE = "hub_unreachable"
    HUB_ANSWER = "hub_answer"
    HUB_BUSY = "hub_busy"
    MODEL_WITHOUT_CHAT = "model_without_chat"
    DOWNLOAD_DAMAGED = "download_damaged"
    DOWNLOAD_BUSY = "download_busy"
    DOWNLOAD_UNFINISHED = "download_unfinished"
    DOWNLOADS_DAMAGED = "downloads_damaged"
    UNSAFE_NAME = "unsafe_name"
    NEEDED_NAME = "needed_name"
    DISK_FULL = "disk_full"
    FOLDER_NOT_WRITABLE = "folder_not_writable"
    OUTPUT_NOT_WRITABLE = "output_not_writable"
    FILE_BUSY = "file_busy"
    FILE_EXISTS = "file_exists"
    RESULT_EXISTS = "result_exists"
    FILE_UNREADABLE = "file_unreadable"

    SOURCE_NOT_FOUND = "source_not_found"
    NOT_A_CHECKPOINT = "not_a_checkpoint"
    CHECKPOINT_WITHOUT_WEIGHTS = "checkpoint_without_weights"
    WEIGHTS_OF_OTHER_NAMES = "weights_of_other_names"
    WEIGHTS_ARE_HOLES = "weights_are_holes"
    PICKLES_WITHOUT_OUTLINE = "pickles_without_outline"
    ADAPTER_WITHOUT_OUTLINE = "adapter_without_outline"
    GGUF_ALONE = "gguf_alone"
    PICKLE_WEIGHTS = "pickle_weights"
    PICKLE_FORMAT = "pickle_format"
    PICKLE_REFUSED = "pickle_refused"
    MISSING_SHARD = "missing_shard"
    LFS_POINTER = "lfs_pointer"
    WEIGHTS_DAMAGED = "weights_damaged"
    CONFIG_DAMAGED = "config_damaged"
    ARCHITECTURE_UNNAMED = "architecture_unnamed"
    ARCHITECTURE_UNSUPPORTED = "architecture_unsupported"
    TOKENIZER_MISSING = "tokenizer_missing"
    TOKENIZER_UNKNOWN = "tokenizer_unknown"
    TOKEN_MISSING = "token_missing"
    TENSOR_UNKNOWN = "tensor_unknown"
    REMOTE_CODE_NEEDED = "remote_code_needed"
    QUANTIZATION_UNSUPPORTED = "quantization_unsupported"
    WEIGHTS_QUANTIZED_ALREADY = "weights_quantized_already"
    PROJECTOR_MISSING = "projector_missing"
    ADAPTER_BASE_MISSING = "adapter_base_missing"
    ADAPTER_BASE_UNNAMED = "adapter_base_unnamed"
    ADAPTER_UNSUPPORTED = "adapter_unsupported"
    ADAPTER_FIELD_UNSUPPORTED = "adapter_field_unsupported"
    CHECKPOINT_REJECTED = "checkpoint_rejected"
    LEVEL_MISSING = "level_missing"
    ONE_FILE_FOR_SEVERAL_LEVELS = "one_file_for_several_levels"
    LEVEL_NOT_OFFERED = "level_not_offered"
    GRADIENTS_UNAVAILABLE = "gradients_unavailable"
    ONE_LEVEL_TO_CORRECT = "one_level_to_correct"
    TARGET_TOO_SMALL = "target_too_small"
    ALLOCATION_NOT_OFFERED = "allocation_not_offered"
    IMPORTANCE_NOT_OFFERED = "importance_not_offered"
    MEMORY_SHORT = "memory_short"
    LEVEL_NEEDS_IMPORTANCE_MATRIX = "level_needs_importance_matrix"
    IMPORTANCE_MATRIX_DAMAGED = "importance_matrix_damaged"
    TEXT_SHORT = "text_short"
    TEXT_UNUSABLE = "text_unusable"
    IMPORTANCE_MATRIX_MISFIT = "importance_matrix_misfit"
    TYPE_UNKNOWN = "type_unknown"
    IMPORTANCE_MATRIX_INCOMPLETE = "importance_matrix_incomplete"
    WEIGHTS_TOO_LARGE = "weights_too_large"
    WEIGHTS_NOT_FINITE = "weights_not_finite"
    CONVERTER_MISSING = "converter_missing"
    CONVERTER_FOLDER_UNFIT = "converter_folder_unfit"
    CONVERTER_FAILED = "converter_failed"

    MODEL_NOT_FOUND = "model_not_found"
    MODEL_AMBIGUOUS = "model_ambiguous"
    NOT_GGUF = "not_gguf"
    GGUF_TRUNCATED = "gguf_truncated"
    GGUF_DAMAGED = "gguf_damaged"
    METADATA_FIXED = "metadata_fixed"
    METADATA_INVALID = "metadata_invalid"
    METADATA_MISSING = "metadata_missing"
    CHANGES_MISSING = "changes_missing"
    CACHE_FILE = "cache_file"
    CHECKSUM_DIFFERS = "checksum_differs"

    MODEL_WITHOUT_TEXT = "model_without_text"
    VOCABULARY_MISFIT = "vocabulary_misfit"
    MODEL_REJECTED = "model_rejected"
    OUT_OF_MEMORY = "out_of_memory"
    LAYERS_OUT_OF_MEMORY = "layers_out_of_memory"
    CACHE_NEEDS_FLASH_ATTENTION = "cache_needs_flash_attention"
    ENGINE_MISSING = "engine_missing"
    ENGINE_BROKEN = "engine_broken"
    ENGINE_STOPPED = "engine_stopped"
    ENGINE_HUNG = "engine_hung"
    MODEL_FILE_CHANGED = "model_file_changed"
    SPEED_UNMEASURED = "speed_unmeasured"
    CONTEXT_FULL = "context_full"
    REQUEST_INVALID = "request_invalid"
    WORKER_UNREACHABLE = "worker_unreachable"
    WORKER_LOST = "worker_lost"
    NETWORK_UNCONFIRMED = "network_unconfirmed"
    PORT_IN_USE = "port_in_use"
    ADDRESS_UNUSABLE = "address_unusable"

    ENDPOINT_ADDRESS = "endpoint_address"
    ENDPOINT_INSECURE = "endpoint_insecure"
    ENDPOINT_UNREACHABLE = "endpoint_unreachable"
    ENDPOINT_REFUSES = "endpoint_refuses"
    ENDPOINT_ANSWER = "endpoint_answer"
    KEY_INVALID = "key_invalid"

    CHATS_DAMAGED = "chats_damaged"
    CHATS_READ_ONLY = "chats_read_only"
    NOT_EXPORTED_CHATS = "not_exported_chats"

    COMPONENT_UNREACHABLE = "component_unreachable"
    COMPONENT_DAMAGED = "component_damaged"
    KEYRING_UNAVAILABLE = "keyring_unavailable"
    PRESET_INVALID = "preset_invalid"
    NO_DISPLAY = "no_display"
    WINDOW_BROKEN = "window_broken"
    INTERNAL = "internal"


class NoticeCode(StrEnum):
    """Codes of notices: facts that users should know although the work continues."""

    CHATS_AS_TEXT = "chats_as_text"
    CHECKPOINT_KEPT = "checkpoint_kept"
    MODEL_WITHOUT_CHAT = "model_without_chat"
    SAFE_SETTING = "safe_setting"
    SAFE_SETTING_HOLDS = "safe_setting_holds"
    TEMPLATE_FALLBACK = "template_fallback"
    TEMPLATE_SUSPICIOUS = "template_suspicious"
    REPLY_REPEATS = "reply_repeats"
    FEWER_GPU_LAYERS = "fewer_gpu_layers"
    EXPERTS_IN_RAM = "experts_in_ram"
    SMALLER_CONTEXT = "smaller_context"
    MEMORY_NOT_LOCKED = "memory_not_locked"
    CONTEXT_REDUCED = "context_reduced"
    ENGINE_WARNING = "engine_warning"
    MODEL_FILE_CHANGED = "model_file_changed"
    SETTINGS_RESET = "settings_reset"
    VALUES_LEFT_OUT = "values_left_out"
    CHATS_RESET = "chats_reset"
    CHATS_RESTORED = "chats_restored"
    CHATS_NEWER = "chats_newer"
    DOWNLOAD_RETRIED = "download_retried"
    DOWNLOADS_RESET = "downloads_reset"
    FILES_LEFT_OUT = "files_left_out"
    HUB_ANSWER_OLD = "hub_answer_old"
    KEY_NOT_KEPT = "key_not_kept"
    SERVER_KEY_NOT_KEPT = "server_key_not_kept"
    CONNECTION_READABLE = "connection_readable"
    MEASUREMENT_NOT_KEPT = "measurement_not_kept"
    SPEED_DISTURBED = "speed_disturbed"
    CONVERTER_WARNING = "converter_warning"
    ADAPTER_PART_LEFT_OUT = "adapter_part_left_out"
    CONVERTER_FILE_LEFT_OUT = "converter_file_left_out"
    PREDICTION_LAYERS_ABSENT = "prediction_layers_absent"
    CONFIG_DOUBTFUL = "config_doubtful"
    SCALING_LEFT_OUT = "scaling_left_out"
    TOKENS_DIFFER = "tokens_differ"
    LEVELS_LOSE_TWICE = "levels_lose_twice"
    SCAN_LIMITED = "scan_limited"
    TEXT_CUT = "text_cut"
    TEXT_SHORT = "text_short"
    BASE_MODEL_UNKNOWN = "base_model_unknown"
    CARD_KEPT = "card_kept"


class AppError(Exception):
    """An expected failure: `code` identifies it, `details` fill in its message."""

    def __init__(self, code: ErrorCode, **details: str | int | float) -> None:
        super().__init__(code.value)
        self.code = code
        self.details: ErrorDetails = details

    def __str__(self) -> str:
        """Return code and details for logs; users see `app.core.sentences.describe_error`."""
        return f"{self.code.value} {self.details}"


def system_reason(error: OSError, default: str = "") -> str:
    """Return the system's own words for an error, or else `default`."""
    return error.strerror or default or tr("unknown reason")


def unreadable_file(file: Path, error: OSError) -> AppError:
    """Return the error for a file that the system won't let us read."""
    return AppError(ErrorCode.FILE_UNREADABLE, file=file.name, reason=system_reason(error))


class Canceled(Exception):  # noqa: N818 - a decision, not an error
    """The user canceled the work."""
