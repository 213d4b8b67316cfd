/** How to reach a Kafka cluster: the options that sources and channels share, and what kafkajs makes of them. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { type KafkaConfig, logLevel, type SASLOptions } from "kafkajs";
import { z } from "zod";
import { DriftlineError, messageOf } from "./errors.ts";
import { secret } from "./secret.ts";

export const kafkaConnectionOptions = {
  brokers: z.array(z.string()).min(1).describe("host:port of one or more brokers."),
  client_id: z.string().default("driftline").describe("Client id shown to the brokers."),
  tls: z
    .union([
      z.boolean(),
      z.strictObject({
        ca_file: z.string().optional().describe("PEM file of the authority."),
        cert_file: z.string().optional().describe("PEM file of the client certificate."),
        key_file: z.string().optional().describe("PEM file of the client key."),
        reject_unauthorized: z.boolean().default(true).describe("Refuse a broker whose certificate can't be verified."),
      }),
    ])
    .default(false)
    .describe("Encrypt the connection."),
  sasl: z
    .strictObject({
      mechanism: z.enum(["plain", "scram-sha-256", "scram-sha-512"]).describe("SASL mechanism."),
      username: z.string().describe("User."),
      password: secret().describe("Password."),
    })
    .optional()
    .describe("Authentication."),
};

const connection = z.object(kafkaConnectionOptions);
export type KafkaConnection = z.output<typeof connection>;

/** @throws DriftlineError `config_invalid` where a TLS file can't be read */
export function kafkajsConfig(config: KafkaConnection): KafkaConfig {
  return {
    brokers: config.brokers,
    clientId: config.client_id,
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    requestTimeout: 15_000,
    logLevel: logLevel.NOTHING,
    retry: { retries: 1, initialRetryTime: 100, maxRetryTime: 500 },
    ...(config.tls === false ? {} : { ssl: config.tls === true ? true : tlsOptions(config.tls) }),
    ...(config.sasl === undefined ? {} : { sasl: saslOptions(config.sasl) }),
  };
}

function saslOptions({ mechanism, username, password }: NonNullable<KafkaConnection["sasl"]>): SASLOptions {
  return mechanism === "plain" ? { mechanism, username, password } : { mechanism, username, password };
}

function tlsOptions(options: Exclude<KafkaConnection["tls"], boolean>): ConnectionOptions {
  const read = (key: string, file: string | undefined) => {
    if (file === undefined) return {};
    try {
      return { [key]: readFileSync(file) };
    } catch (error) {
      const text = `tls.${key}_file of a Kafka connection can't be read: ${messageOf(error)}`;
      throw new DriftlineError("config_invalid", text, { cause: error });
    }
  };
  return {
    rejectUnauthorized: options.reject_unauthorized,
    ...read("ca", options.ca_file),
    ...read("cert", options.cert_file),
    ...read("key", options.key_file),
  };
}
