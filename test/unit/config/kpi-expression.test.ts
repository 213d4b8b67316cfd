import assert from "node:assert/strict";
import { test } from "node:test";
import { kpiExpressionFault } from "../../../src/config/kpi-expression.ts";

test("expressions over the rows are accepted, whatever their texts hold", () => {
  for (const sql of [
    "sumIf(features.amount, label = 1 and prediction = 0)",
    "countIf(match(features.s, '^a$'))",
    "countIf(features.note = 'select; drop -- file(''x'')')",
    "avg(if(features.country in ('DE', 'AT'), 1, 0))",
    "sum(`features.a b`) / count()",
    'quantile(0.99)(abs("features.x" - prediction))',
    "sum(features.select) + sum(features.format)",
    "arraySum(groupArray(score)) / greatest(1, count())",
    "countIf(extract(features.s, '\\\\d+') != '')",
    "max(segments['region'])",
    "truncate(avg(score), 2) + 1.5e3 - 0x1F",
  ]) {
    assert.equal(kpiExpressionFault(sql), null, sql);
  }
});

test("what is more than one expression, or reaches outside the rows, is refused with the reason", () => {
  for (const [sql, fault] of [
    ["count(); drop table x", /semicolon/],
    ["count(), 2", /comma/],
    ["count() -- x", /comment/],
    ["count() /* x */", /comment/],
    ["1) from system.tables --", /comment|partner/],
    ["count())", /\) without its partner/],
    ["(count()", /lacks a \)/],
    ["(1]", /without its partner/],
    ["'open", /' without its partner/],
    ["(select 1)", /select/],
    ["(SeLeCt 1)", /SeLeCt/],
    ["(select(1))", /select/],
    ["(1.select)", /select/],
    ["1 in", /ends after IN/],
    ["count() settings max_threads = 1", /settings/],
    ["count() format Null", /format/],
    ["file('/etc/passwd')", /file\(\)/],
    ["length(FILE ( '/etc/passwd' ))", /FILE\(\)/],
    ["length(`file`('/etc/passwd'))", /file\(\)/],
    ["url('http://x')", /url\(\)/],
    ["dictGetString('d', 'a', 1)", /dictGetString/],
    ["countIf(id in system.users)", /IN system/],
    ["countIf(id in numbers(10))", /IN numbers|numbers\(\)/],
    ["sleep(3)", /sleep/],
    [" ", /found nothing/],
  ] as const) {
    assert.match(kpiExpressionFault(sql) ?? "accepted", fault, sql);
  }
});
