import assert from "node:assert/strict";
import { test } from "node:test";
import { checkReadOnly } from "../../../src/store/read-only.ts";

test("statements that read pass, without their closing semicolon", () => {
  const reading = [
    "SELECT 1",
    "  select * from metrics final where subject = 'file(x)' ;  ",
    "WITH 1 AS a SELECT a",
    "(SELECT 1)",
    "SHOW TABLES",
    "DESCRIBE TABLE metrics",
    "EXPLAIN SELECT 1",
    "EXISTS TABLE metrics",
    "-- a comment\nSELECT 1",
    "/* a; b */ SELECT 1",
    "SELECT 'it''s; fine' AS a",
    "SELECT `features.amount` FROM predictions_fraud",
    "SELECT * FROM system.settings",
    "SELECT number FROM numbers(10)",
    "SELECT format('{}', 1)",
  ];
  for (const statement of reading)
    assert.equal(checkReadOnly(statement, ["numbers", "format"]), statement.replace(/[\s;]+$/, ""));
});

test("whatever writes, reaches out or hides something is refused with a reason", () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ["", /empty/],
    [" ; ", /empty/],
    ["INSERT INTO metrics SELECT 1", /not insert/],
    ["DROP TABLE metrics", /not drop/],
    ["SET readonly = 0", /not set/],
    ["SELECT 1; DROP TABLE metrics", /one statement/],
    ["SELECT * FROM file('/etc/passwd', 'LineAsString')", /function file/],
    ["SELECT * FROM `file`('/etc/passwd', 'LineAsString')", /function file/],
    ["SELECT * FROM \"FILE\" ( '/etc/passwd')", /function file/],
    ["SELECT * FROM file/**/('/etc/passwd')", /function file/],
    ["SELECT \"a'\", file('/etc/passwd') --'", /function file/],
    ["SELECT $$ ' $$, file('/etc/passwd') --'", /\$/],
    ["SELECT \u2018'\u2019, file('/etc/passwd') --'", /curly/],
    ["SELECT * FROM url('http://169.254.169.254/')", /function url/],
    ["SELECT * FROM remote('10.0.0.1', system.one)", /function remote/],
    ["SELECT * FROM brandNewTableFunction('x')", /function brandnewtablefunction/],
    ["SELECT 1 INTO OUTFILE '/tmp/x'", /INTO OUTFILE/],
    ["SELECT 1 FORMAT CSV", /FORMAT/],
    ["SELECT 1 SETTINGS readonly = 0", /SETTINGS/],
    ["SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)", /SETTINGS/],
    ["SELECT * FROM '/etc/passwd'", /file is no table/],
    ["SELECT * FROM `/etc/passwd`", /looks like a file/],
    ["SELECT 'open", /quote/],
  ];
  for (const [statement, reason] of refused)
    assert.throws(() => checkReadOnly(statement, ["brandNewTableFunction"]), reason, statement);
});
