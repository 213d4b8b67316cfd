/**
 * Writes to a Kafka topic: CloudEvents in binary mode, native events one a record. Both halves of an inference have one key, so that
 * they meet in one partition. Loaded only where it is used.
 */
import { randomUUID } from "node:crypto";
import { Kafka, type Message, Partitioners, type Producer } from "kafkajs";
import { messageOf } from "../core/errors.ts";
import { type KafkaConnection, kafkajsConfig } from "../core/kafka-connection.ts";
import { splitArray, trimmed } from "../ingest/formats/exact-json.ts";
import { binaryHeaders } from "./cloud-event-forms.ts";
import { keyOf, type OutgoingMessage } from "./outgoing-message.ts";
import type { Attempt, Target } from "./target.ts";

/** What no further try would mend. */
const REFUSED = new Set(["MESSAGE_TOO_LARGE", "INVALID_RECORD", "RECORD_LIST_TOO_LARGE"]);
const NEWLINE = 10;

export function createKafkaTarget(connection: KafkaConnection, topic: string): Target {
  const client = new Kafka({ ...kafkajsConfig(connection), retry: { retries: 0 } });
  let connected: Promise<Producer> | null = null;
  const connect = async () => {
    const producer = client.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: true,
      maxInFlightRequests: 1,
      // An idempotent producer is refused without retries; the errors that it may not go on after end it all the same.
      retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 500 },
    });
    await producer.connect();
    return producer;
  };
  const forget = (producer: Promise<Producer>) => {
    connected = null;
    // Not waited for: towards a broker that hangs it would hang too.
    producer.then((one) => one.disconnect()).catch(() => undefined);
  };
  return {
    name: `kafka:${topic}`,
    together: (messages) => messages.length,
    async send(messages, signal) {
      connected ??= connect();
      const using = connected;
      const sending = using.then((producer) =>
        producer.send({ topic, acks: -1, messages: messages.flatMap(recordsOf) }),
      );
      sending.catch(() => undefined);
      try {
        await Promise.race([sending, aborted(signal)]);
        return { status: "sent", refused: 0 };
      } catch (thrown) {
        const attempt = attemptOf(thrown);
        // A connection of kafkajs that broke off in the middle of an answer misreads all that follow.
        if (attempt.status === "retry") forget(using);
        return attempt;
      }
    },
    async close() {
      if (connected !== null) forget(connected);
    },
  };
}

function recordsOf(message: OutgoingMessage): Message[] {
  if (message.kind === "cloudevent")
    return [{ key: keyOf(message), value: message.body, headers: binaryHeaders(message, "ce_") }];
  return itemsOf(message.contentType, message.body).map((value) => ({
    key: randomUUID(),
    value,
    headers: { "content-type": "application/json" },
  }));
}

/** The events of a post, each as the bytes it came as; what can't be told apart goes as a whole, for the reader to refuse. */
function itemsOf(contentType: string, body: Buffer): Buffer[] {
  const text = trimmed(body);
  if (/ndjson|jsonl|json-lines|json-seq/i.test(contentType)) {
    const lines: Buffer[] = [];
    for (let from = 0; from < text.length; ) {
      const newline = text.indexOf(NEWLINE, from);
      const to = newline === -1 ? text.length : newline;
      const line = trimmed(text.subarray(from, to));
      if (line.length > 0) lines.push(line);
      from = to + 1;
    }
    return lines;
  }
  return splitArray(text) ?? [text];
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new Error("stopped before the broker had answered"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** By the code alone: messages of the client may carry addresses. */
function attemptOf(thrown: unknown): Attempt {
  const codes = [...causes(thrown)].flatMap((error) =>
    "type" in error && typeof error.type === "string" ? [error.type] : [],
  );
  const refused = codes.find((code) => REFUSED.has(code));
  if (refused !== undefined) return { status: "refused", reason: refused, tooLarge: refused !== "INVALID_RECORD" };
  const name = thrown instanceof Error && thrown.name !== "Error" ? thrown.name : messageOf(thrown);
  return { status: "retry", reason: codes[0] ?? name, retryAfterMs: null };
}

function* causes(thrown: unknown): Generator<Error> {
  let error = thrown;
  for (let depth = 0; depth < 5 && error instanceof Error; depth++) {
    yield error;
    error = error.cause;
  }
}
