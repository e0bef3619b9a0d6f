"""The words of a picture in English and Chinese. Identifiers, shapes and numbers are never translated."""

from __future__ import annotations

ENGLISH = {
    "grad": "grad", "scalar": "scalar", "input": "input", "input, no gradient": "input, no gradient", "parameter": "parameter",
    "parameters": "parameters", "operation": "operation", "operation and its output": "operation and its output",
    "gradient norm": "gradient norm", "value": "value", "tensor": "tensor", "gradient": "gradient",
    "chain rule": "gradient:\u00a0 grad(in) += grad(out) × local derivative", "constant": "constant",
    "scalar: value and grad": "scalar: value and grad", "tensor: shape and gradient norm": "tensor: shape and gradient norm ‖g‖",
    "forward": "1\u00a0 forward", "backward": "2\u00a0 backward", "update": "3\u00a0 update", "data, no gradient": "data, no gradient",
    "Input": "Input", "labels": "labels", "loss": "loss", "seed gradient": "seed gradient\u00a0 ∂{0}/∂{0} = 1", "step": "step {0}",
    "zeros of outputs": "{0} of outputs are 0", "finite": "finite", "warning": "warning: zeros, ±∞ or overflow",
    "first NaN": "first NaN", "NaN spread": "NaN spread from it", "first nan headline": "✗ first NaN is made here",
    "first inf headline": "✗ first infinity is made here", "are NaN": "{0} of {1} are NaN", "are inf": "{0} of {1} are {2}",
    "are zero": "{0} of {1} are exactly 0", "is NaN": "{0} is NaN", "is inf": "{0} is {1}", "cause": "cause", "inputs": "inputs",
    "at": "at", "line": "line", "try": "try", "positive weight": "positive weight", "negative weight": "negative weight",
    "thicker": "thicker = larger |w|", "gradient of the loss": "gradient of the loss", "layer": "layer {0}", "output": "output",
    "inputs title": "inputs", "linear": "linear", "dead": "dead", "vanishing": "vanishing", "weak": "weak", "healthy": "healthy",
    "strong": "strong", "exploding": "exploding", "nan": "NaN", "dead cell": "dead (exactly 0)",
    "heat title": "gradient norm ‖g‖ of each block input", "into block": "‖g‖ into block 1 … {0}:",
    "update title": "size of the last step, ‖Δw‖/‖w‖", "into update": "‖Δw‖/‖w‖ of block 1 … {0}:",
    "folded": "{0} operations in {1} modules folded; expand='{2}' opens one", "nodes": "{0} nodes",
    "private": "gradients come from a private pass; backward() has not run",
    "leaves only": "gradients inside the graph were not kept; run the pass under ad.record() to see them",
    "reference": "drawn elsewhere", "call": "call {0}", "repeat": "repeat", "module": "module", "mean over": "mean over {0} examples",
    "calls": "every neuron ran {0} times: mean of its outputs, norm of their gradients", "hidden neurons": "{0} neurons are not drawn",
    "not drawn": "{0} more nodes are not drawn", "per layer": "× {0} per layer", "layer outputs zero": "layer {0} outputs only 0",
    "first nan grad headline": "✗ first NaN gradient is made here", "gradient norms": "Gradient norms", "forward only": "Forward only", "no gradient": "no gradient", "outputs only zero": "outputs only 0",
}
CHINESE = {
    "grad": "梯度", "scalar": "标量", "input": "输入", "input, no gradient": "输入（无梯度）", "parameter": "参数", "parameters": "参数",
    "operation": "运算", "operation and its output": "运算及其输出", "gradient norm": "梯度范数", "value": "值", "tensor": "张量",
    "gradient": "梯度", "chain rule": "梯度：输入梯度 += 输出梯度 × 局部导数", "constant": "常量",
    "scalar: value and grad": "标量：值和梯度", "tensor: shape and gradient norm": "张量：形状和梯度范数 ‖g‖",
    "forward": "1\u00a0 前向传播", "backward": "2\u00a0 反向传播", "update": "3\u00a0 更新权重", "data, no gradient": "数据（无梯度）",
    "Input": "输入数据", "labels": "标签", "loss": "损失 loss", "seed gradient": "起始梯度\u00a0 ∂{0}/∂{0} = 1", "step": "第 {0} 步",
    "zeros of outputs": "{0} 的输出为 0", "finite": "有限", "warning": "警告：零、±∞ 或溢出", "first NaN": "首个 NaN",
    "NaN spread": "由它传播的 NaN", "first nan headline": "✗ 首个 NaN 在此产生", "first inf headline": "✗ 首个无穷在此产生",
    "are NaN": "{1} 个中有 {0} 个为 NaN", "are inf": "{1} 个中有 {0} 个为 {2}", "are zero": "{1} 个中有 {0} 个恰为 0",
    "is NaN": "{0} 为 NaN", "is inf": "{0} 为 {1}", "cause": "原因", "inputs": "输入", "at": "位置", "line": "代码", "try": "建议",
    "positive weight": "正权重", "negative weight": "负权重", "thicker": "越粗 = |w| 越大", "gradient of the loss": "损失的梯度",
    "layer": "第 {0} 层", "output": "输出", "inputs title": "输入", "linear": "线性", "dead": "死亡", "vanishing": "消失", "weak": "偏弱",
    "healthy": "健康", "strong": "偏强", "exploding": "爆炸", "nan": "NaN", "dead cell": "死亡（恰为 0）",
    "heat title": "每个模块输入的梯度范数 ‖g‖", "into block": "第 1 … {0} 个模块的 ‖g‖：", "update title": "上一步的大小 ‖Δw‖/‖w‖",
    "into update": "第 1 … {0} 个模块的 ‖Δw‖/‖w‖：", "folded": "折叠了 {1} 个模块中的 {0} 个运算；expand='{2}' 可展开一个",
    "nodes": "{0} 个节点", "private": "梯度来自一次私有计算；尚未调用 backward()",
    "leaves only": "未保留图内部的梯度；在 ad.record() 下运行可以看到", "reference": "画在别处", "call": "第 {0} 次调用", "repeat": "重复",
    "calls": "每个神经元运行了 {0} 次：输出取平均，梯度取范数", "hidden neurons": "有 {0} 个神经元未画出",
    "not drawn": "另有 {0} 个节点未画出", "per layer": "每层 × {0}", "layer outputs zero": "第 {0} 层输出全为 0",
    "first nan grad headline": "✗ 首个 NaN 梯度在此产生", "module": "模块", "mean over": "{0} 个样本的平均值", "gradient norms": "梯度范数", "forward only": "仅前向", "no gradient": "无梯度",
    "outputs only zero": "输出全为 0",
}
# What common modules are called in Chinese; the class name stays beside it.
CHINESE_MODULES = {"Linear": "线性层", "Flatten": "展平", "Embedding": "嵌入层", "Dropout": "随机失活", "LayerNorm": "层归一化",
                   "BatchNorm1d": "批归一化", "BatchNorm2d": "批归一化", "Conv1d": "卷积层", "Conv2d": "卷积层", "MaxPool2d": "最大池化",
                   "AvgPool2d": "平均池化", "CrossEntropyLoss": "损失函数", "MSELoss": "损失函数", "Neuron": "神经元", "Layer": "层",
                   **dict.fromkeys(("ReLU", "Tanh", "Sigmoid", "GELU", "SiLU", "ELU", "LeakyReLU", "Softplus", "Softmax"), "激活函数")}
LANGUAGES = {"en": ENGLISH, "zh": CHINESE}


def word(lang: str, key: str, *parts: object) -> str:
    """The word for `key` in a language, with its gaps filled.

    >>> word("en", "step", 3), word("zh", "step", 3)
    ('step 3', '第 3 步')
    """
    return LANGUAGES[lang][key].format(*parts)


def module_word(lang: str, name: str) -> str:
    """A class name, in Chinese with the word for it in front."""
    translated = CHINESE_MODULES.get(name, "") if lang == "zh" else ""
    return f"{translated} {name}" if translated else name


def check_language(lang: str) -> str:
    """`lang` itself, or an error that lists the known ones."""
    if lang not in LANGUAGES:
        raise ValueError(f"lang must be one of {', '.join(map(repr, LANGUAGES))}; got {lang!r}")
    return lang
