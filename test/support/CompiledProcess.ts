/**
 * Reads and encodes a few customers of each kind, and prints what came out: a process of its own, because whether code may
 * be made of text is decided for a whole process.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Stream } from "effect"
import type * as Encoding from "../../src/sync/record/Encode.ts"

const original = globalThis.Function
let made = 0
// Counts what is compiled; before the schemas are loaded, which look at it when they are used first.
globalThis.Function = new Proxy(original, {
  apply: (target, self, args) => {
    made++
    return Reflect.apply(target, self, args)
  }
})

const { BatchPolicy, CustomerFile, Encode, PocketflowsDestination, PocketflowsSchema, ReachDestination, ReachSchema } =
  await import("../../src/index.ts")

const csv = [
  "customerId,firstName,createdAt,emailOptOut",
  "c-1,Ada,2024-01-15T10:30:00Z,true",
  'c-2,"Zoë ""Z""",2024-01-15T12:30:00.5+02:00,FALSE',
  "c-3,Bob,2024-02-30T10:30:00Z,true",
  ",Nobody,,"
].join("\n")
const ndjson = [
  '{"id":"p-1","full_name":"Ada","metadata":{"visits":[1]}}',
  '{"id":"p-2","email_address":null}',
  '{"id":"","email_address":7}'
].join("\n")

const told = <A>(stream: Stream.Stream<Encoding.Encoded<A>, unknown, FileSystem.FileSystem>) =>
  Effect.map(Stream.runCollect(stream), (encoded) =>
    encoded.map((one) => (one._tag === "Encoded" ? one.json : one._tag === "Skipped" ? one._tag : one.outcome.reason))
  )

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  yield* fs.writeFileString(`${folder}/a.csv`, csv)
  yield* fs.writeFileString(`${folder}/a.ndjson`, ndjson)
  const policy = BatchPolicy.make()
  return [
    ...(yield* told(
      CustomerFile.read(`${folder}/a.csv`, ReachSchema.CustomerPatch).pipe(
        Encode.encode(policy, ReachDestination.batchPatch())
      )
    )),
    ...(yield* told(
      CustomerFile.read(`${folder}/a.ndjson`, PocketflowsSchema.CustomerUpdate).pipe(
        Encode.encode(policy, PocketflowsDestination.batchUpdate({ business: "b" }))
      )
    ))
  ]
})

const records = await Effect.runPromise(Effect.provide(Effect.scoped(program), NodeServices.layer))
let blocked = false
try {
  original("return 1")
} catch {
  blocked = true
}
process.stdout.write(JSON.stringify({ records, blocked, compiled: made > 1 }))
