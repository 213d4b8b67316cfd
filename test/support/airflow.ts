/**
 * A real Airflow 3 for tests: `DRIFTLINE_TEST_AIRFLOW` names its executable (of a virtual environment with `pip install apache-airflow`).
 * It gets a home of its own, an SQLite database, a user, and one DAG that notes its run and reports back.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";

const START_MS = 240_000;

export interface Airflow extends AsyncDisposable {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Ids of the runs in which the DAG's task has run, once each time. */
  runs(): Promise<string[]>;
}

/** The executable, or why there is none. */
export function airflowExecutable(): { readonly path: string } | { readonly missing: string } {
  const written = process.env["DRIFTLINE_TEST_AIRFLOW"];
  if (written === undefined)
    return { missing: "no Airflow: set DRIFTLINE_TEST_AIRFLOW to the executable `airflow` of version 3" };
  return existsSync(written) ? { path: written } : { missing: `DRIFTLINE_TEST_AIRFLOW: there is no file ${written}` };
}

/** The conf holds where to report, as every retraining is told. */
const DAG = `import json, os, urllib.request
from airflow.sdk import dag, task


@dag(dag_id="retrain", schedule=None, is_paused_upon_creation=False)
def retrain():
    @task
    def train(**context):
        evidence = context["dag_run"].conf["driftline"]
        with open(os.environ["RETRAIN_NOTES"], "a") as notes:
            notes.write(context["run_id"] + "\\n")
        body = json.dumps({"status": "succeeded", "version": "2"}).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(evidence["report_url"], body, headers), timeout=20)

    train()


retrain()
`;

export async function startAirflow(executable: string): Promise<Airflow> {
  const home = await mkdtemp(path.join(os.tmpdir(), "driftline-airflow-"));
  const notes = path.join(home, "runs.txt");
  await mkdir(path.join(home, "dags"));
  await writeFile(path.join(home, "dags", "retrain.py"), DAG);
  const password = "a-password-of-tests";
  await writeFile(path.join(home, "passwords.json"), JSON.stringify({ driftline: password }));
  const [port, workerLogs, triggererLogs] = await Promise.all([freePort(), freePort(), freePort()]);
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(executable, ["standalone"], {
    detached: true,
    stdio: "ignore",
    env: {
      ...process.env,
      PATH: `${path.dirname(executable)}:${process.env["PATH"] ?? ""}`,
      RETRAIN_NOTES: notes,
      AIRFLOW_HOME: home,
      AIRFLOW__CORE__LOAD_EXAMPLES: "False",
      AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS: "driftline:admin",
      AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE: path.join(home, "passwords.json"),
      AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${url}/execution/`,
      AIRFLOW__CORE__PARALLELISM: "2",
      AIRFLOW__API__HOST: "127.0.0.1",
      AIRFLOW__API__PORT: String(port),
      AIRFLOW__API__BASE_URL: url,
      AIRFLOW__API__WORKERS: "1",
      AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT: String(workerLogs),
      AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT: String(triggererLogs),
    },
  });
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null) {
      const gone = once(child, "exit");
      process.kill(-child.pid, "SIGTERM");
      const late = setTimeout(() => killGroup(child.pid), 15_000);
      await gone;
      clearTimeout(late);
    }
    // Its parts may outlive the one that began them.
    killGroup(child.pid);
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await ready(url, password, () => child.exitCode);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return {
    url,
    user: "driftline",
    password,
    async runs() {
      if (!existsSync(notes)) return [];
      return (await readFile(notes, "utf8")).split("\n").filter((line) => line !== "");
    },
    [Symbol.asyncDispose]: stop,
  };
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

/** The API answers, and the DAG has been read. */
async function ready(url: string, password: string, exitCode: () => number | null): Promise<void> {
  const end = Date.now() + START_MS;
  let last = "";
  while (Date.now() < end) {
    if (exitCode() !== null) throw new Error(`Airflow ended with ${exitCode()}`);
    try {
      const login = await fetch(`${url}/auth/token`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ username: "driftline", password }),
      });
      const { access_token: token } = (await login.json()) as { access_token?: string };
      const dag = await fetch(`${url}/api/v2/dags/retrain`, { headers: { authorization: `Bearer ${token ?? ""}` } });
      last = `the DAG: HTTP ${dag.status}`;
      if (dag.ok) return;
    } catch (thrown) {
      last = String(thrown);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error(`Airflow was not ready within ${START_MS} ms: ${last}`);
}
