import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { batchBody, binaryHeaders } from "../../../src/sidecar/cloud-event-forms.ts";
import type { MessageHead } from "../../../src/sidecar/http-framing.ts";
import { type CaptureRules, inferenceEvents, judge } from "../../../src/sidecar/inference-events.ts";

const rules: CaptureRules = {
  names: { variant: "default", namespace: "prod", source: "http://iris.prod" },
  sample: 1,
  metadataHeaders: ["x-tenant"],
};
const head = (...fields: [string, string][]): MessageHead => ({ startLine: "", fields });
const ask = (method: string, target: string, given: MessageHead = head(), changed: Partial<CaptureRules> = {}) =>
  judge({ method, target, head: given }, { ...rules, ...changed });

describe("The events of an inference", () => {
  it("carry the headers that KServe's agent 0.15.2 sends", () => {
    const verdict = ask("POST", "/v1/models/iris:predict", head(["ce-id", "0c58c1fd-b69f-4310-ba22-c05dd0e9a766"]));
    assert.ok("ticket" in verdict);
    const body = Buffer.from('{"instances":[[5.1,3.5,1.4,0.2]]}');
    const at = Date.parse("2026-11-23T17:34:25.423Z");
    const message = { head: head(["content-type", "application/json"]), body, at };
    const [request, response] = inferenceEvents(
      verdict.ticket,
      message,
      { ...message, body: Buffer.from("{}") },
      rules,
    );
    const common = {
      "content-type": "application/json",
      "ce-component": "predictor",
      "ce-endpoint": "default",
      "ce-id": "0c58c1fd-b69f-4310-ba22-c05dd0e9a766",
      "ce-inferenceservicename": "iris",
      "ce-namespace": "prod",
      "ce-source": "http://iris.prod",
      "ce-specversion": "1.0",
      "ce-time": "2026-11-23T17:34:25.423Z",
    };
    assert.deepEqual(binaryHeaders(request, "ce-"), {
      ...common,
      "ce-metadata": "{}",
      "ce-type": "org.kubeflow.serving.inference.request",
    });
    assert.deepEqual(binaryHeaders(response, "ce-"), {
      ...common,
      "ce-metadata": "null",
      "ce-type": "org.kubeflow.serving.inference.response",
    });
    assert.equal(request.body, body);
    assert.equal(binaryHeaders(request, "ce_")["ce_id"], common["ce-id"]);
    assert.match(batchBody([request]).toString(), /"datacontenttype":"application\/json","data_base64":"eyJpbnN0/);
  });

  it("are those of POSTs that ask for predictions, and of no management call", () => {
    const inference = [
      "/v1/models/a:predict",
      "/v1/models/a/versions/3:classify",
      "/v2/models/a/infer",
      "/predict",
      "/invocations?x=1",
    ];
    const other = ["/v2/repository/models/a/load", "/v2/models/a/trace/setting", "/v1/models/a:explain", "/v2/logging"];
    for (const path of inference) assert.ok("ticket" in ask("POST", path), path);
    for (const path of other) assert.deepEqual(ask("POST", path), { skipped: "not_inference" }, path);
    assert.deepEqual(ask("GET", "/v1/models/a:predict"), { skipped: "not_inference" });
    assert.deepEqual(ask("POST", "/predict", head(), { paths: [/^\/score$/] }), { skipped: "not_inference" });
  });

  it("take model and version from the path unless they are given, and the client's id where it is one", () => {
    const given = head(["x-request-id", "order-7"]);
    assert.deepEqual(ask("POST", "http://a/v2/models/fr%20aud/versions/3/infer", given), {
      ticket: { id: "order-7", model: "fr aud", version: "3" },
    });
    const names = { ...rules.names, model: "m", version: "9" };
    assert.deepEqual(ask("POST", "/v2/models/a/infer", head(["ce-id", "x"], ["x-request-id", "y"]), { names }), {
      ticket: { id: "x", model: "m", version: "9" },
    });
    const none = ask("POST", "/predict", head(["x-request-id", "\u00e9 broken"]));
    assert.match("ticket" in none ? none.ticket.id : "", /^[0-9a-f-]{36}$/);
  });

  it("are sampled by the id alone: the same ids each time, and about the share that was asked for", () => {
    const kept = (share: number) =>
      Array.from({ length: 4_000 }, (_, index) => `id-${index}`).filter(
        (id) => "ticket" in ask("POST", "/predict", head(["ce-id", id]), { sample: share }),
      );
    const tenth = kept(0.1);
    assert.ok(Math.abs(tenth.length - 400) < 80, String(tenth.length));
    assert.deepEqual(kept(0.1), tenth);
    const half = new Set(kept(0.5));
    assert.ok(tenth.every((id) => half.has(id)));
  });
});
