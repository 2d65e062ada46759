"""Runs `baocao worker` beside the yardsticks, in shuffled rounds, and prints medians and ratios with their spread.

Started by `deploy/local bench`, which builds all that is named here. What each ratio is stands in RATIOS; how each
figure comes about stands with the function that measures it. The method: only figures of the same round are compared;
CPU time is what the kernel says of an ended process (wait4), peak memory its VmHWM; each run has a nats-server and a
store of its own; a run in which a result is missing, or one too many, is an error and ends the whole.
"""

import argparse
import importlib.util
import json
import os
import random
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WINDOW = 64  # messages in flight at once, of each worker
BATCH = 200  # messages the raw worker asks for at once
PREFIX = "bench"
QUEUE, RESULTS, DEAD = (f"{PREFIX.upper()}_{name}" for name in ("RECEIVED", "PROCESSED", "DEAD"))
STARTS = 5  # starts in each round
PYTHON_TEXTS = 300
SECONDS = 2.0  # how long a run with baocao should take; its number of texts follows from its speed
LATENCY_SECONDS = 3.0

# key, meaning, what it must be, what it should be
RATIOS = [
    ("cpu_vs_raw", "worker CPU a message / raw worker's", "<= 8", "<= 4"),
    ("rate_vs_raw", "messages a second / raw limit, file storage", ">= 0.40", ">= 0.60"),
    ("cpu_python_vs_ours", "worker CPU a message: nats-py with re / baocao", ">= 15", ">= 40"),
    ("extract_vs_python", "extraction MB/s / Python re, 8 patterns", ">= 30", ">= 80"),
    ("extract_vs_automaton", "extraction MB/s / one pass of a multi-pattern automaton", ">= 0.7", ">= 1.8"),
    ("all_vs_extract", "MB/s of decode, extract, validate together / of extract", ">= 0.6", ">= 0.8"),
    ("memory_vs_raw", "peak memory / raw worker's", "<= 1.8", "<= 1.25"),
    ("start_vs_raw", "start to first result stored / raw worker's", "<= 3", "<= 1.3"),
    ("p50_vs_raw", "median latency at half load / raw worker's", "<= 2.5", "<= 1.7"),
    ("p99_vs_raw", "99th percentile of latency at half load / raw worker's", "<= 6", "<= 2"),
    ("two_vs_one", "messages a second of two workers / one", "", ""),
    ("split_vs_fused", "messages a second of an extract and a validate worker / one that does all", "", ""),
    ("rate_vs_raw_memory", "messages a second / raw limit, memory storage", "", ""),
    ("rate_vs_raw_same_size", "messages a second / raw limit with results as large as baocao's", "", ""),
]


def main():
    options = parse()
    bench = Bench(options)
    before = usage()
    rounds = bench.rounds()
    report = summary(rounds, bench, before, usage())
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        show(report)


