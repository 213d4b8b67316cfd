/**
 * Real inference servers for tests. `DRIFTLINE_TEST_MLSERVER` names the executable `mlserver` of a virtual environment with
 * `pip install mlserver mlserver-sklearn`, `DRIFTLINE_TEST_KSERVE` the `python` of one with `pip install kserve scikit-learn`.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const START_MS = 120_000;
const run = promisify(execFile);

export interface InferenceServer extends AsyncDisposable {
  readonly url: string;
}

/** The executable that a variable names, or why there is none. */
export function executableOf(variable: string, what: string): { readonly path: string } | { readonly missing: string } {
  const written = process.env[variable];
  if (written === undefined) return { missing: `no ${what}: set ${variable} to its executable` };
  return existsSync(written) ? { path: written } : { missing: `${variable}: there is no file ${written}` };
}

const TRAIN = `import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

x, y = load_iris(return_X_y=True)
joblib.dump(LogisticRegression(max_iter=500).fit(x, y), "iris.joblib")
joblib.dump(LinearRegression().fit(x[:, :2], x[:, 3]), "width.joblib")
`;

/** MLServer with a classifier \`iris\` (four columns without names) and a regression \`width\` (two). */
export async function startMlserver(executable: string): Promise<InferenceServer> {
  const home = await mkdtemp(path.join(os.tmpdir(), "driftline-mlserver-"));
  await writeFile(path.join(home, "train.py"), TRAIN);
  await run(path.join(path.dirname(executable), "python"), ["train.py"], { cwd: home });
  for (const [name, version] of [
    ["iris", "v1"],
    ["width", "v3"],
  ]) {
    await mkdir(path.join(home, name ?? ""));
    const settings = {
      name,
      implementation: "mlserver_sklearn.SKLearnModel",
      parameters: { uri: `../${name}.joblib`, version },
    };
    await writeFile(path.join(home, name ?? "", "model-settings.json"), JSON.stringify(settings));
  }
  const [http, grpc, metrics] = await Promise.all([freePort(), freePort(), freePort()]);
  const settings = { host: "127.0.0.1", http_port: http, grpc_port: grpc, metrics_port: metrics, parallel_workers: 0 };
  await writeFile(path.join(home, "settings.json"), JSON.stringify(settings));
  return await started(executable, ["start", home], home, `http://127.0.0.1:${http}`, [
    "/v2/models/iris/ready",
    "/v2/models/width/ready",
  ]);
}

/** Rows with names over V1, named tensors over V2; a customer above 30 stays. */
const KSERVE_MODEL = `import sys
from kserve import InferOutput, InferResponse, Model, ModelServer


class Churn(Model):
    def __init__(self):
        super().__init__("churn")
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        if isinstance(payload, dict):
            return {"predictions": [int(row["age"] <= 30) for row in payload["instances"]]}
        ages = payload.inputs[0].as_numpy().ravel()
        labels = [int(age <= 30) for age in ages]
        output = InferOutput(name="leaves", shape=[len(labels)], datatype="INT64", data=labels)
        return InferResponse(response_id=payload.id, model_name="churn", infer_outputs=[output])


ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([Churn()])
`;

/** KServe's own Python server with a model \`churn\`. */
export async function startKserve(python: string): Promise<InferenceServer> {
  const home = await mkdtemp(path.join(os.tmpdir(), "driftline-kserve-"));
  await writeFile(path.join(home, "model.py"), KSERVE_MODEL);
  const port = await freePort();
  return await started(python, ["model.py", String(port)], home, `http://127.0.0.1:${port}`, [
    "/v2/models/churn/ready",
  ]);
}

async function started(
  executable: string,
  parts: readonly string[],
  home: string,
  url: string,
  ready: readonly string[],
): Promise<InferenceServer> {
  const output: string[] = [];
  const child = spawn(executable, parts, { cwd: home, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(String(chunk)));
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null) {
      const gone = once(child, "exit");
      process.kill(-child.pid, "SIGKILL");
      await gone;
    }
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const end = Date.now() + START_MS;
    for (const route of ready) {
      while (!(await answers(url + route))) {
        if (child.exitCode !== null || Date.now() > end)
          throw new Error(`${executable} was not ready: ${output.join("").slice(-2000)}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { url, [Symbol.asyncDispose]: stop };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
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
