import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Redacted, Stream } from "effect"
import {
  Checkpoint,
  CustomerFile,
  CustomerSync,
  DeadLetters,
  Mapping,
  Plan,
  ReachAuth,
  ReachClient,
  ReachDestination,
  ReachSchema,
  Source,
  SyncReport
} from "../../src/index.ts"
import { SandboxClient } from "../../src/sandbox/index.ts"

const mapping = (more: Partial<Mapping.Mapping> = {}) =>
  Mapping.schema(
    {
      fields: { customerId: { from: "ID", trim: true }, email: { from: "E-Mail", case: "lower", emptyWords: ["-"] } },
      skip: [{ when: "Status", is: ["cleaned"] }],
      otherColumns: "ignore",
      ...more
    },
    ReachSchema.CustomerPatch
  )

const rows = "ID,E-Mail,Status\n1,A@b.c,\n2,x,cleaned\n3,-,\n4,x,Cleaned\n,x,\n5,b@c.d,\n"

const to = ReachDestination.batchPatch({ tenant: "acme" })
const auth = ReachAuth.token(Redacted.make("tok"), { tenant: "acme" })

const world = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  yield* fs.writeFileString(`${folder}/a.csv`, rows)
  return { fs, folder, file: `${folder}/a.csv` }
})

const live = Layer.provideMerge(Layer.provide(ReachClient.layer({ auth }), SandboxClient.layer()), NodeServices.layer)

describe("records that a mapping leaves out", () => {
  it.live("have an outcome of their own: in the report, in each outcome and in the checkpoint, and no letter", () =>
    Effect.gen(function* () {
      const { file, folder, fs } = yield* world
      const checkpoint = Checkpoint.file(`${folder}/kept`)
      const deadLetters = DeadLetters.file(`${folder}/dead.ndjson`)
      const records = CustomerFile.read(file, mapping())
      const report = yield* CustomerSync.run({ to, checkpoint, deadLetters })(records)
      const outcomes = { Applied: 3, Accepted: 0, Rejected: 1, Unknown: 0, Merged: 0, Skipped: 2, Unsent: 0 }
      assert.deepStrictEqual({ read: report.read, outcomes: report.outcomes }, { read: 6, outcomes })
      assert.match(SyncReport.format(report), /\n {2}skipped +2\n/)
      assert.strictEqual((yield* fs.readFileString(`${folder}/dead.ndjson`)).trim().split("\n").length, 1)
      const again = yield* CustomerSync.run({ to, checkpoint, deadLetters })(records)
      assert.deepStrictEqual([again.nothingNew, again.outcomes], [true, outcomes])

      const each = yield* records.pipe(CustomerSync.outcomes({ to }), Stream.runCollect)
      assert.deepStrictEqual(
        each.filter(({ _tag }) => _tag === "Skipped"),
        [
          { _tag: "Skipped", offset: 1 },
          { _tag: "Skipped", offset: 3 }
        ]
      )
      assert.strictEqual(each.length, 6)

      // Under another mapping it is another source.
      const other = yield* Effect.flip(
        CustomerSync.run({ to, checkpoint })(CustomerFile.read(file, mapping({ skip: [] })))
      )
      assert.strictEqual(other.reason._tag, "CheckpointMismatch")
      assert.include(other.message, "mapping")
    }).pipe(Effect.scoped, Effect.provide(live))
  )

  it.live("are told by the plan, with what the mapping does to each field", () =>
    Effect.gen(function* () {
      const { file } = yield* world
      const records = CustomerFile.read(file, mapping())
      const plan = yield* Plan.make({ to })(records)
      assert.deepInclude(plan, { read: 6, sendable: 3, skipped: 2 })
      assert.deepStrictEqual(plan.mapped?.email, { empty: 1, changed: 1, refused: 0 })
      assert.deepStrictEqual(plan.mapped?.customerId, { empty: 1, changed: 0, refused: 1 })
      assert.hasAllKeys(plan.mapped, ["customerId", "email"])
      assert.match(Plan.format(plan), /\n {2}left out +2\n {2}rejected +1\n/)
      assert.match(Plan.format(plan), /\nmapped: email +1 changed, 1 empty\n/)
      // What a source is made into keeps them.
      for (const changed of [Source.tap(records, () => Effect.void), Source.filter(records, "none", () => false)]) {
        assert.strictEqual((yield* Plan.make({ to })(changed)).skipped, 2)
      }
      const plain = CustomerFile.read(
        file,
        Mapping.schema({ fields: { customerId: { from: "ID" } }, otherColumns: "ignore" }, ReachSchema.CustomerPatch)
      )
      assert.notProperty(yield* Plan.make({ to })(plain), "mapped")
    }).pipe(Effect.scoped, Effect.provide(live))
  )

  it.live("and those that are rejected can be read again out of their letters, through the same mapping", () =>
    Effect.gen(function* () {
      const { file, folder, fs } = yield* world
      yield* fs.writeFileString(`${folder}/a.ndjson`, '{"ID":null,"E-Mail":"A@B.C","Status":"","n":[1]}\n{oops\n')
      for (const [source, count] of [
        [file, 1],
        [`${folder}/a.ndjson`, 2]
      ] as const) {
        const dead = `${source}.dead`
        yield* CustomerSync.run({ to, deadLetters: DeadLetters.file(dead) })(CustomerFile.read(source, mapping()))
        const text = yield* fs.readFileString(dead)
        assert.strictEqual(text.trim().split("\n").length, count)
        const right = text
          .replace('"customerId":""', '"customerId":" 9 "')
          .replace('\\"ID\\":null', '\\"ID\\":\\"9\\"')
          .replace("{oops", '{\\"ID\\":\\"10\\",\\"E-Mail\\":\\"-\\",\\"Status\\":\\"CLEANED\\"}')
        yield* fs.writeFileString(dead, right)
        const again = yield* CustomerFile.deadLetters(dead, mapping()).pipe(Stream.runCollect)
        const told = again.map((record): unknown => (record._tag === "Valid" ? record.patch : record._tag))
        const email = source === file ? "x" : "a@b.c"
        assert.deepStrictEqual(told, [{ customerId: "9", email }, ...(count === 2 ? ["Skipped"] : [])])
      }
      // A letter that was written under another mapping lacks what this one reads.
      const more = mapping({ skip: [{ when: "Type", is: ["x"] }] })
      const [lacking] = yield* CustomerFile.deadLetters(`${file}.dead`, more).pipe(Stream.runCollect)
      // Its cells are known by what they were read for.
      assert.strictEqual(lacking?._tag, "Valid")
      const wider = mapping({ fields: { customerId: { from: ["ID", "Suffix"] } } })
      const [rejected] = yield* CustomerFile.deadLetters(`${file}.dead`, wider).pipe(Stream.runCollect)
      assert.include(rejected?._tag === "Invalid" && rejected.reason.issues[0]?.message, "no cell for customerId[1]")
      // What a vendor refused is there by the names of fields.
      const letter = JSON.parse(yield* fs.readFileString(`${file}.dead`))
      const record = { format: "json", value: { customerId: "7", email: "A" } }
      yield* fs.writeFileString(`${folder}/sent.ndjson`, `${JSON.stringify({ ...letter, record })}\n`)
      const [sent] = yield* CustomerFile.deadLetters(`${folder}/sent.ndjson`, mapping()).pipe(Stream.runCollect)
      assert.deepStrictEqual(sent?._tag === "Valid" && sent.patch, { customerId: "7", email: "A" })
    }).pipe(Effect.scoped, Effect.provide(live))
  )
})
