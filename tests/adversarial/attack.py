"""What the attacks of this corpus are written with; handed in beside each notebook.

`places` is what an attacker might know of the machine: where the grader's files are, its sockets, a process of the
user. `attempt` runs an attack and prints what came of it: a line that begins with REACHED is a hole.
"""

import ctypes
import json
import os
import pathlib
import types

places = types.SimpleNamespace(**json.loads(pathlib.Path("places.json").read_text()))
libc = ctypes.CDLL(None, use_errno=True)


def attempt(what):
    """Run the decorated attack at once; it succeeds when it returns something true."""

    def run(attack):
        try:
            got = attack()
        except (AttributeError, NameError, SyntaxError, TypeError) as error:
            print(f"BROKEN {what}: {error!r}")  # the attack itself is wrong
        except BaseException as error:
            print("held:", what, f"({type(error).__name__}: {error})"[:150])
        else:
            print(f"REACHED {what}: {got!r}"[:300] if got else f"held: {what}")

    return run


def syscall(number, *arguments):
    """A system call by its number on x86-64; raises OSError."""
    result = libc.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def recorder():
    """The grader's recorder in this kernel, found where Python keeps everything."""
    import gc

    return next(thing for thing in gc.get_objects() if type(thing).__name__ == "Recorder")


def record_folder():
    """The folder that the record is written to: some open file says."""
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if link.endswith("events.jsonl"):
            return os.path.dirname(link)
    return "/evidence"


def fake_fit(**changed):
    """An event that tells of a perfect training of the sheet's first network."""
    def dense(units, fed, activation, at):
        config = {"name": f"d{at}", "trainable": True, "units": units, "activation": activation, "use_bias": True}
        params = fed * units + units
        return {
            "kind": "Dense", "name": f"d{at}", "config": config, "output_shape": [units], "params": params,
            "trainable_params": params, "weights": 2, "stock": True, "inbound": [at - 1],
        }

    layers = [dense(10, 784, "relu", 0), dense(10, 10, "relu", 1), dense(10, 10, "softmax", 2)]
    architecture = {"style": "sequential", "input_shape": [784], "params": 8070, "trainable_params": 8070, "layers": layers}
    compiled = {
        "optimizer": "SGD", "learning_rate": 0.01, "optimizer_config": {"name": "SGD"},
        "loss": "sparse_categorical_crossentropy", "from_logits": False, "metrics": ["accuracy"],
    }
    accuracy = [0.8, 0.85, 0.9]
    facts = {
        "network": "n1", "id": "t1", "architecture": architecture, "compiled": compiled, "epochs": 3, "epochs_done": 3,
        "batch_size": 32, "x": None, "y": None, "validation_x": None, "validation_y": None, "validation_split": 0.0,
        "history": {"accuracy": accuracy, "val_accuracy": accuracy}, "duration_s": 9.0, "error": "", "weights": "",
        "initial": "fresh", "started_seq": 0, "shared": False, "not_shared": "",
    }
    return facts | changed


def tell(event, **facts):
    """Write an event as the recorder would, with its seal: what an attacker can do who knows it well."""
    known = recorder()
    line = json.dumps({"seq": known.seq, "type": event, "cell": 0, "stack": [], **facts}).encode()
    known.seq += 1
    with open(record_folder() + "/events.jsonl", "ab") as record:
        record.write(known.hash_chain.closed(line) + b"\n")
    known.hash_chain.kept(line)


def store(name, data):
    """Write a file into the record as the recorder would."""
    import hashlib

    pathlib.Path(record_folder(), name).write_bytes(data)
    tell("file", name=name, digest=hashlib.blake2b(data, digest_size=16).hexdigest())
