#!/usr/bin/env python3
"""Computes deploy/SCALE.md: what a province, the nation and a backlog need. Change an input here, then

    python3 deploy/scale.py > deploy/SCALE.md
"""

# ---- measured: tests/benches/FORMATS.md, `deploy/local bench`; CPU seconds of a whole run, all processes -----------------
# A format: CPU seconds a document, CPU seconds a page beside that, MB of memory at its peak.
COST = {
    "plain text, HTML": (0.01, 0.001, 17),
    "DOCX": (0.01, 0.002, 17),
    "XLSX": (0.02, 0.002, 50),
    # Poppler draws a page again that may have a table: twice a report, say.
    "PDF with text": (0.06, 0.005, 20),
    "scan": (0.05, 1.650, 85),
    "DOC, RTF": (1.05, 0.002, 210),
}
# Microseconds of CPU that the NATS server takes for a KB that is stored and delivered once, on file.
SERVER_US_PER_KB = 3.4
# Reports a second that one server process took in these trials, 70 KB each, stored on file; more than one waits for disks.
SERVER_MESSAGES = 3500

# ---- assumed: change them to what you have ----------------------------------------------------------------------------------
# A format: its share of the reports, pages, KB of the file.
MIX = {
    "plain text, HTML": (0.02, 8, 20),
    "DOCX": (0.38, 8, 60),
    "XLSX": (0.05, 8, 40),
    "PDF with text": (0.30, 8, 400),
    "scan": (0.20, 8, 2500),
    "DOC, RTF": (0.05, 8, 150),
}
RESULT_KB = 60  # a result with its text, as protobuf
ALERTS, ALERT_KB = 4, 2  # of a report
REPLICAS = 3  # copies in a cluster
BUSY = 0.6  # share of a core's time that is planned with
PEAK_SHARE, PEAK_HOURS = 0.6, 16  # of a month's reports, in so many working hours before the deadline
KEEP_MONTHS = 24
CORES_PER_WORKER = 4

PLACES = [("a province", 2_000), ("the nation", 200_000)]
BACKLOG, BACKLOG_CORES = 10_000_000, (16, 64, 256)


def cpu(format):
    share, pages, _ = MIX[format]
    document, page, _ = COST[format]
    return share * (document + page * pages)


MEAN_CPU = sum(cpu(format) for format in MIX)
MEAN_KB = sum(share * size for share, _, size in MIX.values())
KEPT_KB = RESULT_KB + ALERTS * ALERT_KB
SCANS = cpu("scan") / MEAN_CPU
WITHOUT_SCANS = MEAN_CPU - cpu("scan")
SERVER_CPU = SERVER_US_PER_KB * (MEAN_KB + KEPT_KB) / 1e6


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def size(kb):
    for unit in ("KB", "MB", "GB"):
        if kb < 1000:
            return f"{kb:.3g} {unit}"
        kb /= 1000
    return f"{kb:.3g} TB"


