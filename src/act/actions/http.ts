/** Any system that is started by a request over HTTP: the generic action, of which the named ones are presets. */
import { z } from "zod";
import { secret } from "../../core/secret.ts";
import { isAnswerPath } from "./http-target/answer-path.ts";
import { defineHttpAction } from "./http-target/http-target.ts";
import type { Body, Call, Credentials } from "./http-target/specification.ts";
import { jsonTemplate, template, templateValues } from "./http-target/template.ts";

const status = z.int().min(100).max(599);
const method = z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]);
const answerPath = () => z.string().refine(isAnswerPath, "a path such as run_id, runs[0].id or header location");
const address = (...more: string[]) => template(...more).refine(isAddress, "an http or https address");

/** Places may stand behind the host only: no value decides whom a request goes to. */
function isAddress(text: string): boolean {
  return /^https?:\/\/[^/?#{}]+(?:[/?#]|$)/.test(text) && URL.canParse(text.replace(/\{\{[^{}]*\}\}/g, "x"));
}

const headers = (...more: string[]) =>
  z.record(
    z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "a header name"),
    template(...more).meta({ secret: true }),
  );

const form = (...more: string[]) => z.record(z.string().min(1), template(...more).meta({ secret: true }));

const login = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .meta({ secret: true })
    .describe("Address that a token is posted for."),
  headers: headers().default({}).describe("Headers of that request."),
  body: z.record(z.string(), z.json()).meta({ secret: true }).optional().describe("Its body as JSON."),
  form: form().optional().describe("Its body as a form instead."),
  token: answerPath().default("access_token").describe("Where in the answer the token stands."),
});

const poll = z.strictObject({
  method: method.default("GET").describe("Method of the question."),
  url: address("run_id")
    .meta({ secret: true })
    .describe("Address that answers with the run's state; may hold {{run_id}}."),
  headers: headers("run_id").default({}).describe("Headers of the question, beside `headers`."),
  body: jsonTemplate("run_id").optional().describe("Its body as JSON."),
  state: answerPath().describe("Where in the answer the state stands."),
  waiting: z.array(z.string()).default([]).describe("States of a run that is accepted and has not begun."),
  done: z.array(z.string()).min(1).describe("States of a run that has succeeded."),
  failed: z.array(z.string()).min(1).describe("States of a run that has failed; any other state means that it runs."),
});

const aws = z.strictObject({
  region: z.string().min(1).describe("Region, for example eu-central-1."),
  service: z.string().min(1).describe("Service that the request is signed for, for example sagemaker."),
  access_key_id: z.string().min(1).describe("Id of the access key."),
  secret_access_key: secret().describe("The access key."),
  session_token: secret().optional().describe("Token of temporary credentials."),
});

const options = z.strictObject({
  method: method.default("POST").describe("Method of the request."),
  url: address()
    .meta({ secret: true })
    .describe("Address of the request; may hold places and a token, so it is shown nowhere."),
  headers: headers().default({}).describe("Headers, for example an Authorization."),
  body: jsonTemplate()
    .optional()
    .describe(
      `Body as JSON, with places: ${Object.entries(templateValues)
        .map(([name, meaning]) => `{{${name}}} (${meaning})`)
        .join(", ")}. Left out, as \`form\`: the evidence.`,
    ),
  form: form()
    .optional()
    .describe(
      "Body as a form instead of JSON. Its values are treated as secrets: they are hidden wherever they would be shown.",
    ),
  success: z.array(status).min(1).optional().describe("Statuses that mean success; left out: any 2xx."),
  duplicate: z
    .array(status)
    .default([409])
    .describe(
      "Statuses that may mean that an earlier request had come through: success if the run that is there is ours, else tried again.",
    ),
  run_id: answerPath()
    .optional()
    .describe("Where in the answer the run's id stands; an answer without it is a failure. Left out: no run is named."),
  run_id_is: template()
    .optional()
    .describe("What the run's id must be, where the request names it, for example driftline-{{trigger_id}}."),
  find: z
    .strictObject({
      url: address().meta({ secret: true }).describe("Address that lists a run of ours, asked before each attempt."),
      run_id: answerPath().describe("Where in its answer the run's id stands; without one the request is sent."),
    })
    .optional()
    .describe("How a run of ours is found that is there already, where the receiver knows no idempotency key."),
  poll: poll.optional().describe("How a run's state is asked for; left out: the outcome is reported or not known."),
  login: login.optional().describe("A token that is fetched first, kept, and fetched anew when it is refused."),
  aws: aws.optional().describe("Signs requests for AWS (Signature Version 4)."),
});
type Options = z.output<typeof options>;

function bodyOf(written: {
  readonly body?: z.core.util.JSONType | undefined;
  readonly form?: Record<string, string> | undefined;
}): Body | null {
  if (written.form !== undefined) return { kind: "form", fields: written.form };
  return written.body === undefined ? null : { kind: "json", value: written.body };
}

function credentialsOf({ login: first, aws: key }: Options): Credentials {
  if (key !== undefined)
    return {
      kind: "aws",
      key: {
        region: key.region,
        service: key.service,
        accessKeyId: key.access_key_id,
        secretAccessKey: key.secret_access_key,
        sessionToken: key.session_token,
      },
    };
  if (first === undefined) return { kind: "none" };
  const call: Call = { method: "POST", url: first.url, headers: first.headers, body: bodyOf(first) };
  return { kind: "login", call, token: first.token };
}

export const http = defineHttpAction({
  name: "http",
  title: "HTTP request",
  description:
    "Sends one request of your own making. Its trigger id is the same over retries and restarts, so that a receiver which heeds it starts nothing twice; it is sent as the header `idempotency-key` too. A redirect is a failure, and so is an answer without our run.",
  options,
  kind: "run",
  specification: (chosen) => ({
    credentials: credentialsOf(chosen),
    request: {
      method: chosen.method,
      url: chosen.url,
      headers: { "idempotency-key": "{{trigger_id}}", ...chosen.headers },
      body: chosen.method === "GET" ? null : (bodyOf(chosen) ?? { kind: "json", value: "{{evidence}}" }),
    },
    success: chosen.success ?? null,
    duplicate: chosen.duplicate,
    run: chosen.run_id === undefined ? null : { path: chosen.run_id, expected: chosen.run_id_is ?? null },
    find:
      chosen.find === undefined
        ? null
        : {
            call: { method: "GET", url: chosen.find.url, headers: chosen.headers, body: null },
            path: chosen.find.run_id,
          },
    poll:
      chosen.poll === undefined
        ? null
        : {
            call: {
              method: chosen.poll.method,
              url: chosen.poll.url,
              headers: { ...chosen.headers, ...chosen.poll.headers },
              body: bodyOf(chosen.poll),
            },
            state: chosen.poll.state,
            waiting: chosen.poll.waiting,
            succeeded: chosen.poll.done,
            failed: chosen.poll.failed,
          },
  }),
});
