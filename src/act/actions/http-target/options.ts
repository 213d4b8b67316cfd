/** Options that several presets share. */
import { z } from "zod";
import { secret } from "../../../core/secret.ts";
import type { Credentials } from "./specification.ts";
import { jsonTemplate, template } from "./template.ts";

/** Address of a service, without a slash at its end. */
export const baseUrl = () => z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));

/** A name that stands in an address. */
export const segment = () =>
  z
    .string()
    .min(1)
    .refine((text) => !/^\.{1,2}$/.test(text), "a name")
    .transform(encodeURIComponent);

export const parameters = () =>
  z
    .record(z.string().min(1), template())
    .default({})
    .describe("Further parameters of the run; places such as {{model}} are filled in.");

/** Values of any type; texts may have places. */
export const jsonParameters = () =>
  jsonTemplate().default({}).describe("Further parameters of the run; places such as {{model}} are filled in.");

/** Where Kubernetes mounts a pod's own token. */
const SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

export const kubernetesOptions = {
  api_url: baseUrl()
    .default("https://kubernetes.default.svc")
    .describe("Address of the Kubernetes API; its certificate authority is trusted by NODE_EXTRA_CA_CERTS."),
  namespace: segment().describe("Namespace of the resource."),
  token: secret().optional().describe("Bearer token; left out: `token_file`."),
  token_file: z
    .string()
    .min(1)
    .default(SERVICE_ACCOUNT_TOKEN)
    .describe("File that holds the token, read anew at each attempt; default: the pod's own."),
};

export const kubernetesCredentials = (options: {
  readonly token?: string | undefined;
  readonly token_file: string;
}): Credentials =>
  options.token === undefined
    ? { kind: "bearer_file", file: options.token_file }
    : { kind: "bearer", token: options.token };

/** A bearer token where one is configured. */
export const bearerOrNone = (token: string | undefined): Credentials =>
  token === undefined ? { kind: "none" } : { kind: "bearer", token };
