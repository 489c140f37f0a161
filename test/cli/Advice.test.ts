import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, SandboxServer } from "../../src/sandbox/index.ts"
import type * as DeadLetters from "../../src/sync/books/DeadLetters.ts"
import type { RecordInput } from "../../src/sync/model/CustomerRecord.ts"
import * as World from "./World.ts"

interface Case {
  readonly reason: string
  readonly file: string
  readonly text: string
  readonly args: ReadonlyArray<string>
  readonly faults?: ReadonlyArray<Fault.Rule>
  /** What a person does with the letter. */
  readonly putRight: (record: RecordInput) => unknown
  /** Who is there in the end: by default Ada. */
  readonly stored?: object
}

const batchPatch = ["--to", "reach.batch-patch", "--tenant", "acme"]
const ada = { customerId: "c-1", firstName: "Ada" }

/** Changes the text of a row or of a line, as in an editor. */
const edit =
  (from: string, to: string) =>
  (record: RecordInput): unknown => {
    assert.isString(record.value)
    assert.include(String(record.value), from)
    return { ...record, value: String(record.value).replace(from, to) }
  }

const set = (fields: object) => (record: RecordInput) => ({ ...record, value: Object.assign({}, record.value, fields) })

const cases: ReadonlyArray<readonly [name: string, found: Case]> = [
  [
    "a row that is broken",
    {
      reason: "Malformed",
      file: "a.csv",
      text: 'customerId,firstName\nc-1,"Ada\n',
      args: batchPatch,
      putRight: edit('"', "")
    }
  ],
  [
    "a row of a mapped header, of which one column feeds two fields",
    {
      reason: "Malformed",
      file: "a.csv",
      text: "email,Name,Notes\nada@example.com,Ada,,too many\n",
      args: [...batchPatch, "--map", "customerId=email", "--map", "firstName=Name", "--ignore-unknown-fields"],
      putRight: edit("ada@example.com,Ada,,too many", "c-1,Ada,"),
      stored: { ...ada, email: "c-1" }
    }
  ],
  [
    "a row that is put right as cells by name",
    {
      reason: "Malformed",
      file: "a.csv",
      text: "customerId,firstName\nc-1,Ada,too many\n",
      args: batchPatch,
      putRight: () => ({ format: "cells", value: ada })
    }
  ],
  [
    "a row that is put right as JSON",
    {
      reason: "Malformed",
      file: "a.csv",
      text: "customerId,firstName\nc-1,Ada,too many\n",
      args: batchPatch,
      putRight: () => ({ format: "json", value: ada })
    }
  ],
  [
    "a line that is not JSON",
    {
      reason: "Malformed",
      file: "a.ndjson",
      text: '{"customerId":"c-1","firstName":"Ada"\n',
      args: batchPatch,
      putRight: edit('"Ada"', '"Ada"}')
    }
  ],
  [
    "a line under mapped names that is not JSON",
    {
      reason: "Malformed",
      file: "a.ndjson",
      text: '{"ID":"c-0","Name":"Bob"}\n{"ID":"c-1","Name":"Ada"\n',
      args: [...batchPatch, "--map", "customerId=ID", "--map", "firstName=Name"],
      putRight: edit('"Ada"', '"Ada"}')
    }
  ],
  [
    "a row that does not fit",
    {
      reason: "SchemaMismatch",
      file: "a.csv",
      text: "customerId,firstName,emailOptOut\nc-1,Ada,perhaps\n",
      args: batchPatch,
      putRight: set({ emailOptOut: "true" }),
      stored: { ...ada, emailOptOut: true }
    }
  ],
  [
    "a line under mapped names that does not fit",
    {
      reason: "SchemaMismatch",
      file: "a.ndjson",
      text: '{"ID":"c-1","Name":5}\n',
      args: [...batchPatch, "--map", "customerId=ID", "--map", "firstName=Name"],
      putRight: set({ firstName: "Ada" })
    }
  ],
  [
    "a line in which two names claim a field",
    {
      reason: "SchemaMismatch",
      file: "a.ndjson",
      text: '{"customerId":"c-1","Name":"Ada","firstName":"Bob"}\n',
      args: [...batchPatch, "--map", "firstName=Name"],
      putRight: edit(',"firstName":"Bob"', "")
    }
  ],
  [
    "a line with a name that is no field",
    {
      reason: "SchemaMismatch",
      file: "a.ndjson",
      text: '{"customerId":"c-1","frstName":"Ada"}\n',
      args: batchPatch,
      putRight: () => ({ format: "json", value: ada })
    }
  ],
  [
    "a line that does not fit, with a name that is ignored",
    {
      reason: "SchemaMismatch",
      file: "a.ndjson",
      text: '{"customerId":"c-1","firstName":5,"note":"x"}\n',
      args: [...batchPatch, "--ignore-unknown-fields"],
      putRight: set({ firstName: "Ada" })
    }
  ],
  [
    "a record that the vendor's client refuses",
    {
      reason: "InvalidRequest",
      file: "a.csv",
      text: "customerId,firstName,emailOptOut\nc-1,Ada,\n",
      args: [...batchPatch, "--empty", "null"],
      putRight: set({ emailOptOut: false }),
      stored: { ...ada, emailOptOut: false }
    }
  ],
  [
    "a record that is too large",
    {
      reason: "TooLarge",
      file: "a.csv",
      text: `customerId,firstName\nc-1,${"A".repeat(300)}\n`,
      args: [...batchPatch, "--batch-bytes", "200"],
      putRight: set({ firstName: "Ada" })
    }
  ],
  [
    "a record that the vendor refuses",
    {
      reason: "BadRequest",
      file: "a.csv",
      text: "customerId,firstName,email\nc-1,Ada,no@example.com\n",
      args: [...batchPatch],
      putRight: set({ email: "ada@example.com" }),
      stored: { ...ada, email: "ada@example.com" }
    }
  ],
  [
    "a record of which nothing is known",
    {
      reason: "OutcomeUnknown",
      file: "a.csv",
      text: "customerId,firstName,lastName,createdAt\nc-1,Ada,Lovelace,2024-01-15T10:30:00Z\n",
      args: ["--to", "reach.create", "--tenant", "acme", "--on-conflict", "reject"],
      faults: [{ fault: Fault.reset("during"), times: 1 }],
      putRight: (record) => record,
      stored: { ...ada, lastName: "Lovelace" }
    }
  ]
]

