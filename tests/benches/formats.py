#!/usr/bin/env python3
"""Time and memory of reading each format, beside the program that people would use instead, on the same files.

    tests/benches/formats.py [--rounds N] [--program FILE] [--markdown]

Needs Python alone, and for a row the programs that it names: pdftotext, pdfunite, pdftoppm (poppler-utils), tesseract
with tesseract-ocr-vie, soffice (libreoffice-writer). Rows that lack one are left out and said so.

Files are made in a temporary folder from the fixtures: small ones as they are, large ones of the same content many
times. A run is a whole process, `baocao extract`: it starts, decodes in its child, extracts, validates and prints. The
column "text" is the same for the document's text alone, so that the difference is what the format costs. CPU seconds are
those of all processes of a run; memory is the peak of the largest. Medians of the rounds, in shuffled order.
"""

import argparse
import base64
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures/formats"


def docx(target, source, times):
    """A DOCX whose body stands there so many times."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "word/document.xml":
                head, rest = content.split(b"<w:body>", 1)
                body, tail = rest.rsplit(b"<w:sectPr", 1)
                content = head + b"<w:body>" + body * times + b"<w:sectPr" + tail
            new.writestr(name, content)
    return target


def xlsx(target, rows):
    """A sheet of so many rows of ten cells."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    cells = "".join(
        f'<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>Xã thứ {row}</t></is></c>'
        + "".join(f'<c r="{column}{row}"><v>{row * 7}</v></c>' for column in "BCDEFGHIJ")
        + "</row>"
        for row in range(1, rows + 1)
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr(
            "xl/workbook.xml",
            f'<workbook {space} xmlns:r="{relations}"><sheets><sheet name="Biểu" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        new.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        new.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        new.writestr("xl/worksheets/sheet1.xml", f"<worksheet {space}><sheetData>{cells}</sheetData></worksheet>")
    return target


def html(target, source, times):
    text = source.read_text(encoding="utf-8")
    head, rest = text.split("<body>", 1)
    body, tail = rest.rsplit("</body>", 1)
    target.write_text(head + "<body>" + body * times + "</body>" + tail, encoding="utf-8")
    return target


def packet(target, attachment):
    name = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
    data = base64.b64encode(attachment.read_bytes()).decode()
    target.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?><edXML xmlns="{name}"><edXML:edXMLEnvelope xmlns:edXML="{name}">'
        "<edXML:edXMLHeader><edXML:MessageHeader><edXML:From><edXML:OrganId>000.00.11.H53</edXML:OrganId></edXML:From>"
        "</edXML:MessageHeader></edXML:edXMLHeader></edXML:edXMLEnvelope><AttachmentEncoded><Attachment>"
        f"<AttachmentName>{attachment.name}</AttachmentName><ContentTransferEncoded>{data}</ContentTransferEncoded>"
        "</Attachment></AttachmentEncoded></edXML>",
        encoding="utf-8",
    )
    return target


def scan(target, folder, pdf, pages):
    """A PDF of gray images of the first pages of another, and the first page as an image."""
    subprocess.run(["pdftoppm", "-r", "200", "-gray", "-l", str(pages), pdf, folder / "page"], check=True)
    images = sorted(folder.glob("page-*.pgm"))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{3 + 3 * at} 0 R" for at in range(len(images)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(images)} >>".encode())
    for image in images:
        _, width, height, _, gray = image.read_bytes().split(maxsplit=4)
        at = len(objects) + 1
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {at + 1} 0 R "
            f"/Resources << /XObject << /I {at + 2} 0 R >> >> >>".encode()
        )
        content = b"q 595 0 0 842 0 0 cm /I Do Q"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        size = int(width) * int(height)
        objects.append(
            b"<< /Type /XObject /Subtype /Image /Width %s /Height %s /ColorSpace /DeviceGray /BitsPerComponent 8 "
            b"/Length %d >>\nstream\n%s\nendstream" % (width, height, size, gray[-size:])
        )
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    target.write_bytes(out)
    return target, images[0]


def run(command, environment=None):
    """Wall and CPU seconds, and peak memory in MB, of a process and all that it waited for."""
    began = time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--program", default=ROOT / "target/release/baocao")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = bench(arguments, Path(folder))
    show(rows, arguments.markdown)


def bench(arguments, folder):
    have = {name: shutil.which(name) for name in ("pdftotext", "pdfunite", "pdftoppm", "tesseract", "soffice")}
    for name in [name for name, path in have.items() if not path]:
        print(f"not installed, left out: {name}", file=sys.stderr)
    # In a process of its own: what it takes would count as the first memory of each run.
    maker = multiprocessing.Process(target=make, args=(arguments, folder, have))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise SystemExit("the files could not be made")
    rows, tasks = [], []
    for job in json.loads((folder / "jobs.json").read_text()):
        row = job["row"]
        rows.append(row)
        tasks.append((row, "ours", job["ours"], None))
        tasks.append((row, "text", job["text"], None))
        if job["beside"]:
            row["beside"] = Path(job["beside"][0]).name
            tasks.append((row, "other", job["beside"], {"OMP_THREAD_LIMIT": "1"}))
    for number in range(arguments.rounds):
        random.Random(number).shuffle(tasks)
        for row, kind, command, environment in tasks:
            row.setdefault(kind, []).append(run(command, environment))
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    return rows