def table(titles, rows):
    return "\n".join(["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)] + ["| " + " | ".join(row) + " |" for row in rows])


def place(name, month):
    rate = month * PEAK_SHARE / (PEAK_HOURS * 3600)
    cores = rate * MEAN_CPU / BUSY
    return [
        f"{name}, {month:,} a month",
        f"{number(rate * 3600)} an hour",
        number(cores),
        f"{-(-cores // CORES_PER_WORKER) + 1:.0f}",
        number(rate * SERVER_CPU / BUSY),
        number(month * MEAN_CPU / 3600),
        size(month * PEAK_SHARE * MEAN_KB * REPLICAS),
        size(month * KEPT_KB * REPLICAS * KEEP_MONTHS),
    ]


def main():
    formats = [
        [
            format,
            f"{share:.0%}",
            str(pages),
            f"{kb:,}",
            f"{COST[format][0] + COST[format][1] * pages:.2f}",
            f"{cpu(format) / MEAN_CPU:.0%}",
            str(COST[format][2]),
        ]
        for format, (share, pages, kb) in MIX.items()
    ]
    places = table(
        ["", "peak", "worker cores", f"workers of {CORES_PER_WORKER} cores", "server cores", "core hours a month", "waiting reports", f"results of {KEEP_MONTHS} months"],
        [place(*one) for one in PLACES],
    )
    backlog = table(
        ["cores for workers", "hours", "days", "without scans, hours", "reports a second"],
        [
            [
                str(cores),
                f"{BACKLOG * MEAN_CPU / BUSY / cores / 3600:,.0f}",
                f"{BACKLOG * MEAN_CPU / BUSY / cores / 86400:,.1f}",
                f"{BACKLOG * (1 - MIX['scan'][0]) * WITHOUT_SCANS / (1 - MIX['scan'][0]) / BUSY / cores / 3600:,.0f}",
                number(cores * BUSY / MEAN_CPU),
            ]
            for cores in BACKLOG_CORES
        ],
    )
    fast = SERVER_MESSAGES * 70 / (MEAN_KB + KEPT_KB)
    print(f"""# What it takes

Made by `python3 deploy/scale.py`, which holds the inputs: change one, run it again. Measured inputs come from
[`tests/benches/FORMATS.md`](../tests/benches/FORMATS.md) and the notes on the bus; the mix of formats is assumed, and
decides nearly everything.

## Inputs

{table(["format", "share", "pages", "KB", "CPU s a report", "share of all CPU", "MB at peak"], formats)}

- A result takes {RESULT_KB} KB, {ALERTS} alerts of {ALERT_KB} KB come with it; {REPLICAS} copies in a cluster.
- Of a month's reports {PEAK_SHARE:.0%} come within {PEAK_HOURS} working hours before the deadline. Cores are planned to be
  {BUSY:.0%} busy.
- The NATS server takes {SERVER_US_PER_KB} µs of CPU for each KB that is stored on file and delivered.

## Formula

    CPU a report   = Σ share × (CPU a document + pages × CPU a page)          = {MEAN_CPU:.2f} s
    file a report  = Σ share × KB                                             = {MEAN_KB:,.0f} KB
    worker cores   = reports a second at the peak × CPU a report ÷ {BUSY}
    server cores   = reports a second at the peak × {SERVER_US_PER_KB} µs × (file + result + alerts) ÷ {BUSY}
    storage        = reports kept × (result + alerts) × copies, and waiting reports × file × copies
    hours          = reports × CPU a report ÷ {BUSY} ÷ cores ÷ 3600

## A province and the nation

{places}

One worker more than the cores ask for, so that one may fail. Files over `max_payload` lie in the object store
`baocao-documents` and stay there: with this mix {size(PLACES[1][1] * MEAN_KB * REPLICAS)} a month for the nation, unless somebody deletes them.

## A backlog of {BACKLOG:,}

{backlog}

It is {size(BACKLOG * MEAN_KB)} of files and {size(BACKLOG * KEPT_KB * REPLICAS)} of results with their copies. Hand it in
piece by piece: the stream of waiting reports holds what is not yet worked on, with its copies.

## Where the first bottleneck is

1. **Character recognition.** Scans are {MIX['scan'][0]:.0%} of the reports and {SCANS:.0%} of the CPU; without them a report
   costs {WITHOUT_SCANS / (1 - MIX['scan'][0]):.2f} s. It divides by pages and by workers: more cores, and nothing else, is the answer.
   Ask for the signed PDF in place of its scan: that saves more than any setting.
2. **LibreOffice** for DOC and RTF: {COST['DOC, RTF'][0]:.1f} s a file, and {COST['DOC, RTF'][2]} MB.
3. **Storage** of files in the object store, long before the server's CPU.
4. **The NATS server**: one took about {SERVER_MESSAGES:,} reports of 70 KB a second in our trials, so with this mix about
   {fast:,.0f} a second, {fast * MEAN_CPU / BUSY:,.0f} worker cores' worth. A backlog on more cores than that wants a second stream,
   one for each group of units.
5. **Memory** of a worker: `decode.children` × pages read at once × what Tesseract takes for a page,
   {4 * CORES_PER_WORKER * COST['scan'][2]:,} MB with the defaults on {CORES_PER_WORKER} cores; and a gigabyte for sheets of 100,000s of cells.""")


if __name__ == "__main__":
    main()