layer(
  SandboxServer.layer({
    reach: {
      naming: "none",
      queue: { delay: "10 millis" },
      refuse: ({ email }) => (email?.startsWith("no") === true ? "not welcome" : undefined)
    }
  }),
  { excludeTestServices: true }
)("what the command says to type next is typed, and the record is applied:", (it) => {
  it.effect.each(cases)("%s", ([, { args, faults = [], file, putRight, reason, stored = ada, text }]) =>
    Effect.gen(function* () {
      const { patchbay, read, sandbox, write } = yield* World.make
      yield* sandbox.setFaults(faults)
      write(file, text)
      const first = yield* patchbay(["sync", file, ...args, "--dead-letters", "dead.ndjson", "--progress", "none"])
      assert.strictEqual(first.code, 1, first.stderr)
      const lines = read("dead.ndjson").trimEnd().split("\n")
      assert.lengthOf(lines, 1)
      // It is what the command has just written.
      const letter = JSON.parse(lines[0] ?? "") as DeadLetters.DeadLetter
      assert.strictEqual(letter.reason.tag, reason)
      assert.include(first.stderr, "dead.ndjson")
      yield* sandbox.setFaults([])
      write("dead.ndjson", `${JSON.stringify({ ...letter, record: putRight(letter.record) })}\n`)

      const typed = (first.stderr.trimEnd().split("\n").at(-1) ?? "").trim().split(" ").slice(1)
      assert.deepStrictEqual(typed.slice(0, 2), ["retry", "dead.ndjson"], first.stderr)
      const second = yield* patchbay([...typed, "--progress", "none"])
      assert.deepStrictEqual(
        [second.code, second.stderr],
        [0, "Done: 1 record, and none is left over.\n"],
        second.stdout
      )
      yield* sandbox.idle
      const customers = yield* sandbox.reachCustomers("acme")
      assert.deepInclude(customers.get("c-1"), stored)
    })
  )
})
