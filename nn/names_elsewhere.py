"""Names of PyTorch and Keras that have another name in `nn`: using one raises an error with the name to write here.

Never here: a name that exists in `nn`.
"""

from __future__ import annotations

__all__ = ["IN_FUNCTIONAL", "IN_MODULE", "IN_OPTIMIZER", "IN_PACKAGE"]

_PARALLEL = "write nn.distributed(optimizer), and start the program with mpiexec"
_SCHEDULERS = (
    "ChainedScheduler ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR ExponentialLR LRScheduler "
    "LambdaLR LinearLR MultiStepLR MultiplicativeLR OneCycleLR PolynomialLR ReduceLROnPlateau SequentialLR StepLR"
)
_LAZY = "write the layer without Lazy, with the number of its inputs"
_DRAWN_WINDOWS = "write nn.MaxPool2d(kernel_size), or nn.AdaptiveMaxPool2d(output_size): windows are not drawn here"
_ONE_BY_ONE = "write nn.Linear and nn.CrossEntropyLoss: every class has its own row of weights"
_NORMS = [f"{kind}{n}d" for kind in ("BatchNorm", "InstanceNorm", "Conv", "ConvTranspose") for n in (1, 2, 3)]
IN_PACKAGE = {
    **{name: f"write nn.optim.lr_scheduler.{name}" for name in _SCHEDULERS.split()},
    "lr_scheduler": "write nn.optim.lr_scheduler",
    **{f"Lazy{name}": _LAZY for name in ("Linear", *_NORMS)},
    **dict.fromkeys(["FractionalMaxPool2d", "FractionalMaxPool3d"], _DRAWN_WINDOWS),
    "AdaptiveLogSoftmaxWithLoss": _ONE_BY_ONE,
    "Container": "write nn.Module",
    "CrossMapLRN2d": "write nn.LocalResponseNorm(size)",
    "LinearCrossEntropyOptions": "write nn.Linear and nn.CrossEntropyLoss",
    "LinearCrossEntropyLoss": "write nn.Linear and nn.CrossEntropyLoss",
    "RNNBase": "write nn.RNN, nn.LSTM or nn.GRU",
    "RNNCellBase": "write nn.RNNCell, nn.LSTMCell or nn.GRUCell",
    **dict.fromkeys(["UninitializedParameter", "UninitializedBuffer"], _LAZY),
    "clip_grad_norm": "write nn.clip_grad_norm_",
    "get_total_norm": "write nn.clip_grad_norm_(parameters, math.inf), which returns the norm",
    "clip_grads_with_norm_": "write nn.clip_grad_norm_(parameters, max_norm)",
    "modules": "the layers are in nn itself",
    "quantized": "write float32 layers; nn.export_onnx writes files that other programs quantize",
    "Activation": "write the layer itself: nn.ReLU(), nn.Tanh()",
    "BatchNormalization": "write nn.BatchNorm1d(features), or BatchNorm2d for images",
    "DataParallel": _PARALLEL,
    "DistributedDataParallel": _PARALLEL,
    "parallel": _PARALLEL,
    **dict.fromkeys(("make_functional", "stateless"), "write nn.functional_call(model, params, x)"),
    **dict.fromkeys(("draw", "plot_model"), "write ad.draw(loss, model=model)"),
    "DataLoader": "write nn.data.DataLoader(dataset, batch_size=32)",
    "Dataset": "write nn.data.Dataset, or give plain arrays to nn.fit(model, x, y)",
    "TensorDataset": "write nn.data.TensorDataset(x, y)",
    "ModelCheckpoint": "write nn.Checkpoint(path), or nn.fit(..., checkpoint=path)",
    "callbacks": "nn.Callback, nn.Checkpoint, nn.EarlyStopping and nn.TensorBoard are in nn itself",
    "Dense": "write nn.Linear(inputs, outputs)",
    "Embed": "write nn.Embedding(num_embeddings, embedding_dim)",
    "Input": "leave it out: a layer takes its input when it is called",
    "Model": "write nn.Module, or nn.Sequential(...)",
    "NLLLoss2d": "write nn.NLLLoss()",
    "Softmax2d": "write nn.Softmax(axis=1)",
    "SyncBatchNorm": "write nn.BatchNorm2d(features): a model runs in one process",
    "Tensor": "write ad.Tensor",
    "tensor": "write ad.tensor(x)",
    "no_grad": "write ad.no_grad()",
    "manual_seed": "write nn.seed(n)",
    "register_buffer": "write self.mean = nn.Buffer(np.zeros(n)), or self.register_buffer, in the module",
    "UpsamplingBilinear2d": 'write nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)',
    "UpsamplingNearest2d": 'write nn.Upsample(scale_factor=2, mode="nearest")',
    "utils": "nn.clip_grad_norm_, nn.clip_grad_value_, nn.parameters_to_vector, nn.vector_to_parameters and "
    "nn.pack_padded_sequence are in nn itself, weight_norm and spectral_norm in nn.parametrize",
    **{name: f"write nn.parametrize.{name}(layer)" for name in ("weight_norm", "spectral_norm")},
    **dict.fromkeys(
        ("remove_weight_norm", "remove_spectral_norm"), "write nn.parametrize.remove_parametrizations(layer, 'weight')"
    ),
    "parametrizations": "nn.parametrize has weight_norm, spectral_norm and register_parametrization",
    "summary": "write model.summary(x)",
    "train": "write nn.fit(model, x, y), or model.train() for the mode",
    "compile": "write ad.compile(f), or nn.training_step(model, loss, optimizer, compiled=True)",
    "to": "everything is NumPy on the CPU; write model.astype(dtype)",
}
_CPU = "everything is NumPy on the CPU; leave it out, and write model.astype(dtype) for another dtype"
IN_MODULE = {
    **dict.fromkeys(["to", "cuda", "cpu", "to_device"], _CPU),
    **{name: f"write model.astype(np.float{bits})" for name, bits in (("half", 16), ("float", 32), ("double", 64))},
    "compile": "write ad.compile(f), or nn.training_step(model, loss, optimizer, compiled=True)",
    "evaluate": "write nn.evaluate(model, x, y, loss=...)",
    "flatten_parameters": "leave it out: the weights are where they are",
    "get_buffer": "write dict(model.named_buffers())[name]",
    "get_parameter": "write dict(model.named_parameters())[name]",
    "get_submodule": "write dict(model.named_modules())[name]",
    "fit": "write nn.fit(model, x, y, loss=..., optimizer=...)",
    "predict": "write nn.predict(model, x)",
    **dict.fromkeys(
        ["register_forward_hook", "register_forward_pre_hook"],
        "define forward(self, x) in a subclass, or call the parts of the model yourself",
    ),
    **dict.fromkeys(
        ["register_full_backward_hook", "register_backward_hook"],
        "write y.register_hook(f) on the output of the layer, or p.register_hook(f) on a parameter",
    ),
    "reset_parameters": "make a new layer, or fill p.data by nn.init",
    "device": _CPU,
    "type": _CPU,
    "save": "write nn.save(model, path)",
    "weights": "write model.parameters() or model.state_dict()",
}
_RECORDED = "results are new arrays; write "
_BEFORE = "celu elu hardtanh leaky_relu relu rrelu selu threshold"
IN_FUNCTIONAL = {
    **dict.fromkeys(["grouped_mm", "scaled_mm", "scaled_grouped_mm"], "write x @ y"),
    **{f"{name}_": f"{_RECORDED}nn.functional.{name}" for name in _BEFORE.split()},
    **{
        f"{kind}max_pool{n}d_with_indices": f"write nn.functional.{kind}max_pool{n}d(x, ..., return_indices=True)"
        for kind in ("", "adaptive_")
        for n in (1, 2, 3)
    },
    **{
        f"fractional_max_pool{n}d{more}": f"write nn.functional.adaptive_max_pool{n}d"
        for n in (2, 3)
        for more in ("", "_with_indices")
    },
    "conv_tbc": "write nn.functional.conv1d, with x (N, C, W)",
    "linear_cross_entropy": "write nn.functional.cross_entropy(nn.functional.linear(x, weight), target)",
    "mse": "write nn.functional.mse_loss",
    "multi_head_attention_forward": "write nn.MultiheadAttention, or nn.functional.scaled_dot_product_attention",
    "native_channel_shuffle": "write nn.functional.channel_shuffle",
    "swish": "write nn.functional.silu",
    "upsample": "write nn.functional.interpolate",
    "upsample_bilinear": 'write nn.functional.interpolate(x, ..., mode="bilinear", align_corners=True)',
    "upsample_nearest": "write nn.functional.interpolate",
}
_BESIDE = "call your function beside step()"
IN_OPTIMIZER = {
    "state": 'write optimizer.state_dict()["state"], a copy',
    "learning_rate": 'write optimizer.param_groups[0]["lr"]',
    **dict.fromkeys(["register_step_pre_hook", "register_step_post_hook"], _BESIDE),
    "apply_gradients": "write loss.backward(), then optimizer.step()",
    "minimize": "write loss.backward(), then optimizer.step()",
}
