/** What can receive a channel's messages on this machine, told to accept, to refuse, to break off or to hang. */
import { createServer, type Socket } from "node:net";
import { z } from "zod";
import type { Notification } from "../../src/core/delivery.ts";
import { type Answer, type ReceivedRequest, startHttpReceiver } from "./http-receiver.ts";
import { startSlackReceiver } from "./slack-receiver.ts";
import { type SmtpAnswer, startSmtpReceiver } from "./smtp-receiver.ts";

export const SECRET = "whsec_c2VjcmV0LXRoYXQtbm9ib2R5LXNlZXM=";
export const TOKEN = "token-that-nobody-sees";

/** What a receiver can do, in words that suit every medium. */
export const outcomes = [
  "accepts",
  "is broken",
  "is busy",
  "has waited too long for the request",
  "cuts the connection",
  "hangs",
  "refuses the request",
  "refuses the credentials",
  "is not there",
  "sends elsewhere",
] as const;
export type Outcome = (typeof outcomes)[number];

export const retryable: Readonly<Record<Exclude<Outcome, "accepts">, boolean>> = {
  "is broken": true,
  "is busy": true,
  "has waited too long for the request": true,
  "cuts the connection": true,
  hangs: true,
  "refuses the request": false,
  "refuses the credentials": false,
  "is not there": false,
  "sends elsewhere": false,
};

export const httpAnswers: Readonly<Record<Outcome, Answer>> = {
  accepts: { status: 200 },
  "is broken": { status: 500, body: `oops ${TOKEN.slice(0, 3)}` },
  "is busy": { status: 429, headers: { "retry-after": "7" } },
  "has waited too long for the request": { status: 408 },
  "cuts the connection": "reset",
  hangs: "hang",
  "refuses the request": { status: 400 },
  "refuses the credentials": { status: 401 },
  "is not there": { status: 404 },
  // To an address that would accept: where it is followed, the message is delivered.
  "sends elsewhere": { status: 307, headers: { location: "/elsewhere" } },
};
const smtp: Readonly<Partial<Record<Outcome, SmtpAnswer>>> = {
  accepts: "accept",
  "is broken": 451,
  "is busy": 421,
  "cuts the connection": "reset",
  hangs: "hang",
  "refuses the request": 554,
};

export interface Receiver extends AsyncDisposable {
  readonly options: Readonly<Record<string, unknown>>;
  /** What a receiver tells repetitions by, of everything that arrived. */
  keys(): readonly string[];
}
/** null where the medium has no such outcome. */
export type StartReceiver = (outcome: Outcome) => Promise<Receiver | null>;

/** @param options of the address that is posted to */
export const httpReceiver =
  (
    options: (url: string) => Readonly<Record<string, unknown>>,
    key: (request: ReceivedRequest) => string,
  ): StartReceiver =>
  async (outcome) => {
    const server = await startHttpReceiver((request) =>
      request.path === "/elsewhere" ? { status: 200 } : httpAnswers[outcome],
    );
    return {
      options: options(server.url),
      keys: () => server.requests.map(key),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  };

export const webhookReceiver = httpReceiver(
  (url) => ({ url: `${url}/${TOKEN}`, secret: SECRET, headers: { authorization: `Bearer ${TOKEN}` } }),
  (request) => String(request.headers["webhook-id"]),
);

const slackReceiver: StartReceiver = async (outcome) => {
  const server = await startSlackReceiver(
    outcome === "accepts" ? undefined : (_index, path) => (path === "/elsewhere" ? undefined : httpAnswers[outcome]),
  );
  return {
    options: { token: TOKEN, channel: "#ml", api_url: server.apiUrl },
    keys: () => server.messages.map((message) => message.idempotencyKey),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};

const mailReceiver: StartReceiver = async (outcome) => {
  const answer = smtp[outcome];
  const asksForUser = outcome === "refuses the credentials";
  if (answer === undefined && !asksForUser) return null;
  const server = await startSmtpReceiver(() => answer ?? "accept");
  return {
    options: {
      host: "127.0.0.1",
      port: server.port,
      tls: "never",
      from: "driftline@example.com",
      to: ["oncall@example.com"],
      ...(asksForUser
        ? {
            user: "driftline",
            password: TOKEN,
          }
        : {}),
    },
    keys: () => server.mails.map((mail) => /^<(.+)@example\.com>$/.exec(mail.messageId)?.[1] ?? ""),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};

/** Broken connections only: what a broker does itself is shown on a real one, in kafka-channel.test.ts. */
const brokenBroker: StartReceiver = async (outcome) => {
  if (outcome !== "hangs" && outcome !== "cuts the connection") return null;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    if (outcome === "cuts the connection") socket.resetAndDestroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the receiver has no port");
  return {
    options: {
      brokers: [`127.0.0.1:${address.port}`],
      topic: "incidents",
      sasl: { mechanism: "plain", username: "driftline", password: TOKEN },
    },
    keys: () => [],
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const fieldOf =
  (field: string) =>
  (request: ReceivedRequest): string =>
    String(z.record(z.string(), z.unknown()).parse(JSON.parse(request.body))[field]);
const alertLabels = z.array(z.object({ labels: z.object({ incident: z.string() }) })).min(1);

/** By channel. */
export const channelReceivers: Readonly<Record<string, StartReceiver>> = {
  alertmanager: httpReceiver(
    (url) => ({ urls: [url.replace(/\/hook$/, "/am/")], headers: { authorization: `Bearer ${TOKEN}` } }),
    (request) => alertLabels.parse(JSON.parse(request.body))[0]?.labels.incident ?? "",
  ),
  cloudevents: httpReceiver(
    (url) => ({ url: `${url}/${TOKEN}`, headers: { authorization: `Bearer ${TOKEN}` } }),
    fieldOf("id"),
  ),
  email: mailReceiver,
  kafka: brokenBroker,
  pagerduty: httpReceiver((url) => ({ api_url: url, routing_key: TOKEN }), fieldOf("dedup_key")),
  slack: slackReceiver,
  teams: httpReceiver(
    (url) => ({ url: `${url}/${TOKEN}` }),
    (request) => String(request.headers["idempotency-key"]),
  ),
  webhook: webhookReceiver,
};

/** What channels tell repetitions by: the delivery, or the incident where the receiver keeps one alert of it. */
export const keyOf = (channel: string, { idempotencyKey, incident }: Notification): string =>
  channel === "alertmanager" || channel === "pagerduty" ? incident.incident_id : idempotencyKey;
