/**
 * What Driftline is compared with: a bare kafkajs loop that parses every message and does nothing else. A process of its own:
 * `node baseline.js BROKERS TOPIC GROUP MESSAGES` prints one line of JSON, { seconds, cpuSeconds }, from the first batch to
 * the last.
 */
import { Kafka, logLevel } from "kafkajs";

const [brokers = "", topic = "", groupId = "", count = ""] = process.argv.slice(2);
const expected = Number(count);
if (!(expected > 0)) throw new Error("usage: baseline.js BROKERS TOPIC GROUP MESSAGES");

const kafka = new Kafka({ brokers: brokers.split(","), clientId: "baseline", logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });

let startedAt = 0;
let cpuAtStart = process.cpuUsage();
let messages = 0;
let predictions = 0;
const done = new Promise<void>((resolve, reject) => {
  consumer.on("consumer.crash", ({ payload }) => reject(payload.error));
  consumer
    .run({
      eachBatch: ({ batch }) => {
        if (startedAt === 0) {
          startedAt = performance.now();
          cpuAtStart = process.cpuUsage();
        }
        for (const { value } of batch.messages) {
          const event: unknown = JSON.parse(value?.toString() ?? "null");
          if (typeof event === "object" && event !== null && "prediction" in event) predictions += 1;
        }
        messages += batch.messages.length;
        if (messages >= expected) resolve();
        return Promise.resolve();
      },
    })
    .catch(reject);
});
await done;
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuAtStart);
if (predictions !== messages) throw new Error(`${messages} messages, but ${predictions} predictions`);
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (cpu.user + cpu.system) / 1e6 })}\n`);
await consumer.disconnect();
