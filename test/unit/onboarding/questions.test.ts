/** Questions on a terminal: Enter, numbers and names, answers that are none, and what was typed ahead or ends too soon. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { terminalQuestions } from "../../../src/init/questions.ts";
import { understand } from "../../../src/onboarding/understand.ts";

const payloads = Array.from({ length: 40 }, (_, row) => ({
  request_id: `r${row}`,
  trace_id: `t${row}`,
  timestamp: new Date(Date.UTC(2026, 0, 1, 0, row)).toISOString(),
  amount: row * 1.5,
  prediction: row % 3 === 0 ? "alpha" : "beta",
}));
const understood = understand(payloads, { model: "m", choices: {}, textNumbers: false });

/** Answers that all stand ready before the first question. */
function terminal(answers: readonly string[]) {
  const input = new PassThrough();
  const output = new PassThrough();
  input.end(answers.map((answer) => `${answer}\n`).join(""));
  const said = text(output);
  const questions = terminalQuestions(input, output);
  return {
    questions,
    said: () => {
      questions.close();
      output.end();
      return said;
    },
  };
}

test("Enter takes the likeliest, a number or a name takes another, and what is neither is asked again", async () => {
  const { path: likeliest, others } = understood.fields.id ?? assert.fail();
  const [other = ""] = others;
  assert.notEqual(other, "");
  const ids = async (...answers: string[]) => (await terminal(answers).questions.source("t", understood)).id;
  assert.equal(await ids("", "", "", ""), likeliest);
  assert.equal(await ids("2", "", "", ""), other);
  assert.equal(await ids(other, "", "", ""), other);
  assert.equal(await ids("none of them", "", "", ""), null);
  assert.equal(await ids("99", "what?", "2", "", "", ""), other);
});

test("a model, a class and a share are asked for; a share that is none is asked again", async () => {
  const { questions, said } = terminal(["churn", "", "30%", "0.3", ""]);
  assert.equal(await questions.model("t", "likeliest"), "churn");
  assert.equal(await questions.positive("churn", ["alpha", "beta"]), "beta");
  assert.equal(await questions.referenceShare(), 0.3);
  assert.equal(await questions.referenceShare(), null);
  assert.match(await said(), /30%: a number above 0, at most 1, is expected, or none/);
});

test("where the input ends before the answer nothing is taken for one", async () => {
  const { questions } = terminal(["churn"]);
  await questions.model("t", "likeliest");
  await assert.rejects(questions.referenceShare(), { code: "request_invalid", message: /nothing was written/ });
  await assert.rejects(questions.model("t", "likeliest"), { code: "request_invalid" });
});
