/** Starts a DAG run of Apache Airflow under an id of ours: a second request for it is answered with a conflict and starts nothing. */
import { z } from "zod";
import { secret } from "../../core/secret.ts";
import { defineHttpAction } from "./http-target/http-target.ts";
import { baseUrl, jsonParameters, segment } from "./http-target/options.ts";
import { type Credentials, get, postJson } from "./http-target/specification.ts";

const options = z.strictObject({
  url: baseUrl().describe("Address of Airflow's web server (2) or API server (3)."),
  api: z.enum(["v1", "v2"]).default("v2").describe("`v2` of Airflow 3, `v1` of Airflow 2."),
  dag: segment().describe("Id of the DAG."),
  username: z.string().min(1).optional().describe("User; of v2 a token is fetched for it from /auth/token."),
  password: secret().optional().describe("The user's password."),
  token: secret().optional().describe("A bearer token instead of user and password."),
  conf: jsonParameters(),
});

const RUN_ID = "driftline__{{trigger_id}}";

function credentialsOf({ url, api, username, password, token }: z.output<typeof options>): Credentials {
  if (token !== undefined) return { kind: "bearer", token };
  if (username === undefined || password === undefined) return { kind: "none" };
  if (api === "v1") return { kind: "basic", user: username, password };
  return { kind: "login", call: postJson(`${url}/auth/token`, { username, password }), token: "access_token" };
}

export const airflow = defineHttpAction({
  name: "airflow",
  title: "Airflow DAG run",
  description:
    "Starts a run of a DAG with the id `driftline__<trigger id>`, so that a request which is repeated starts nothing twice. Its `conf` holds your own keys and `driftline`, the evidence. A conflict counts as success only if the run that is there is ours.",
  options,
  kind: "run",
  specification: (chosen) => {
    const runs = `${chosen.url}/api/${chosen.api}/dags/${chosen.dag}/dagRuns`;
    return {
      credentials: credentialsOf(chosen),
      request: postJson(runs, {
        dag_run_id: RUN_ID,
        // Of v2 it must be there; of v1 it must not be null, and another run's would be a conflict.
        ...(chosen.api === "v2" ? { logical_date: null } : {}),
        conf: { ...chosen.conf, driftline: "{{evidence}}" },
        note: "{{title}}",
      }),
      success: null,
      duplicate: [409],
      run: { path: "dag_run_id", expected: RUN_ID },
      find: null,
      poll: {
        call: get(`${runs}/{{run_id}}`),
        state: "state",
        waiting: ["queued"],
        succeeded: ["success"],
        failed: ["failed"],
      },
    };
  },
});
