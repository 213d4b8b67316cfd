/** A schema registry with Confluent's interface and three schemas; it asks for a user, or a token, and can be away. */
import { startHttpReceiver } from "./http-receiver.ts";

const AVRO = {
  type: "record",
  name: "Scored",
  fields: [
    { name: "id", type: "string" },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "age", type: ["null", "double"] },
    { name: "plan", type: ["null", "string"] },
    { name: "account", type: "long" },
    { name: "price", type: { type: "bytes", logicalType: "decimal", precision: 4, scale: 2 } },
    { name: "prediction", type: "int" },
  ],
};

const SCORED = `
  string id = 1;
  google.protobuf.Timestamp at = 2;
  int32 prediction = 3;
  ml.common.Features features = 4;
  int64 account = 5;
`;
const PROTO = `syntax = "proto3";
package ml.events;
import "google/protobuf/timestamp.proto";
import "features.proto";
message Scored {${SCORED}}
message Outer { message Inner {${SCORED}} }
`;
const FEATURES = `syntax = "proto3";
package ml.common;
message Features { optional double age = 1; string plan = 2; }
`;

const GUIDS = "/schemas/guids/89791762-2336-41d8-94aa-fc8eff00a1";
const REFERENCES = [{ name: "features.proto", subject: "ml/features", version: 3 }];

const ANSWERS: Readonly<Record<string, unknown>> = {
  "/schemas/ids/1": { schema: JSON.stringify(AVRO) },
  "/schemas/ids/2": {
    schema: PROTO,
    schemaType: "PROTOBUF",
    references: REFERENCES,
  },
  [`${GUIDS}ce`]: { schema: JSON.stringify(AVRO), guid: "89791762-2336-41d8-94aa-fc8eff00a1ce" },
  [`${GUIDS}cf`]: { schema: PROTO, schemaType: "PROTOBUF", references: REFERENCES },
  "/subjects/ml%2Ffeatures/versions/3": {
    subject: "ml/features",
    version: 3,
    id: 9,
    schema: FEATURES,
    schemaType: "PROTOBUF",
  },
};
const ALLOWED = new Set([`Basic ${Buffer.from("u:p").toString("base64")}`, "Bearer t"]);

export async function startSchemaRegistry() {
  let away = false;
  const server = await startHttpReceiver((request) => {
    if (away) return { status: 503, body: "starting" };
    if (!ALLOWED.has(String(request.headers["authorization"]))) return { status: 401, body: "{}" };
    const answer = ANSWERS[request.path];
    return answer === undefined
      ? { status: 404, body: '{"error_code":40403,"message":"Schema not found"}' }
      : { status: 200, body: JSON.stringify(answer) };
  });
  return Object.assign(server, {
    address: server.url.replace(/\/hook$/, ""),
    setAway(value: boolean) {
      away = value;
    },
  });
}
