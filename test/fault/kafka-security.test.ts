/** TLS and SASL against a real broker, and what is said when they fail. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import type { KafkaSourceConfig } from "../../src/config/sources.ts";
import { sourceSchema } from "../../src/config/sources.ts";
import { kafkajsConfig } from "../../src/core/kafka-connection.ts";
import { createDeadLetterProducer } from "../../src/ingest/kafka-dead-letters.ts";
import { startSource, until } from "../support/kafka/source-under-test.ts";
import { brokerIsOurs, startBroker, type TestBroker } from "../support/kafka-broker.ts";

const skip = brokerIsOurs ? false : "KAFKA_BROKERS is set, and its brokers have their own security";
const password = "alice-secret";
const topic = "secured";
let folder: string;
let caFile: string;
let broker: TestBroker | undefined;

const secured = (mechanism: "plain" | "scram-sha-256" | "scram-sha-512", more: Partial<KafkaSourceConfig> = {}) => {
  const sasl = { mechanism, username: "alice", password };
  const config = sourceSchema.parse({
    use: "kafka",
    brokers: broker?.brokers ?? [],
    topics: [topic],
    tls: { ca_file: caFile },
    sasl,
    dead_letter_topic: topic,
    ...more,
  });
  assert.equal(config.use, "kafka");
  return config;
};

before(async () => {
  if (skip !== false) return;
  folder = await mkdtemp(path.join(tmpdir(), "driftline-tls-"));
  caFile = path.join(folder, "ca.pem");
  const keystore = path.join(folder, "broker.p12");
  const store = ["-keystore", keystore, "-storetype", "PKCS12", "-storepass", "changeit", "-alias", "broker"];
  const keytool = (...args: string[]) =>
    execFileSync("keytool", [...args, ...store], { stdio: ["ignore", "pipe", "ignore"] });
  keytool(
    "-genkeypair",
    "-keyalg",
    "RSA",
    "-keysize",
    "2048",
    "-dname",
    "CN=broker",
    "-ext",
    "san=ip:127.0.0.1",
    "-validity",
    "3650",
  );
  await writeFile(caFile, keytool("-exportcert", "-rfc"));
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" password="b" user_broker="b" user_alice="${password}";`;
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  broker = await startBroker({
    properties: {
      listeners: "SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controllerPort}",
      "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
      "inter.broker.listener.name": "SASL_SSL",
      "sasl.mechanism.inter.broker.protocol": "PLAIN",
      "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
      "listener.name.sasl_ssl.plain.sasl.jaas.config": plain,
      "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
      "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
      "ssl.keystore.location": keystore,
      "ssl.keystore.type": "PKCS12",
      "ssl.keystore.password": "changeit",
      "ssl.key.password": "changeit",
      "ssl.truststore.location": caFile,
      "ssl.truststore.type": "PEM",
    },
    formatArguments: ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=alice,password=${password}]`,
    ]),
    probe: async (brokers) => {
      const tls = { ca_file: caFile, reject_unauthorized: true };
      const base = kafkajsConfig({ ...plainConfig(brokers), tls });
      const admin = new Kafka({ ...base, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
      try {
        await admin.connect();
        if (!(await admin.listTopics()).includes(topic)) {
          await admin.createTopics({
            topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
            waitForLeaders: true,
          });
        }
      } finally {
        await admin.disconnect();
      }
    },
  });
});

function plainConfig(brokers: string[]): KafkaSourceConfig {
  const sasl = { mechanism: "plain", username: "alice", password };
  const config = sourceSchema.parse({ use: "kafka", brokers, topics: [topic], sasl });
  assert.equal(config.use, "kafka");
  return config;
}

after(async () => {
  if (skip !== false) return;
  await broker?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

for (const mechanism of ["plain", "scram-sha-256", "scram-sha-512"] as const) {
  test(`Records are read over TLS with SASL ${mechanism}, by topic id`, { skip }, async () => {
    const config = secured(mechanism);
    const producer = new Kafka(kafkajsConfig(config)).producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic, messages: [{ value: mechanism }] });
    await producer.disconnect();
    await using running = await startSource({
      brokers: broker?.brokers ?? [],
      topics: [topic],
      group: mechanism,
      config,
    });
    await until(
      () => `the record; ${running.source.status().problem}`,
      () => running.sink.store.texts().includes(mechanism),
    );
    assert.match(running.sink.store.messages[0]?.source ?? "", /^kafka:secured:[\w-]{22}$/);
  });
}

test("A wrong password is told in the status, and the password itself is not", { skip }, async () => {
  const sasl = { mechanism: "scram-sha-256" as const, username: "alice", password: "not-the-password" };
  const config = { ...secured("scram-sha-256"), sasl };
  await using running = await startSource({ brokers: broker?.brokers ?? [], topics: [topic], group: "wrong", config });
  await until("an error", () => running.source.status().lastError !== null);
  const { problem } = running.source.status();
  assert.match(problem ?? "", /authentication|credentials/i);
  assert.doesNotMatch(JSON.stringify([problem, running.log]), /not-the-password/);
});

test("A broker whose certificate is unknown is refused, unless the configuration says otherwise", {
  skip,
}, async () => {
  const config = { ...secured("plain"), tls: true };
  await using refused = await startSource({
    brokers: broker?.brokers ?? [],
    topics: [topic],
    group: "unknown-ca",
    config,
  });
  await until("an error", () => refused.source.status().lastError !== null);
  assert.match(refused.source.status().problem ?? "", /certificate/);
  const careless = { ...secured("plain"), tls: { reject_unauthorized: false } };
  await using running = await startSource({
    brokers: broker?.brokers ?? [],
    topics: [topic],
    group: "careless",
    config: careless,
  });
  await until("it is connected", () => running.source.status().connected);
});

test("A file of tls that can't be read is an error of the configuration that names the key", { skip }, () => {
  const config = { ...secured("plain"), tls: { ca_file: "/nowhere/ca.pem", reject_unauthorized: true } };
  assert.throws(() => kafkajsConfig(config), { code: "config_invalid", message: /tls\.ca_file.*\/nowhere\/ca\.pem/ });
});

test("Dead letters arrive in their topic with raw bytes, position and reason", { skip }, async () => {
  const producer = createDeadLetterProducer(secured("plain"));
  assert.ok(producer !== null);
  const raw = Buffer.from([0xff, 0x00, 0x7b]);
  await producer.send([
    {
      source: "kafka:t:id",
      partition: 3,
      offset: 42,
      item: 0,
      format: "json",
      reason: "not_json",
      detail: "no object",
      raw,
      envelope: {},
    },
  ]);
  await producer.close();
  await using running = await startSource({
    brokers: broker?.brokers ?? [],
    topics: [topic],
    group: "letters",
    config: secured("plain"),
  });
  const letter = () => running.sink.store.messages.find(({ headers }) => headers?.["reason"] === "not_json");
  await until("the letter", () => letter() !== undefined);
  assert.deepEqual(letter()?.value, raw);
  assert.deepEqual(
    { ...letter()?.headers },
    {
      source: "kafka:t:id",
      partition: "3",
      offset: "42",
      format: "json",
      reason: "not_json",
      detail: "no object",
    },
  );
});
