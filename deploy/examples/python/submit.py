#!/usr/bin/env python3
"""Submits reports to baocao and prints what comes back.

    pip install -r requirements.txt && ./generate
    python3 submit.py nats://127.0.0.1:4222 H50.12.3 report.txt [...]

For each report: its structure in one line, its findings, and the alerts. Ends when all results are
there, with status 1 when one was refused.
"""
import asyncio
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "generated"))

import nats  # noqa: E402
from nats.js.api import ConsumerConfig, DeliverPolicy  # noqa: E402

from baocao.v1.alert_pb2 import Alert  # noqa: E402
from baocao.v1.finding_pb2 import Severity  # noqa: E402
from baocao.v1.processed_pb2 import ReportProcessed, Status  # noqa: E402
from baocao.v1.submission_pb2 import ReportSubmission  # noqa: E402

RESULT_SECONDS = 60


async def submit(js, unit, path):
    """Publishes a report; JetStream confirms it. Returns the id its results carry."""
    submission = str(uuid.uuid4())
    message = ReportSubmission(
        submission_id=submission, unit=unit, file_name=path.name, media_type="text/plain", content=path.read_bytes()
    )
    headers = {
        "Content-Type": "application/protobuf",
        # a second publish after a lost confirmation is no second report; with the unit, whose ids nobody else gives
        "Nats-Msg-Id": f"{unit} {submission}",
        "ce-specversion": "1.0",
        "ce-id": submission,
        "ce-type": "vn.baocao.report.submitted.v1",
        "ce-source": "/examples/python",
    }
    await js.publish(f"baocao.report.received.{unit}", message.SerializeToString(), headers=headers)
    return submission


async def first_message(js, subject):
    """The first message on a subject of a stream, now or as soon as it is there."""
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    subscription = await js.subscribe(subject, ordered_consumer=True, config=config)
    try:
        return await subscription.next_msg(timeout=RESULT_SECONDS)
    finally:
        await subscription.unsubscribe()


def show(processed):
    report = processed.report
    if processed.status == Status.STATUS_REFUSED:
        print(f"  refused: {processed.refusal.reason}: {processed.refusal.message_en}")
        return
    print(
        f"  {report.header.number.text or '(no number)'}: {len(report.sections)} sections,"
        f" {len(report.citations)} citations of {len(report.documents)} documents, {len(report.measures)} figures"
    )
    for finding in processed.findings:
        severity = Severity.Name(finding.severity).removeprefix("SEVERITY_").lower()
        print(f"  {severity}[{finding.rule}]: {finding.message_vi}")


async def main(server, unit, paths):
    client = await nats.connect(server)
    js = client.jetstream()
    refused = False
    for path in paths:
        submission = await submit(js, unit, path)
        print(f"{path.name}: submission {submission}")
        result = await first_message(js, f"baocao.report.processed.{unit}.{submission}")
        processed = ReportProcessed.FromString(result.data)
        show(processed)
        refused |= processed.status == Status.STATUS_REFUSED
        # Alerts are published before the result, so they are all there by now.
        alerts = await js.pull_subscribe(f"baocao.alert.*.*.{unit}.{submission}.*", stream="BAOCAO_ALERTS")
        try:
            for message in await alerts.fetch(100, timeout=0.5):
                alert = Alert.FromString(message.data)
                print(f"  alert {alert.alert_id} on {message.subject}")
        except nats.errors.TimeoutError:
            print("  no alerts")
        await alerts.unsubscribe()
    await client.close()
    return 1 if refused else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2], [Path(p) for p in sys.argv[3:]])))
