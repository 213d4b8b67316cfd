/** What `--to` names: a Kafka topic or an HTTP address. */
import { DriftlineError } from "../core/errors.ts";

export type TargetAddress =
  | { readonly kind: "http"; readonly url: URL }
  | { readonly kind: "kafka"; readonly brokers: readonly string[]; readonly topic: string; readonly tls: boolean };

const expected =
  "expected kafka://broker:9092,broker:9092/topic (kafkas:// for TLS) or http(s)://host[:port][/path]; without a path events go to /v1/events";

/** @throws DriftlineError `config_invalid` */
export function parseTarget(text: string): TargetAddress {
  const kafka = /^(kafkas?):\/\/([^/@]+)\/([A-Za-z0-9._-]{1,249})$/.exec(text);
  if (kafka !== null) {
    const [, scheme, list = "", topic = ""] = kafka;
    const brokers = list.split(",").map((broker) => (/:\d+$/.test(broker) ? broker : `${broker}:9092`));
    return { kind: "kafka", brokers, topic, tls: scheme === "kafkas" };
  }
  const url = httpUrl(text, "--to");
  if (url.pathname === "/" && !/^https?:\/\/[^/]+\/./i.test(text)) url.pathname = "/v1/events";
  return { kind: "http", url };
}

/** An address of the service itself: without a path, since paths are the client's. @throws DriftlineError `config_invalid` */
export function parseService(text: string): URL {
  const url = httpUrl(text, "--service");
  if (url.pathname !== "/" || url.search !== "")
    throw new DriftlineError(
      "config_invalid",
      `--service ${text}: expected http(s)://host:port without a path; requests keep their own`,
    );
  return url;
}

/** @throws DriftlineError `config_invalid` */
export function httpUrl(text: string, option: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const what = option === "--to" ? expected : "expected http(s)://host[:port]";
  // Whatever is in the address can be read in the list of processes.
  if (url !== null && (url.username !== "" || url.password !== ""))
    throw new DriftlineError("config_invalid", `${option}: an address may hold no user or password; use --token-file`);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new DriftlineError("config_invalid", `${option} ${JSON.stringify(text)}: ${what}`);
  return url;
}

/** `host:port`, `[::1]:port` or a port alone on 127.0.0.1. @throws DriftlineError `config_invalid` */
export function parseListen(text: string, option: string): { readonly host: string; readonly port: number } {
  const match = /^(?:(\[[0-9A-Fa-f:.]+\]|[^:[\]\s]+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535)
    throw new DriftlineError(
      "config_invalid",
      `${option} ${JSON.stringify(text)}: expected host:port, such as 0.0.0.0:9081`,
    );
  return { host: (match[1] ?? "127.0.0.1").replace(/^\[|\]$/g, ""), port };
}
