/**
 * Submits reports to baocao and prints what comes back.
 *
 *     npm install && npm run build
 *     node build/submit.js nats://127.0.0.1:4222 H50.12.3 report.txt [...]
 *
 * For each report: its structure in one line, its findings, and the alerts. Ends when all results are there, with
 * status 1 when one was refused.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { jetstream, type JetStreamClient, type JsMsg } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";

import { AlertSchema } from "./generated/baocao/v1/alert_pb.js";
import { Severity } from "./generated/baocao/v1/finding_pb.js";
import { type ReportProcessed, ReportProcessedSchema, Status } from "./generated/baocao/v1/processed_pb.js";
import { ReportSubmissionSchema } from "./generated/baocao/v1/submission_pb.js";

const RESULT_SECONDS = 60;

/** Publishes a report; JetStream confirms it. Returns the id its results carry. */
async function submit(js: JetStreamClient, unit: string, path: string): Promise<string> {
  const id = randomUUID();
  const message = create(ReportSubmissionSchema, {
    submissionId: id,
    unit,
    fileName: basename(path),
    mediaType: path.endsWith(".txt") ? "text/plain" : "", // empty: found by looking at the bytes
    content: await readFile(path),
  });
  const said = headers();
  said.set("Content-Type", "application/protobuf");
  said.set("ce-specversion", "1.0");
  said.set("ce-id", id);
  said.set("ce-type", "vn.baocao.report.submitted.v1");
  said.set("ce-source", "/examples/node");
  await js.publish(`baocao.report.received.${unit}`, toBinary(ReportSubmissionSchema, message), {
    // a second publish after a lost confirmation is no second report; with the unit, whose ids nobody else gives
    msgID: `${unit} ${id}`,
    headers: said,
  });
  return id;
}

/** The first message on a subject of a stream, now or as soon as it is there. */
async function firstMessage(js: JetStreamClient, stream: string, subject: string): Promise<JsMsg> {
  const consumer = await js.consumers.get(stream, { filter_subjects: subject });
  const message = await consumer.next({ expires: RESULT_SECONDS * 1000 });
  if (!message) throw new Error(`nothing on ${subject} within ${RESULT_SECONDS} s`);
  return message;
}

/** All messages that are on a subject of a stream now. */
async function messagesOn(js: JetStreamClient, stream: string, subject: string): Promise<JsMsg[]> {
  const consumer = await js.consumers.get(stream, { filter_subjects: subject });
  const { num_pending: count } = await consumer.info();
  const messages: JsMsg[] = [];
  while (messages.length < count) {
    const batch = await consumer.fetch({ max_messages: count - messages.length, expires: 5000 });
    for await (const message of batch) messages.push(message);
  }
  return messages;
}

function show(result: ReportProcessed): void {
  if (result.status === Status.REFUSED) {
    console.log(`  refused: ${result.refusal?.reason}: ${result.refusal?.messageEn}`);
    return;
  }
  const report = result.report;
  console.log(
    `  ${report?.header?.number?.text || "(no number)"}: ${report?.sections.length} sections,` +
      ` ${report?.citations.length} citations of ${report?.documents.length} documents,` +
      ` ${report?.measures.length} figures`,
  );
  for (const finding of result.findings) {
    console.log(`  ${Severity[finding.severity].toLowerCase()}[${finding.rule}]: ${finding.messageVi}`);
  }
}

async function main(server: string, unit: string, paths: string[]): Promise<number> {
  const connection = await connect({ servers: server });
  const js = jetstream(connection);
  let refused = false;
  for (const path of paths) {
    const id = await submit(js, unit, path);
    console.log(`${basename(path)}: submission ${id}`);
    const stored = await firstMessage(js, "BAOCAO_PROCESSED", `baocao.report.processed.${unit}.${id}`);
    const result = fromBinary(ReportProcessedSchema, stored.data);
    show(result);
    refused ||= result.status === Status.REFUSED;
    // Alerts are stored before the result, so they are all there by now.
    const alerts = await messagesOn(js, "BAOCAO_ALERTS", `baocao.alert.*.*.${unit}.${id}.*`);
    for (const message of alerts) {
      const alert = fromBinary(AlertSchema, message.data);
      console.log(`  alert ${alert.alertId} on ${message.subject}`);
    }
    if (alerts.length === 0) console.log("  no alerts");
  }
  await connection.close();
  return refused ? 1 : 0;
}

const [server, unit, ...paths] = process.argv.slice(2);
if (!server || !unit || paths.length === 0) {
  console.error("usage: node build/submit.js SERVER UNIT FILE...");
  process.exit(2);
}
process.exit(await main(server, unit, paths));
