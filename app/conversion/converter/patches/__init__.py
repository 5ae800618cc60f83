"""Changes to the converter, gguf, transformers and torch, made in the process that runs them.

Each module says why. What it changes:

- `absent_torch`: the module torch, replaced by an empty one where only tokenizers are read.
- `lazy_assignment`: `LazyTorchTensor.__setitem__` of the converter, made lazy.
- `legacy_names`: the configuration and tensor names that the converter is given.
- `missing_weights`: `LocalTensor.mmap_bytes` of gguf, which must read no hole of an outline.
- `model_cards`: `Metadata.load_model_card` of gguf, which must survive unreadable YAML.
- `prediction_layers`: a subclass of a converter's model class, without layers that are absent.
- `shared_scaling`: `load_file` of safetensors and `torch.load`, while an adapter is converted.
- `transformers_import`: the import of transformers, and its `AutoTokenizer`.
- `unread_blocks`: the converter's `_nvfp4_pack` and `to_eager`, and `np.stack` for lazy arrays.
- `untrusted_code`: every way in which transformers and torch would run code from a checkpoint.
- `weight_names`: `ModelBase.get_model_part_names` of the converter.

`app.conversion.converter.converter_output` replaces the methods of gguf's `GGUFWriter` that write,
for the time of one conversion.
"""