def parse():
    parser = argparse.ArgumentParser(prog="deploy/local bench")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each with every measurement once [5]")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--baocao", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tool", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--server", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--texts", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--yardsticks", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--yardstick-programs", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return options


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Server:
    """A nats-server with a store of its own, on a free port; gone at the end of the `with`."""

    def __init__(self, bench):
        self.program, self.folder = bench.options.server, bench.options.work

    def __enter__(self):
        self.store = Path(tempfile.mkdtemp(prefix="store.", dir=self.folder))
        log = self.store / "log"
        arguments = ["-js", "-a", "127.0.0.1", "-p", "-1", "-sd", self.store / "data", "-l", log]
        self.process = subprocess.Popen([self.program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while "Server is ready" not in (said := log.read_text() if log.exists() else ""):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"nats-server does not start:\n{said}")
            time.sleep(0.02)
        self.url = "nats://" + re.search(r"client connections on (\S+)", said)[1]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.store, ignore_errors=True)

    def cpu(self):
        """CPU seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Process:
    """A worker. What it prints on standard output is kept, the log goes into a file, as it does in a container."""

    def __init__(self, bench, arguments, environment=None):
        self.log = tempfile.TemporaryFile(dir=bench.options.work)
        self.spawned = time.time()
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, env=environment
        )

    def peak(self):
        """Most memory so far, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1])

    def end(self, terminate=False, patience=60):
        """Waits for its end: CPU seconds of its whole life, and what it printed."""
        if terminate:
            self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while not (ended := os.wait4(self.process.pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                self.process.kill()
            time.sleep(0.005)
        _, status, used = ended
        self.process.returncode = os.waitstatus_to_exitcode(status)
        printed = self.process.stdout.read()
        if self.process.returncode != 0:
            self.log.seek(0)
            said = self.log.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.returncode}:\n{said}")
        return used.ru_utime + used.ru_stime, printed


class Bench:
    """All measurements."""

    def __init__(self, options):
        self.options = options
        self.has_yardsticks = options.yardsticks is not None
        # Of all runs so far, the first one for finding it out included.
        self.rates = []
        self.result_size = 5120

    # ---- the rounds ----

    def rounds(self):
        self.texts = 600
        self.rates.append(self.ours()["rate"])
        self.texts = max(600, min(4000, int(self.rates[0] * SECONDS)))
        self.rates = [self.ours()["rate"]]
        say(f"{self.options.rounds} rounds, {self.texts} texts in a run of a worker")
        return [self.round(number) for number in range(self.options.rounds)]

    def round(self, number):
        """Every measurement once, in an order of its own."""
        cells = {
            "ours": self.ours,
            "ours_memory": lambda: self.ours(storage="memory"),
            "two": lambda: self.ours(stages=("all", "all")),
            "split": lambda: self.ours(stages=("extract", "validate")),
            "start": lambda: self.starts(self.start_ours),
            "core": self.core,
        }
        if self.has_yardsticks:
            cells |= {
                "raw": self.raw,
                "raw_memory": lambda: self.raw(storage="memory"),
                "raw_same_size": lambda: self.raw(result=self.result_size),
                "python": self.python,
                "raw_start": lambda: self.starts(self.start_raw),
                "automaton": self.automaton,
                "python_extract": self.python_extract,
                "latency": self.latencies,
            }
        order = list(cells)
        random.Random(number).shuffle(order)
        began, measured = time.monotonic(), {}
        for cell in order:
            measured[cell] = cells[cell]()
        self.rates.append(measured["ours"]["rate"])
        say(f"round {number + 1} of {self.options.rounds} in {time.monotonic() - began:.0f} s")
        return measured

    def tool(self, command, **arguments):
        given = [f"{key}={value}" for key, value in arguments.items()]
        done = subprocess.run([self.options.tool, command, *given], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{command} {given}: {done.stderr.strip()}")
        return json.loads(done.stdout or "{}")

    # ---- baocao ----

    def worker(self, server, stages="all"):
        settings = {
            "bus.url": server.url,
            "bus.prefix": PREFIX,
            "worker.concurrency": WINDOW,
            "worker.stages": stages,
            "telemetry.log_format": "json",
        }
        flags = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        return Process(self, [self.options.baocao, "worker", *flags])

    def ours(self, storage="file", stages=("all",)):
        """The whole work on texts that wait in the stream, by one worker or several; all settings but those of
        `worker` as they come."""
        with Server(self) as server:
            self.tool("provide", url=server.url, prefix=PREFIX, storage=storage, split=len(set(stages)) > 1)
            self.tool("load", url=server.url, subject=f"{PREFIX}.report.received.H50", dir=self.options.texts, n=self.texts)
            used = server.cpu()
            workers = [self.worker(server, stage) for stage in stages]
            drained = self.tool("drained", url=server.url, **{"in": QUEUE}, out=RESULTS, dead=DEAD, n=self.texts)
            used = server.cpu() - used
            peak = max(worker.peak() for worker in workers)
            cpu = sum(worker.end(terminate=True)[0] for worker in workers)
            self.result_size = drained["result_bytes"]
            return self.figures(drained, self.texts, cpu, used, peak)

    def start_ours(self):
        """From the start of the process until its first result is stored; streams and consumer are there."""
        with Server(self) as server:
            self.tool("provide", url=server.url, prefix=PREFIX, storage="file", split=False)
            self.tool("load", url=server.url, subject=f"{PREFIX}.report.received.H50", dir=self.options.texts, n=1)
            worker = self.worker(server)
            drained = self.tool("drained", url=server.url, **{"in": QUEUE}, out=RESULTS, dead=DEAD, n=1)
            return drained["last_result"] - worker.spawned, worker.end(terminate=True)[0]

    def core(self):
        """Extraction, and decoding, extraction and validation together: millions of bytes a CPU second, one thread."""
        return self.tool("core", dir=self.options.texts)["mb_s"]

    # ---- the yardsticks ----

    def raw_worker(self, server, n, idle=1000, **arguments):
        given = {"url": server.url, "n": n, "window": WINDOW, "batch": BATCH, "work": "none", "idle_ms": idle} | arguments
        program = self.options.yardstick_programs / "raw"
        return Process(self, [program, "work", *(f"{key}={value}" for key, value in given.items())])

    def raw_setup(self, server, storage="file"):
        program = self.options.yardstick_programs / "raw"
        subprocess.run([program, "setup", f"url={server.url}", f"storage={storage}"], check=True, stdout=subprocess.DEVNULL)

    def raw(self, storage="file", **arguments):
        """The flow without any work: takes a message, publishes bytes, awaits the acknowledgement, acknowledges."""
        with Server(self) as server:
            self.raw_setup(server, storage)
            self.tool("load", url=server.url, subject="in.a", dir=self.options.texts, n=self.texts)
            used = server.cpu()
            worker = self.raw_worker(server, self.texts, **arguments)
            drained = self.tool("drained", url=server.url, **{"in": "IN"}, out="OUT", n=self.texts)
            used = server.cpu() - used
            cpu, printed = worker.end()
            return self.figures(drained, self.texts, cpu, used, json.loads(printed.splitlines()[-1])["maxrss_kb"])

    def start_raw(self):
        with Server(self) as server:
            self.raw_setup(server)
            self.tool("load", url=server.url, subject="in.a", dir=self.options.texts, n=1)
            worker = self.raw_worker(server, 1)
            drained = self.tool("drained", url=server.url, **{"in": "IN"}, out="OUT", n=1)
            return drained["last_result"] - worker.spawned, worker.end()[0]

    def python(self):
        """nats-py with 8 patterns of `re`. Its CPU time is what it reports itself, from when it is connected."""
        with Server(self) as server:
            self.raw_setup(server)
            self.tool("load", url=server.url, subject="in.a", dir=self.options.texts, n=PYTHON_TEXTS)
            used = server.cpu()
            peer = self.options.yardsticks / "peer.py"
            arguments = [sys.executable, "-B", peer, "natspy", server.url, str(PYTHON_TEXTS), str(WINDOW), "re"]
            worker = Process(self, arguments)
            drained = self.tool("drained", url=server.url, **{"in": "IN"}, out="OUT", n=PYTHON_TEXTS)
            _, printed = worker.end()
            said = json.loads(printed.splitlines()[-1])
            cpu, used = said["cpu_user"] + said["cpu_sys"], server.cpu() - used
            return self.figures(drained, PYTHON_TEXTS, cpu, used, said["maxrss_kb"])

    def automaton(self):
        """One pass of one automaton for all 8 patterns, and all the other ceilings of extraction."""
        program = self.options.yardstick_programs / "extract"
        done = subprocess.run([program, self.options.texts, "1"], check=True, capture_output=True, text=True)
        return {name: speed["median"] for name, speed in json.loads(done.stdout)["mb_s"].items()}

    def python_extract(self):
        """The 8 patterns in Python's `re`, one after the other: millions of bytes a CPU second."""
        sys.dont_write_bytecode = True
        spec = importlib.util.spec_from_file_location("yardstick", self.options.yardsticks / "extract.py")
        yardstick = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(yardstick)
        patterns = yardstick.load_patterns(re)
        texts = [path.read_bytes() for path in sorted(self.options.texts.glob("*.txt"))]
        size, begin, times = sum(map(len, texts)), time.process_time(), 0
        while (used := time.process_time() - begin) < 0.5 or not times:
            for text in texts:
                yardstick.extract(patterns, text.decode())
            times += 1
        return size * times / used / 1e6

    # ---- what both have ----

    def starts(self, start):
        """Several starts: the median time, and the median CPU of a life with one message."""
        times, cpu = zip(*(start() for _ in range(STARTS)))
        return {"start_ms": statistics.median(times) * 1e3, "cpu": statistics.median(cpu)}

    def latencies(self):
        """From handing in until the result is stored, at half of baocao's rate, for both at the same rate."""
        rate = max(1, int(statistics.median(self.rates) / 2))
        pair = [("ours", self.latency_ours), ("raw", self.latency_raw)]
        random.shuffle(pair)
        return {"rate": rate} | {name: measure(rate, int(rate * LATENCY_SECONDS)) for name, measure in pair}

    def latency_ours(self, rate, n):
        with Server(self) as server:
            self.tool("provide", url=server.url, prefix=PREFIX, storage="file", split=False)
            worker = self.worker(server)
            figures = self.paced(server, f"{PREFIX}.report.received.H50", QUEUE, RESULTS, rate, n)
            worker.end(terminate=True)
            return figures

    def latency_raw(self, rate, n):
        with Server(self) as server:
            self.raw_setup(server)
            worker = self.raw_worker(server, n, idle=10_000)
            figures = self.paced(server, "in.a", "IN", "OUT", rate, n)
            worker.end()
            return figures

    def paced(self, server, subject, queue, results, rate, n):
        time.sleep(0.5)  # both workers are at their places long before
        streams = {"in": queue, "out": results}
        return self.tool("paced", url=server.url, subject=subject, dir=self.options.texts, rate=rate, n=n, **streams)

    @staticmethod
    def figures(drained, n, cpu, server_cpu, peak):
        """Of a run: from the first result stored until the work queue is empty."""
        seconds = drained["empty"] - drained["first_result"]
        return {
            "rate": (n - 1) / seconds,
            "cpu": cpu,
            "messages": n,
            "server_us": server_cpu / n * 1e6,
            "peak_kb": peak,
            "result_bytes": drained["result_bytes"],
        }


# ---- what comes of it ------------------------------------------------------------------------------------------------


def usage():
    """CPU seconds of the machine, stolen ones, ours, and the time."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = [int(field) / ticks for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    used = sum(one.ru_utime + one.ru_stime for one in ours)
    return {"busy": sum(fields[:3]) + sum(fields[5:7]), "steal": fields[7], "ours": used, "time": time.time()}


def cpu_of_message(measured, worker, start):
    """CPU of a life with many messages less that of a life with one: what one message more costs, in microseconds."""
    return (measured[worker]["cpu"] - measured[start]["cpu"]) / (measured[worker]["messages"] - 1) * 1e6


def figures_of(measured):
    """The absolute figures of a round, and its ratios."""
    figures = {
        "ours_cpu_us": cpu_of_message(measured, "ours", "start"),
        "ours_rate": measured["ours"]["rate"],
        "ours_rate_memory": measured["ours_memory"]["rate"],
        "ours_server_us": measured["ours"]["server_us"],
        "ours_peak_mib": measured["ours"]["peak_kb"] / 1024,
        "ours_result_bytes": measured["ours"]["result_bytes"],
        "ours_start_ms": measured["start"]["start_ms"],
        "ours_start_cpu_ms": measured["start"]["cpu"] * 1e3,
        "two_rate": measured["two"]["rate"],
        "split_rate": measured["split"]["rate"],
        "extract_mb_s": measured["core"]["extract"],
        "all_mb_s": measured["core"]["all"],
        "all_to_protobuf_mb_s": measured["core"]["all_to_protobuf"],
    }
    ratios = {
        "all_vs_extract": figures["all_mb_s"] / figures["extract_mb_s"],
        "two_vs_one": figures["two_rate"] / figures["ours_rate"],
        "split_vs_fused": figures["split_rate"] / figures["ours_rate"],
    }
    if "raw" in measured:
        latency = measured["latency"]
        figures |= {
            "raw_cpu_us": cpu_of_message(measured, "raw", "raw_start"),
            "raw_rate": measured["raw"]["rate"],
            "raw_rate_memory": measured["raw_memory"]["rate"],
            "raw_rate_same_size": measured["raw_same_size"]["rate"],
            "raw_server_us": measured["raw"]["server_us"],
            "raw_peak_mib": measured["raw"]["peak_kb"] / 1024,
            "raw_start_ms": measured["raw_start"]["start_ms"],
            "python_cpu_us": measured["python"]["cpu"] / measured["python"]["messages"] * 1e6,
            "python_rate": measured["python"]["rate"],
            "python_extract_mb_s": measured["python_extract"],
            "automaton_mb_s": measured["automaton"]["e meta::Regex new_many find_iter, ASCII-tuned"],
            "latency_rate": latency["rate"],
            "ours_p50_ms": latency["ours"]["p50_ms"],
            "ours_p99_ms": latency["ours"]["p99_ms"],
            "raw_p50_ms": latency["raw"]["p50_ms"],
            "raw_p99_ms": latency["raw"]["p99_ms"],
        }
        ratios |= {
            "cpu_vs_raw": figures["ours_cpu_us"] / figures["raw_cpu_us"],
            "rate_vs_raw": figures["ours_rate"] / figures["raw_rate"],
            "rate_vs_raw_memory": figures["ours_rate_memory"] / figures["raw_rate_memory"],
            "rate_vs_raw_same_size": figures["ours_rate"] / figures["raw_rate_same_size"],
            "cpu_python_vs_ours": figures["python_cpu_us"] / figures["ours_cpu_us"],
            "extract_vs_python": figures["extract_mb_s"] / figures["python_extract_mb_s"],
            "extract_vs_automaton": figures["extract_mb_s"] / figures["automaton_mb_s"],
            "memory_vs_raw": figures["ours_peak_mib"] / figures["raw_peak_mib"],
            "start_vs_raw": figures["ours_start_ms"] / figures["raw_start_ms"],
            "p50_vs_raw": figures["ours_p50_ms"] / figures["raw_p50_ms"],
            "p99_vs_raw": figures["ours_p99_ms"] / figures["raw_p99_ms"],
        }
    return figures, ratios


def summary(rounds, bench, before, after):
    figures, ratios = zip(*map(figures_of, rounds))
    wall = after["time"] - before["time"]
    others = after["busy"] - before["busy"] - (after["ours"] - before["ours"])
    medians = lambda rows: {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
    spread = lambda rows: {key: [round(pick(row[key] for row in rows), 3) for pick in (min, max)] for key in rows[0]}
    found = medians(ratios)
    return {key: found.get(key) for key, *_ in RATIOS} | {
        "spread": spread(ratios),
        "rounds": len(rounds),
        "texts_in_a_run": bench.texts,
        "texts": "real" if bench.options.texts.parent.name == "eval" else "invented",
        "figures": medians(figures),
        "figures_spread": spread(figures),
        "machine": {
            "cpu": re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text() + "model name : ?")[1],
            "cores": os.cpu_count(),
            "cores_others_used": round(max(0, others) / wall, 2),
            "steal_seconds": round(after["steal"] - before["steal"], 1),
            "seconds": round(wall),
        },
    }


def show(report):
    machine = report["machine"]
    print(f"\n{machine['cpu']}, {machine['cores']} cores, of which others used {machine['cores_others_used']};", end=" ")
    print(f"{report['rounds']} rounds in {machine['seconds']} s, {report['texts']} reports, window {WINDOW}\n")
    print(f"{'ratio':22} {'median':>8}   {'min to max':18} {'must':9} {'aim':9}")
    for key, meaning, must, aim in RATIOS:
        if report[key] is None:
            print(f"{key:22} {'-':>8}   not measured: {meaning}")
            continue
        least, most = report["spread"][key]
        verdict = "" if holds(report[key], must) else " SHORT"
        print(f"{key:22} {report[key]:8.2f}   {f'{least:.2f} to {most:.2f}':18} {must:9} {aim:9}{verdict:7} {meaning}")
    print(f"\n{'figure':22} {'median':>12}   min to max")
    for key, median in report["figures"].items():
        least, most = report["figures_spread"][key]
        print(f"{key:22} {median:12.1f}   {least:.1f} to {most:.1f}")


def holds(value, bound):
    """Whether a bound such as "<= 8" holds; no bound always does."""
    if not bound:
        return True
    sign, limit = bound.split()
    return value <= float(limit) if sign == "<=" else value >= float(limit)


if __name__ == "__main__":
    main()
