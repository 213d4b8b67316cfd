/** Writes every change of an incident, and every digest, to a Kafka topic, as a CloudEvent in structured mode, keyed by the incident or the digest's name. */
import { Kafka, Partitioners } from "kafkajs";
import { z } from "zod";
import { type Delivery, defineTarget, isDigest, isState, type Message } from "../../core/delivery.ts";
import { kafkaConnectionOptions, kafkajsConfig } from "../../core/kafka-connection.ts";
import { CLOUD_EVENTS_JSON, messageEvent } from "../../core/message-event.ts";

/** What no further try would mend: credentials, rights, and a message that the topic refuses. */
const LASTING = new Set([
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
  "TOPIC_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "INVALID_TOPIC_EXCEPTION",
  "MESSAGE_TOO_LARGE",
  "INVALID_RECORD",
]);

const options = z.strictObject({
  ...kafkaConnectionOptions,
  topic: z.string().min(1).describe("Topic; it is not created."),
});

export const kafka = defineTarget({
  name: "kafka",
  title: "Kafka",
  description:
    "Writes a CloudEvent per change to a topic, the incident's id as the record's key, so that one incident's changes stay in order; of a digest its name, of a model's state the model. A retry can write it twice: its `id` is the same.",
  options,
  takes: ["incident", "digest", "state"],
  open: ({ topic, ...connection }) => {
    const client = new Kafka({ ...kafkajsConfig(connection), retry: { retries: 0 } });
    return async (message, signal) => {
      // One connection per message: incidents are rare, and a connection that idles for days breaks without a word.
      const producer = client.producer({
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
      });
      const sending = write(producer, topic, message);
      try {
        return await Promise.race([sending, aborted(signal)]);
      } catch (thrown) {
        return failure(thrown);
      } finally {
        sending.catch(() => undefined);
        // Not waited for: towards a broker that hangs it would hang too.
        producer.disconnect().catch(() => undefined);
      }
    };
  },
});

async function write(producer: ReturnType<Kafka["producer"]>, topic: string, message: Message): Promise<Delivery> {
  await producer.connect();
  const written = await producer.send({
    topic,
    acks: -1,
    messages: [
      {
        key: keyOf(message),
        value: JSON.stringify(messageEvent(message)),
        headers: { "content-type": CLOUD_EVENTS_JSON },
      },
    ],
  });
  const [at] = written;
  return {
    status: "delivered",
    receipt: at === undefined ? "" : `partition ${at.partition}, offset ${at.baseOffset ?? "unknown"}`,
  };
}

/** What stays in order. */
function keyOf(message: Message): string {
  if (isDigest(message)) return `digest ${message.digest.name}`;
  return isState(message) ? message.state.model : message.incident.incident_id;
}

function aborted(signal: AbortSignal): Promise<Delivery> {
  const late: Delivery = { status: "failed", retryable: true, reason: "no answer in time" };
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(late);
    signal.addEventListener("abort", () => resolve(late), { once: true });
  });
}

/** By the code alone: messages of the client may carry addresses. */
function failure(thrown: unknown): Delivery {
  const chain = [...causes(thrown)];
  const code = chain.flatMap((error) => ("type" in error && typeof error.type === "string" ? [error.type] : []))[0];
  const network = chain.flatMap((error) => ("code" in error && typeof error.code === "string" ? [error.code] : []))[0];
  const refused = chain.some(({ name }) => name === "KafkaJSSASLAuthenticationError");
  const word = code ?? network ?? chain.map(({ name }) => name).find((name) => name.startsWith("KafkaJS"));
  return {
    status: "failed",
    retryable: !refused && !(code !== undefined && LASTING.has(code)),
    reason: `Kafka did not take it${word === undefined ? "" : ` (${word})`}`,
  };
}

function* causes(thrown: unknown): Generator<Error> {
  let error = thrown;
  for (let depth = 0; depth < 5 && error instanceof Error; depth++) {
    yield error;
    error = error.cause;
  }
}