def make(arguments, folder, have):
    """Makes the files, decodes each once for its text, and writes down what is to be run."""
    ours = lambda path, *more: [arguments.program, "extract", "--format", "json", *more, path]
    office = lambda path: [
        "soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "txt:Text", "--outdir", folder / "out", path,
    ]
    variants = FIXTURES / "variants"
    # Name, file, pages or None, what is run beside it.
    jobs = []
    small = variants / "stops.docx"
    jobs.append(("DOCX", small, 6, have["soffice"] and office(small)))
    large = docx(folder / "large.docx", small, 40)
    jobs.append(("DOCX, 40 times", large, 240, have["soffice"] and office(large)))
    jobs.append(("XLSX, 20,000 rows", xlsx(folder / "large.xlsx", 20_000), None, None))
    page = FIXTURES / "page.html"
    jobs.append(("HTML", page, 6, have["soffice"] and office(page)))
    jobs.append(("HTML, 40 times", html(folder / "large.html", page, 40), 240, None))
    jobs.append(("edXML around the DOCX", packet(folder / "packet.edxml", small), 6, None))
    if have["pdftotext"]:
        pdf = variants / "stops.pdf"
        jobs.append(("PDF", pdf, 6, ["pdftotext", "-layout", pdf, folder / "out.txt"]))
        if have["pdfunite"]:
            united = folder / "large.pdf"
            subprocess.run(["pdfunite", *[pdf] * 20, united], check=True)
            jobs.append(("PDF, 20 times", united, 120, ["pdftotext", "-layout", united, folder / "out.txt"]))
    if have["pdftoppm"] and have["tesseract"]:
        scanned, image = scan(folder / "scan.pdf", folder, variants / "stops.pdf", 4)
        one = ["tesseract", image, folder / "out", "-l", "vie", "--psm", "1"]
        jobs.append(("image of a page", image_as_png(folder, image), 1, one))
        jobs.append(("scan, a page at a time", scanned, 4, None, "--set", "decode.ocr_parallel=1"))
        jobs.append(("scan, two pages at once", scanned, 4, None, "--set", "decode.ocr_parallel=2"))

    out = []
    for number, (name, path, pages, beside, *more) in enumerate(jobs):
        command = [str(part) for part in ours(path, *more)]
        result = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
        if "document" not in result:
            raise SystemExit(f"{name}: {result['refusal']['messageEn']}")
        text = folder / f"{number}.txt"
        text.write_text(result["document"]["text"], encoding="utf-8")
        out.append(
            {
                "row": {"name": name, "pages": pages, "mb": path.stat().st_size / 1e6},
                "ours": command,
                "text": [str(part) for part in ours(text)],
                "beside": beside and [str(part) for part in beside],
            }
        )
    (folder / "jobs.json").write_text(json.dumps(out))


def image_as_png(folder, image):
    """The same pixels as PNG, which senders have; Tesseract reads the gray image itself."""
    import struct
    import zlib

    _, width, height, _, gray = image.read_bytes().split(maxsplit=4)
    width, height = int(width), int(height)
    gray = gray[-width * height :]
    lines = b"".join(b"\0" + gray[at * width : (at + 1) * width] for at in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path = folder / "page.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    )
    return path


def show(rows, markdown):
    titles = ["format", "file MB", "wall s", "CPU s", "text CPU s", "ms CPU/page", "ms CPU/MB", "MB peak", "beside", "wall s", "CPU s", "MB peak"]
    lines = []
    for row in rows:
        median = lambda kind, at: statistics.median(sample[at] for sample in row[kind])
        cost = median("ours", 1) - median("text", 1)
        line = [
            row["name"],
            f"{row['mb']:.2f}",
            f"{median('ours', 0):.2f}",
            f"{median('ours', 1):.2f}",
            f"{median('text', 1):.2f}",
            f"{1000 * cost / row['pages']:.1f}" if row["pages"] else "",
            f"{1000 * cost / row['mb']:.0f}",
            f"{median('ours', 2):.0f}",
        ]
        line += [row["beside"], *(f"{median('other', at):.2f}" for at in (0, 1)), f"{median('other', 2):.0f}"] if "other" in row else [""] * 4
        lines.append(line)
    if markdown:
        print("| " + " | ".join(titles) + " |\n|" + "---|" * len(titles))
        for line in lines:
            print("| " + " | ".join(line) + " |")
        return
    widths = [max(len(line[at]) for line in [titles, *lines]) for at in range(len(titles))]
    for line in [titles, *lines]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
